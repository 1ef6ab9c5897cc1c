src_libcorelay_a_SOURCES += \
	src/exchange/attempt.c src/exchange/body.c \
	src/exchange/conversation.c src/exchange/embed.c src/exchange/earlier.c \
	src/exchange/endpoint.c src/exchange/endpoint.h \
	src/exchange/exchange.c src/exchange/exchange.h \
	src/exchange/fitting.c \
	src/exchange/gateway.c src/exchange/gateway.h \
	src/exchange/key.c \
	src/exchange/life.h \
	src/exchange/local.c \
	src/exchange/mirror.c src/exchange/mirror.h \
	src/exchange/parts.c \
	src/exchange/pass_path.c src/exchange/pass_path.h \
	src/exchange/passthrough.c \
	src/exchange/prepare.c \
	src/exchange/relay.c \
	src/exchange/rerank.c \
	src/exchange/reply.c \
	src/exchange/stored.c \
	src/exchange/wording.c src/exchange/wording.h
