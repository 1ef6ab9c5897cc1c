# The corelay command.

bin_PROGRAMS += src/corelay
src_corelay_SOURCES = \
	src/cli/chat.c \
	src/cli/check.c \
	src/cli/cli.h \
	src/cli/client.c src/cli/client.h \
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

# The set-ups of clients are built in, so that what is printed never depends on where it is installed.
nodist_src_corelay_SOURCES = src/cli/client_files.c
CLEANFILES += src/cli/client_files.c
EXTRA_DIST += src/cli/client_files.awk

src/cli/client_files.c: $(srcdir)/src/cli/client_files.awk $(CLIENT_FILES:%=$(srcdir)/%)
	$(AM_V_GEN)$(MKDIR_P) src/cli && $(AWK) -v folder=$(srcdir)/examples/clients \
		-f $(srcdir)/src/cli/client_files.awk $(srcdir)/examples/clients/clients.list >$@.tmp && \
		mv $@.tmp $@
