# Installed in the layout of the source, since examples/serve finds its neighbours by it.
examplesdir = $(pkgdatadir)/examples
dist_examples_SCRIPTS = examples/serve

nginxdir = $(examplesdir)/nginx
dist_nginx_DATA = \
	examples/nginx/corelay.conf \
	examples/nginx/corelay-prefix.conf \
	examples/nginx/corelay-params.conf

sampledir = $(examplesdir)/config
dist_sample_DATA = \
	examples/config/README.md \
	examples/config/minimal.json \
	examples/config/two-subaccounts.json \
	examples/config/x509.json \
	examples/config/legacy.json \
	examples/config/behind-proxy.json \
	examples/config/environment.env

# Works in a checkout only: it builds.
EXTRA_DIST += examples/quickstart
