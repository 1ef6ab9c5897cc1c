include tests/bench/module.mk
include tests/unit/module.mk
include tests/fuzz/module.mk
include tests/emulator/module.mk
include tests/golden/module.mk

EXTRA_DIST += \
	tests/clients/package.json \
	tests/clients/google.test.mjs \
	tests/clients/sdk.test.mjs \
	tests/clients/stored.test.mjs \
	tests/deps \
	tests/lint \
	tests/run \
	tests/e2e/conftest.py \
	tests/e2e/harness.py \
	tests/e2e/pytest.ini \
	tests/e2e/test_balance.py \
	tests/e2e/test_cli.py \
	tests/e2e/test_embeddings.py \
	tests/e2e/test_clients.py \
	tests/e2e/test_completions.py \
	tests/e2e/test_fastcgi.py \
	tests/e2e/test_gemini.py \
	tests/e2e/test_many.py \
	tests/e2e/test_orchestration.py \
	tests/e2e/test_rerank.py \
	tests/e2e/test_responses.py \
	tests/e2e/test_routing.py \
	tests/e2e/test_serve.py \
	tests/e2e/test_servers.py \
	tests/e2e/test_stored.py
