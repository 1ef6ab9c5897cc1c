src_libcorelay_a_SOURCES +=
src_libcorelay_a_SOURCES += src/aicore/service_key.c src/aicore/service_key.h
src_libcorelay_a_SOURCES += \
	src/aicore/deployment.c src/aicore/deployment.h \
	src/aicore/deployment_fetch.c src/aicore/deployment_fetch.h \
	src/aicore/deployment_list.c src/aicore/deployment_list.h \
	src/aicore/quota.c src/aicore/quota.h \
	src/aicore/retry_after.c src/aicore/retry_after.h \
	src/aicore/shared_fetch.c src/aicore/shared_fetch.h \
	src/aicore/token.c src/aicore/token.h \
	src/aicore/token_fetch.c src/aicore/token_fetch.h \
	src/aicore/token_files.c \
	src/aicore/token_record.c src/aicore/token_record.h \
	src/aicore/token_state.c src/aicore/token_state.h
