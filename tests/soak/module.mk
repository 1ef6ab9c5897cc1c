EXTRA_DIST += \
	tests/soak/asking.py \
	tests/soak/callers.py \
	tests/soak/run \
	tests/soak/watching.py
