include tests/unit/module.mk
include tests/fuzz/module.mk
include tests/emulator/module.mk

EXTRA_DIST += \
	tests/deps \
	tests/run \
	tests/e2e/conftest.py \
	tests/e2e/harness.py \
	tests/e2e/pytest.ini \
	tests/e2e/test_many.py \
	tests/e2e/test_serve.py \
	tests/e2e/test_servers.py
