# The benchmark's programs; built by tests/bench/run, not by make.

EXTRA_PROGRAMS += tests/bench/hello tests/bench/load tests/bench/relay tests/bench/upstream

tests_bench_hello_SOURCES = tests/bench/hello.c
tests_bench_hello_CPPFLAGS = $(AM_CPPFLAGS) $(FCGI_CFLAGS)
tests_bench_hello_LDADD = $(FCGI_LIBS)
tests_bench_load_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_bench_load_SOURCES = tests/bench/load.c
tests_bench_relay_SOURCES = tests/bench/relay.c
tests_bench_relay_CPPFLAGS = $(AM_CPPFLAGS) $(FCGI_CFLAGS) $(CURL_CFLAGS)
tests_bench_relay_LDADD = $(FCGI_LIBS) $(CURL_LIBS)
tests_bench_upstream_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tests_bench_upstream_SOURCES = tests/bench/upstream.c

.PHONY: bench-programs
bench-programs: tests/bench/hello tests/bench/load tests/bench/relay tests/bench/upstream

CLEANFILES += tests/bench/hello tests/bench/load tests/bench/relay tests/bench/upstream

EXTRA_DIST += \
	tests/bench/bodies.py \
	tests/bench/growth.py \
	tests/bench/ledger.json \
	tests/bench/ledger.py \
	tests/bench/parts.py \
	tests/bench/profile_calls.py \
	tests/bench/report.py \
	tests/bench/run \
	tests/bench/servers.py
