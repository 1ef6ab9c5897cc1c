src_libcorelay_a_SOURCES += \
	src/chat/citation.c src/chat/citation.h \
	src/chat/collect.c src/chat/collect.h \
	src/chat/embed.h src/chat/rerank.h \
	src/chat/dropped.c src/chat/dropped.h \
	src/chat/error.c src/chat/error.h \
	src/chat/estimate.c src/chat/estimate.h \
	src/chat/event.h \
	src/chat/late_system.c \
	src/chat/order.c src/chat/order.h \
	src/chat/request.c src/chat/request.h
