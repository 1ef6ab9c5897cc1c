# Fuzz targets. Each is LLVMFuzzerTestOneInput; linked with replay.c it is a program that takes files or
# folders, so that corpora are replayed where there is no fuzzer: `make check` does so with the golden
# cases and with what fuzzing has found (regressions/TARGET/). tests/fuzz/run fuzzes.

fuzz_targets =
check_PROGRAMS += $(fuzz_targets)

fuzz_targets += tests/fuzz/fuzz_openai_chat
tests_fuzz_fuzz_openai_chat_SOURCES = tests/fuzz/fuzz_openai_chat.c tests/fuzz/replay.c \
	tests/fuzz/dialect_rounds.c tests/fuzz/dialect_rounds.h
tests_fuzz_fuzz_openai_chat_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_openai_completions
tests_fuzz_fuzz_openai_completions_SOURCES = tests/fuzz/fuzz_openai_completions.c \
	tests/fuzz/replay.c tests/fuzz/dialect_rounds.c tests/fuzz/dialect_rounds.h
tests_fuzz_fuzz_openai_completions_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_openai_responses
tests_fuzz_fuzz_openai_responses_SOURCES = tests/fuzz/fuzz_openai_responses.c tests/fuzz/replay.c \
	tests/fuzz/dialect_rounds.c tests/fuzz/dialect_rounds.h
tests_fuzz_fuzz_openai_responses_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_anthropic_messages
tests_fuzz_fuzz_anthropic_messages_SOURCES = tests/fuzz/fuzz_anthropic_messages.c \
	tests/fuzz/replay.c tests/fuzz/dialect_rounds.c tests/fuzz/dialect_rounds.h
tests_fuzz_fuzz_anthropic_messages_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_gemini_generate
tests_fuzz_fuzz_gemini_generate_SOURCES = tests/fuzz/fuzz_gemini_generate.c \
	tests/fuzz/replay.c tests/fuzz/dialect_rounds.c tests/fuzz/dialect_rounds.h
tests_fuzz_fuzz_gemini_generate_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/replay.c
tests_fuzz_fuzz_config_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_model_rules
tests_fuzz_fuzz_model_rules_SOURCES = tests/fuzz/fuzz_model_rules.c tests/fuzz/replay.c
tests_fuzz_fuzz_model_rules_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_service_key
tests_fuzz_fuzz_service_key_SOURCES = tests/fuzz/fuzz_service_key.c tests/fuzz/replay.c
tests_fuzz_fuzz_service_key_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_python_literal
tests_fuzz_fuzz_python_literal_SOURCES = tests/fuzz/fuzz_python_literal.c tests/fuzz/replay.c
tests_fuzz_fuzz_python_literal_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_aws_eventstream
tests_fuzz_fuzz_aws_eventstream_SOURCES = tests/fuzz/fuzz_aws_eventstream.c tests/fuzz/replay.c
tests_fuzz_fuzz_aws_eventstream_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_bedrock_invoke
tests_fuzz_fuzz_bedrock_invoke_SOURCES = tests/fuzz/fuzz_bedrock_invoke.c tests/fuzz/replay.c
tests_fuzz_fuzz_bedrock_invoke_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_bedrock_converse
tests_fuzz_fuzz_bedrock_converse_SOURCES = tests/fuzz/fuzz_bedrock_converse.c tests/fuzz/replay.c
tests_fuzz_fuzz_bedrock_converse_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_frames
tests_fuzz_fuzz_frames_SOURCES = tests/fuzz/fuzz_frames.c tests/fuzz/replay.c
tests_fuzz_fuzz_frames_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_azure_openai
tests_fuzz_fuzz_azure_openai_SOURCES = tests/fuzz/fuzz_azure_openai.c tests/fuzz/replay.c \
	tests/fuzz/family_rounds.c tests/fuzz/family_rounds.h
tests_fuzz_fuzz_azure_openai_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_azure_responses
tests_fuzz_fuzz_azure_responses_SOURCES = tests/fuzz/fuzz_azure_responses.c tests/fuzz/replay.c \
	tests/fuzz/family_rounds.c tests/fuzz/family_rounds.h
tests_fuzz_fuzz_azure_responses_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_orchestration
tests_fuzz_fuzz_orchestration_SOURCES = tests/fuzz/fuzz_orchestration.c tests/fuzz/replay.c \
	tests/fuzz/family_rounds.c tests/fuzz/family_rounds.h
tests_fuzz_fuzz_orchestration_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_orchestration_config
tests_fuzz_fuzz_orchestration_config_SOURCES = tests/fuzz/fuzz_orchestration_config.c \
	tests/fuzz/replay.c
tests_fuzz_fuzz_orchestration_config_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_vertex_gemini
tests_fuzz_fuzz_vertex_gemini_SOURCES = tests/fuzz/fuzz_vertex_gemini.c tests/fuzz/replay.c \
	tests/fuzz/family_rounds.c tests/fuzz/family_rounds.h
tests_fuzz_fuzz_vertex_gemini_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_pass_path
tests_fuzz_fuzz_pass_path_SOURCES = tests/fuzz/fuzz_pass_path.c tests/fuzz/replay.c
tests_fuzz_fuzz_pass_path_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_rerank
tests_fuzz_fuzz_rerank_SOURCES = tests/fuzz/fuzz_rerank.c tests/fuzz/replay.c
tests_fuzz_fuzz_rerank_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_embeddings
tests_fuzz_fuzz_embeddings_SOURCES = tests/fuzz/fuzz_embeddings.c tests/fuzz/replay.c
tests_fuzz_fuzz_embeddings_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_jspan
tests_fuzz_fuzz_jspan_SOURCES = tests/fuzz/fuzz_jspan.c tests/fuzz/replay.c
tests_fuzz_fuzz_jspan_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_endpoint
tests_fuzz_fuzz_endpoint_SOURCES = tests/fuzz/fuzz_endpoint.c tests/fuzz/replay.c
tests_fuzz_fuzz_endpoint_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_deployment
tests_fuzz_fuzz_deployment_SOURCES = tests/fuzz/fuzz_deployment.c tests/fuzz/replay.c
tests_fuzz_fuzz_deployment_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_store
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz_store.c tests/fuzz/replay.c
tests_fuzz_fuzz_store_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_token_file
tests_fuzz_fuzz_token_file_SOURCES = tests/fuzz/fuzz_token_file.c tests/fuzz/replay.c
tests_fuzz_fuzz_token_file_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_scoreboard
tests_fuzz_fuzz_scoreboard_SOURCES = tests/fuzz/fuzz_scoreboard.c tests/fuzz/replay.c
tests_fuzz_fuzz_scoreboard_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_translate
tests_fuzz_fuzz_translate_SOURCES = tests/fuzz/fuzz_translate.c tests/fuzz/replay.c
tests_fuzz_fuzz_translate_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_params
tests_fuzz_fuzz_params_SOURCES = tests/fuzz/fuzz_params.c tests/fuzz/replay.c fcgi/params.c fcgi/params.h
tests_fuzz_fuzz_params_LDADD = $(CORELAY_LIBS)

fuzz_targets += tests/fuzz/fuzz_records
tests_fuzz_fuzz_records_SOURCES = tests/fuzz/fuzz_records.c tests/fuzz/replay.c fcgi/records.c fcgi/records.h
tests_fuzz_fuzz_records_CPPFLAGS = $(AM_CPPFLAGS) $(FCGI_CFLAGS)
tests_fuzz_fuzz_records_LDADD = $(CORELAY_LIBS) $(FCGI_LIBS)

fuzz_targets += tests/fuzz/fuzz_upstream_error
tests_fuzz_fuzz_upstream_error_SOURCES = tests/fuzz/fuzz_upstream_error.c tests/fuzz/replay.c
tests_fuzz_fuzz_upstream_error_LDADD = $(CORELAY_LIBS)

.PHONY: fuzz-targets
fuzz-targets: $(fuzz_targets)

fuzz-list:
	@for target in $(fuzz_targets); do echo "$${target##*/}"; done
.PHONY: fuzz-list

TESTS += tests/fuzz/replay-all
# What fuzzing has found, by target.
EXTRA_DIST += \
	tests/fuzz/regressions/fuzz_bedrock_converse/data-line-ends-at-once \
	tests/fuzz/regressions/fuzz_bedrock_invoke/output-config-twice \
	tests/fuzz/regressions/fuzz_embeddings/not-a-number \
	tests/fuzz/regressions/fuzz_openai_chat/call-id-cut-in-a-letter \
	tests/fuzz/regressions/fuzz_orchestration_config/not-utf8 \
	tests/fuzz/regressions/fuzz_params/empty \
	tests/fuzz/regressions/fuzz_pass_path/escape-behind-a-broken-one \
	tests/fuzz/regressions/fuzz_records/padding-like-a-header \
	tests/fuzz/regressions/fuzz_upstream_error/overlong-utf8
EXTRA_DIST += tests/fuzz/README.md tests/fuzz/replay-all tests/fuzz/run tests/fuzz/seed
