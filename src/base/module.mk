src_libcorelay_a_SOURCES += \
	src/base/arena.c src/base/arena.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/crypto.c src/base/crypto.h \
	src/base/decimal.c src/base/decimal.h \
	src/base/file.c src/base/file.h \
	src/base/hash.h \
	src/base/held.c src/base/held.h \
	src/base/json.c src/base/json.h \
	src/base/jspan.c src/base/jspan.h src/base/jspan_parse.c src/base/json_plain.h \
	src/base/jwrite.c src/base/jwrite.h \
	src/base/log.c src/base/log.h \
	src/base/sandbox.c src/base/sandbox.h src/base/sandbox_calls.c \
	src/base/sandbox_files.c \
	src/base/status.c src/base/status.h \
	src/base/str.c src/base/str.h
