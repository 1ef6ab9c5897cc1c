# Golden cases and the lane's promise; see README.md here. cases.list names the cases of a release.

golden_sources = \
	tests/golden/case_file.c \
	tests/golden/case_file.h \
	tests/golden/event_stream.c \
	tests/golden/event_stream.h \
	tests/golden/replay.c \
	tests/golden/replay.h \
	tests/golden/replay_answer.c

tests_golden_golden_SOURCES = \
	tests/golden/capabilities.c \
	tests/golden/capabilities.h \
	tests/golden/golden.c \
	tests/golden/replay_work.c \
	$(golden_sources)
tests_golden_golden_LDADD = $(CORELAY_LIBS)
tests_golden_lane_SOURCES = tests/golden/lane.c tests/golden/lane_chat.c \
	tests/golden/lane_claude.c tests/golden/lane_gemini.c tests/golden/lane_responses.c \
	tests/golden/twin.c tests/golden/twin.h
tests_golden_lane_LDADD = $(CORELAY_LIBS)
check_PROGRAMS += tests/golden/golden tests/golden/lane
TESTS += tests/golden/golden tests/golden/lane

EXTRA_DIST += \
	tests/golden/README.md \
	tests/golden/capabilities.md.in \
	tests/golden/cases.list \
	tests/golden/matrix.txt

# A list of its own: as a variable it would outgrow what a shell takes as one argument.
dist-hook: dist-golden-cases
.PHONY: dist-golden-cases
dist-golden-cases:
	@while read -r name; do \
	    folder=$(distdir)/$${name%/*}; \
	    test -d "$$folder" || $(MKDIR_P) "$$folder" || exit 1; \
	    cp -p "$(srcdir)/$$name" "$$folder" || exit 1; \
	done < $(srcdir)/tests/golden/cases.list

# Take what comes out now as what is expected, and list the cases anew. Read the difference!
.PHONY: update-golden
update-golden: tests/golden/golden
	cd $(srcdir) && find tests/golden/cases -type f ! -name '.*' | LC_ALL=C sort \
	    > tests/golden/cases.list
	srcdir=$(srcdir) tests/golden/golden --update
	srcdir=$(srcdir) tests/golden/golden --capabilities

# What users read of the cases, and what `corelay models --matrix` knows of them.
.PHONY: capabilities
capabilities: tests/golden/golden
	srcdir=$(srcdir) tests/golden/golden --capabilities
