# Each allocation fails once; see torture.c. Part of make check; with --enable-sanitizers it sees leaks.

check_PROGRAMS += tests/torture/torture
TESTS += tests/torture/torture
tests_torture_torture_SOURCES = \
	tests/torture/arena.c \
	tests/torture/failing.c \
	tests/torture/failing.h \
	tests/torture/scene.h \
	tests/torture/scene_exchanges.c \
	tests/torture/scene_files.c \
	tests/torture/torture.c \
	tests/golden/case_file.c \
	tests/golden/case_file.h \
	tests/golden/event_stream.c \
	tests/golden/event_stream.h
tests_torture_torture_LDADD = $(CORELAY_LIBS)
tests_torture_torture_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc \
	-Wl,--wrap=realloc -Wl,--wrap=strdup

.PHONY: torture
torture: tests/torture/torture
	srcdir=$(srcdir) tests/torture/torture
