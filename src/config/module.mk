src_libcorelay_a_SOURCES += \
	src/config/account.c \
	src/config/caller_key.c \
	src/config/check.c \
	src/config/config.h \
	src/config/environment.c \
	src/config/keys.c \
	src/config/load.c \
	src/config/model.c \
	src/config/reading.h \
	src/config/report.c \
	src/config/routing.c \
	src/config/settings.c \
	src/config/stamp.c
