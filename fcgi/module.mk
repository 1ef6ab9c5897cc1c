# The FastCGI responder: alone includes libfcgi.

corelaylibexecdir = $(libexecdir)/corelay
corelaylibexec_PROGRAMS = fcgi/corelay.fcgi
fcgi_corelay_fcgi_SOURCES = \
	fcgi/acceptor.c \
	fcgi/cgi.c \
	fcgi/confine.c \
	fcgi/conn.c \
	fcgi/door.c \
	fcgi/main.c \
	fcgi/params.c fcgi/params.h \
	fcgi/peer.c fcgi/peer.h \
	fcgi/records.c fcgi/records.h \
	fcgi/responder.h
fcgi_corelay_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(FCGI_CFLAGS)
fcgi_corelay_fcgi_LDADD = $(CORELAY_LIBS) $(FCGI_LIBS)
