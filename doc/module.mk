dist_man_MANS += doc/corelay.1 doc/corelay.fcgi.8 doc/corelay.json.5
EXTRA_DIST += doc/configuration.md doc/dependencies.md doc/design.md
