src_libcorelay_a_SOURCES += \
	src/gate/api_key.c src/gate/api_key.h \
	src/gate/client.c src/gate/client.h \
	src/gate/record.c src/gate/record.h
