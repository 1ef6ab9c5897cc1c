# The corelay command.

bin_PROGRAMS += src/corelay
src_corelay_SOURCES = \
	src/cli/chat.c \
	src/cli/check.c \
	src/cli/cli.h \
	src/cli/doctor.c \
	src/cli/doctor.h \
	src/cli/doctor_upstream.c \
	src/cli/doctor_url.c \
	src/cli/key.c \
	src/cli/main.c \
	src/cli/matrix.c \
	src/cli/matrix.h \
	src/cli/matrix.inc \
	src/cli/models.c \
	src/cli/options.c \
	src/cli/request.c \
	src/cli/session.c src/cli/session.h \
	src/cli/status.c \
	src/cli/token.c \
	src/cli/version.c
src_corelay_CPPFLAGS = $(AM_CPPFLAGS)
src_corelay_LDADD = $(CORELAY_LIBS)
