src_libcorelay_a_SOURCES += \
	src/family/azure_openai.c src/family/azure_prepare.c src/family/azure_prepare.h \
	src/family/azure_responses.c src/family/azure_responses.h \
	src/family/azure_responses_encode.c src/family/azure_responses_prepare.c \
	src/family/azure_responses_read.c \
	src/family/family.c src/family/family.h \
	src/family/frames.c src/family/frames.h src/family/json_scan.h \
	src/family/images.c src/family/images.h \
	src/family/model.c src/family/model.h src/family/model_rules.c \
	src/family/openai_compatible.c \
	src/family/openai_embed.c src/family/openai_embed.h \
	src/family/openai_encode.c src/family/openai_encode.h src/family/openai_messages.c \
	src/family/openai_thinking.c \
	src/family/openai_blocks.c src/family/openai_blocks.h \
	src/family/openai_replay.c \
	src/family/openai_reader.c src/family/openai_reader.h \
	src/family/orchestration.c src/family/orchestration.h \
	src/family/orchestration_embed.c src/family/orchestration_messages.c \
	src/family/orchestration_params.c src/family/orchestration_profile.h \
	src/family/orchestration_read.c \
	src/family/rewrite.c src/family/rewrite.h \
	src/family/upstream_error.c src/family/upstream_error.h \
	src/family/vertex_gemini.c src/family/vertex_gemini.h \
	src/family/vertex_gemini_encode.c src/family/vertex_gemini_contents.c \
	src/family/vertex_gemini_embed.c src/family/vertex_gemini_lane.c \
	src/family/vertex_gemini_grounding.c src/family/vertex_gemini_grounding.h \
	src/family/vertex_gemini_reader.c src/family/vertex_gemini_schema.c

src_libcorelay_a_SOURCES += \
	src/family/anthropic_wire.c src/family/anthropic_wire.h \
	src/family/aws_eventstream.c src/family/aws_eventstream.h \
	src/family/bedrock_converse.c src/family/bedrock_converse.h \
	src/family/bedrock_converse_citation.c \
	src/family/bedrock_converse_encode.c src/family/bedrock_converse_read.c \
	src/family/bedrock_invoke.c src/family/bedrock_invoke.h \
	src/family/bedrock_invoke_cache.c src/family/bedrock_invoke_messages.c \
	src/family/bedrock_invoke_prepare.c src/family/bedrock_invoke_read.c \
	src/family/bedrock_invoke_thinking.c src/family/bedrock_invoke_tools.c \
	src/family/bedrock_titan.c \
	src/family/cohere_rerank.c src/family/sap_rpt.c src/family/passthrough.c \
	src/family/embed_inputs.c src/family/embed_inputs.h \
	src/family/bedrock_breakpoints.c \
	src/family/bedrock_plan.c src/family/bedrock_plan.h src/family/bedrock_turns.c \
	src/family/bedrock_reader.c src/family/bedrock_reader.h \
	src/family/python_literal.c src/family/python_literal.h

# The model rules are data (models.json), built in as one string.
EXTRA_DIST += src/family/models.json
CLEANFILES += src/family/models.inc
src/family/libcorelay_a-model_rules.$(OBJEXT): src/family/models.inc
src/family/models.inc: src/family/models.json
	$(AM_V_GEN)$(MKDIR_P) src/family && \
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^ */"/' -e 's/$$/\\n"/' \
		$(srcdir)/src/family/models.json >$@.tmp && mv -f $@.tmp $@
