# The emulated SAP AI Core. Independent of src/: it is what the gateway is checked against.

if HAVE_MICROHTTPD
noinst_PROGRAMS += tests/emulator/aicore-emulator

# Administrators rehearse with it, under a name that says whose it is.
install-exec-local: tests/emulator/aicore-emulator
	$(MKDIR_P) "$(DESTDIR)$(bindir)"
	$(INSTALL_PROGRAM) tests/emulator/aicore-emulator "$(DESTDIR)$(bindir)/corelay-emulator"

uninstall-local:
	rm -f "$(DESTDIR)$(bindir)/corelay-emulator"

dist_man_MANS += doc/corelay-emulator.1
endif

tests_emulator_aicore_emulator_SOURCES = \
    tests/emulator/answer.c \
    tests/emulator/answer.h \
    tests/emulator/azure.c \
    tests/emulator/bedrock.c \
    tests/emulator/bedrock.h \
    tests/emulator/cache.c \
    tests/emulator/cache.h \
    tests/emulator/chat.h \
    tests/emulator/chat_messages.c \
    tests/emulator/chat_render.c \
    tests/emulator/chat_tools.c \
    tests/emulator/claude_citations.c tests/emulator/claude_messages.c \
    tests/emulator/claude_messages.h \
    tests/emulator/control.c \
    tests/emulator/control.h \
    tests/emulator/converse.c \
    tests/emulator/converse.h \
    tests/emulator/converse_messages.c \
    tests/emulator/converse_render.c \
    tests/emulator/convo.c \
    tests/emulator/convo.h \
    tests/emulator/directive.c \
    tests/emulator/embeddings.c \
    tests/emulator/exchange.h \
    tests/emulator/fault.c \
    tests/emulator/fault.h \
    tests/emulator/cohere.c \
    tests/emulator/custom.c \
    tests/emulator/rpt.c \
    tests/emulator/hosted.c \
    tests/emulator/inference.c \
    tests/emulator/inference.h \
    tests/emulator/instance.c \
    tests/emulator/invoke.c \
    tests/emulator/invoke_render.c \
    tests/emulator/invoke_render.h \
    tests/emulator/json.c \
    tests/emulator/json.h \
    tests/emulator/keys.c \
    tests/emulator/keys.h \
    tests/emulator/lm.c \
    tests/emulator/lm.h \
    tests/emulator/main.c \
    tests/emulator/oauth.c \
    tests/emulator/oauth.h \
    tests/emulator/orchestration.c \
    tests/emulator/orchestration.h \
    tests/emulator/orchestration_filter.c \
    tests/emulator/orchestration_mask.c \
    tests/emulator/orchestration_model.c \
    tests/emulator/orchestration_render.c \
    tests/emulator/orchestration_schema.c \
    tests/emulator/orchestration_template.c \
    tests/emulator/pacer.c \
    tests/emulator/pacer.h \
    tests/emulator/pool.c \
    tests/emulator/pool.h \
    tests/emulator/prefix.c \
    tests/emulator/prefix.h \
    tests/emulator/quota.c \
    tests/emulator/quota.h \
    tests/emulator/reply.c \
    tests/emulator/reply.h \
    tests/emulator/reqlog.c \
    tests/emulator/reqlog.h \
    tests/emulator/responses.c \
    tests/emulator/responses.h \
    tests/emulator/responses_input.c \
    tests/emulator/responses_render.c \
    tests/emulator/responses_stored.c \
    tests/emulator/script.c \
    tests/emulator/server.c \
    tests/emulator/server.h \
    tests/emulator/settings.c \
    tests/emulator/settings.h \
    tests/emulator/sse.c \
    tests/emulator/sse.h \
    tests/emulator/tenant.c \
    tests/emulator/tenant.h \
    tests/emulator/tls.c \
    tests/emulator/tls.h \
    tests/emulator/vertex.c \
    tests/emulator/vertex.h \
    tests/emulator/vertex_contents.c \
    tests/emulator/vertex_render.c \
    tests/emulator/vertex_schema.c \
    tests/emulator/wire.c \
    tests/emulator/wire.h

tests_emulator_aicore_emulator_CPPFLAGS = -D_GNU_SOURCE
tests_emulator_aicore_emulator_CFLAGS = $(AM_CFLAGS) $(MICROHTTPD_CFLAGS) $(CJSON_CFLAGS) \
    $(OPENSSL_CFLAGS)
# libssl comes with libcrypto; only the emulator's TLS port uses it.
tests_emulator_aicore_emulator_LDADD = $(MICROHTTPD_LIBS) $(CJSON_LIBS) -lssl $(OPENSSL_LIBS) -lm

EXTRA_DIST += tests/emulator/README.md tests/emulator/selftest.py
