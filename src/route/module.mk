src_libcorelay_a_SOURCES += \
	src/route/alias.c src/route/alias.h \
	src/route/table.c src/route/table.h
