src_libcorelay_a_SOURCES += \
	src/http/anchors.c \
	src/http/client.c src/http/client.h \
	src/http/pool.c src/http/pool.h \
	src/http/reactor.c src/http/reactor.h \
	src/http/url.c
