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

# src/cli builds them into the corelay command.
CLIENT_FILES = \
	examples/clients/clients.list \
	examples/clients/claude-code/environment.sh \
	examples/clients/codex/config.toml \
	examples/clients/opencode/opencode.json \
	examples/clients/gemini-cli/settings.json \
	examples/clients/gemini-cli/environment.sh \
	examples/clients/cline/authenticate.sh \
	examples/clients/claude-code-router/config.json \
	examples/clients/claude-code-router/start.sh \
	examples/clients/sdk/openai.mjs \
	examples/clients/sdk/openai_chat.py \
	examples/clients/sdk/anthropic.mjs \
	examples/clients/sdk/anthropic_messages.py \
	examples/clients/sdk/google.mjs \
	examples/clients/sdk/google_generate.py \
	examples/clients/sdk/vercel-ai.mjs \
	examples/clients/sdk/langchain.mjs \
	examples/clients/by-hand/cursor.md \
	examples/clients/by-hand/cherry-studio.md \
	examples/clients/by-hand/lobechat.md \
	examples/clients/by-hand/chatwise.md

# nobase: with their folders, since names repeat.
nobase_dist_pkgdata_DATA = $(CLIENT_FILES) examples/clients/README.md

# Works in a checkout only: it builds.
EXTRA_DIST += examples/quickstart
