src_libcorelay_a_SOURCES += \
	src/gate/api_key.c src/gate/api_key.h
