# Configuration for lighttpd, and the units that keep a responder running for any web server. They are
# samples: what belongs in /etc is the administrator's to decide.
lighttpddir = $(pkgdatadir)/lighttpd
dist_lighttpd_DATA = \
	lighttpd/corelay.conf \
	lighttpd/corelay-bin-path.conf \
	lighttpd/corelay-cgi.conf \
	lighttpd/corelay.service \
	lighttpd/corelay.socket
