src_libcorelay_a_SOURCES += \
	src/route/alias.c src/route/alias.h \
	src/route/choice.c src/route/choice.h \
	src/route/guesses.c src/route/guesses.h \
	src/route/health.c src/route/health.h \
	src/route/pick.c src/route/pick.h \
	src/route/scoreboard.c src/route/scoreboard.h \
	src/route/scoreboard_map.c src/route/scoreboard_map.h \
	src/route/table.c src/route/table.h \
	src/route/table_orchestration.c src/route/table_parts.h
