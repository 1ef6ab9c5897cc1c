src_libcorelay_a_SOURCES += \
	src/config/account.c \
	src/config/binding.c \
	src/config/caller_key.c \
	src/config/check.c \
	src/config/config.h \
	src/config/environment.c \
	src/config/keys.c \
	src/config/load.c \
	src/config/model.c \
	src/config/orchestration.c src/config/orchestration.h src/config/orchestration_shape.c \
	src/config/reading.h \
	src/config/report.c \
	src/config/routing.c \
	src/config/settings.c \
	src/config/shape.c src/config/shape.h \
	src/config/stamp.c \
	src/config/trust.c
