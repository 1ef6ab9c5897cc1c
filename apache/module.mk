# Configuration for Apache; samples, as for lighttpd.
apachedir = $(pkgdatadir)/apache
dist_apache_DATA = \
	apache/corelay-proxy.conf \
	apache/corelay-fcgid.conf \
	apache/corelay-fcgid-limits.conf \
	apache/corelay-cgi.conf
