# Golden cases and the lane's promise; see README.md here. cases.mk lists the cases for a release.

golden_sources = \
	tests/golden/case_file.c \
	tests/golden/case_file.h \
	tests/golden/event_stream.c \
	tests/golden/event_stream.h \
	tests/golden/replay.c \
	tests/golden/replay.h \
	tests/golden/replay_answer.c

tests_golden_golden_SOURCES = tests/golden/golden.c $(golden_sources)
tests_golden_golden_LDADD = $(CORELAY_LIBS)
tests_golden_lane_SOURCES = tests/golden/lane.c
tests_golden_lane_LDADD = $(CORELAY_LIBS)
check_PROGRAMS += tests/golden/golden tests/golden/lane
TESTS += tests/golden/golden tests/golden/lane

include tests/golden/cases.mk
EXTRA_DIST += tests/golden/README.md $(golden_cases)

# Take what comes out now as what is expected, and list the cases anew. Read the difference!
.PHONY: update-golden
update-golden: tests/golden/golden
	cd $(srcdir) && { echo 'golden_cases = \'; \
	    find tests/golden/cases -type f ! -name '.*' | LC_ALL=C sort | sed -e 's/^/	/' -e '$$!s/$$/ \\/'; } \
	    > tests/golden/cases.mk
	srcdir=$(srcdir) tests/golden/golden --update
