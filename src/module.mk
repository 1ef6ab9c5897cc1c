# The gateway as a static library: it knows neither FastCGI nor a web server.

noinst_LIBRARIES += src/libcorelay.a
src_libcorelay_a_SOURCES =
src_libcorelay_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(CJSON_CFLAGS) $(OPENSSL_CFLAGS)
CORELAY_LIBS = src/libcorelay.a $(CURL_LIBS) $(CJSON_LIBS) $(OPENSSL_LIBS)

include src/base/module.mk
include src/http/module.mk
include src/chat/module.mk
include src/dialect/module.mk
include src/family/module.mk
include src/aicore/module.mk
include src/route/module.mk
include src/gate/module.mk
include src/config/module.mk
include src/store/module.mk
include src/exchange/module.mk
include src/cli/module.mk
