src_libcorelay_a_SOURCES += \
	src/store/files.c src/store/files.h \
	src/store/store.c src/store/store.h
