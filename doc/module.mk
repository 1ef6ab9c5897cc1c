# Manual pages and the documents for administrators and contributors.

dist_man_MANS += doc/corelay.1 doc/corelay.fcgi.8 doc/corelay.json.5
dist_doc_DATA = \
	doc/capabilities.md \
	doc/configuration.md \
	doc/dependencies.md \
	doc/design.md \
	doc/faults.md \
	doc/flames-across.svg \
	doc/flames-event.svg \
	doc/flames-event-across.svg \
	doc/flames-lane.svg \
	doc/flames-small.svg \
	doc/known-failures.md \
	doc/orchestration.md \
	doc/passthrough.md \
	doc/performance.md \
	doc/performance.svg \
	doc/routing.md \
	doc/security.md \
	doc/token-estimate.md
