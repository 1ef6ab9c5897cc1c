src_libcorelay_a_SOURCES +=
src_libcorelay_a_SOURCES += src/aicore/service_key.c src/aicore/service_key.h
