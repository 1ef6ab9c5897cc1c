include tests/unit/module.mk
include tests/fuzz/module.mk
include tests/emulator/module.mk
