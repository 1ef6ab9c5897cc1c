# One program per module of src/. To add one: three lines, as below.

UNIT_LIBS = $(CORELAY_LIBS) $(CMOCKA_LIBS)
unit_tests =

unit_tests += tests/unit/test_api_key
tests_unit_test_api_key_SOURCES = tests/unit/test_api_key.c
tests_unit_test_api_key_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_config
tests_unit_test_config_SOURCES = tests/unit/test_config.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_config_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_service_key
tests_unit_test_service_key_SOURCES = tests/unit/test_service_key.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_service_key_LDADD = $(UNIT_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
