# One program per module of src/. To add one: three lines, as below.

UNIT_LIBS = $(CORELAY_LIBS) $(CMOCKA_LIBS)
unit_tests =

family_case = tests/unit/family_case.c tests/unit/family_case.h \
	tests/unit/event_print.c tests/unit/event_print.h

unit_tests += tests/unit/test_str
tests_unit_test_str_SOURCES = tests/unit/test_str.c
tests_unit_test_str_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_arena
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c
tests_unit_test_arena_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_buf
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_jspan
tests_unit_test_jspan_SOURCES = tests/unit/test_jspan.c
tests_unit_test_jspan_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_jwrite
tests_unit_test_jwrite_SOURCES = tests/unit/test_jwrite.c
tests_unit_test_jwrite_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_json
tests_unit_test_json_SOURCES = tests/unit/test_json.c
tests_unit_test_json_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_decimal
tests_unit_test_decimal_SOURCES = tests/unit/test_decimal.c
tests_unit_test_decimal_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_file
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_crypto
tests_unit_test_crypto_SOURCES = tests/unit/test_crypto.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_crypto_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_sandbox
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c
tests_unit_test_sandbox_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_clock
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c
tests_unit_test_clock_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_reactor
tests_unit_test_reactor_SOURCES = tests/unit/test_reactor.c
tests_unit_test_reactor_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_client
tests_unit_test_client_SOURCES = tests/unit/test_client.c
tests_unit_test_client_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_tls
tests_unit_test_tls_SOURCES = tests/unit/test_tls.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_tls_LDADD = $(UNIT_LIBS) -lssl

unit_tests += tests/unit/test_endpoint
tests_unit_test_endpoint_SOURCES = tests/unit/test_endpoint.c
tests_unit_test_endpoint_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_store
tests_unit_test_store_SOURCES = tests/unit/test_store.c
tests_unit_test_store_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_responses_stored
tests_unit_test_responses_stored_SOURCES = tests/unit/test_responses_stored.c
tests_unit_test_responses_stored_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_record
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_params
tests_unit_test_params_SOURCES = tests/unit/test_params.c \
	fcgi/params.c fcgi/params.h
tests_unit_test_params_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/fcgi
tests_unit_test_params_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_peer
tests_unit_test_peer_SOURCES = tests/unit/test_peer.c \
	fcgi/peer.c fcgi/params.c fcgi/params.h
tests_unit_test_peer_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/fcgi
tests_unit_test_peer_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_records
tests_unit_test_records_SOURCES = tests/unit/test_records.c \
	fcgi/records.c fcgi/records.h
tests_unit_test_records_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/fcgi
tests_unit_test_records_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_caller_program
tests_unit_test_caller_program_SOURCES = tests/unit/test_caller_program.c
tests_unit_test_caller_program_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_table
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_scoreboard
tests_unit_test_scoreboard_SOURCES = tests/unit/test_scoreboard.c
tests_unit_test_scoreboard_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_guesses
tests_unit_test_guesses_SOURCES = tests/unit/test_guesses.c
tests_unit_test_guesses_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_pick
tests_unit_test_pick_SOURCES = tests/unit/test_pick.c
tests_unit_test_pick_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_estimate
tests_unit_test_estimate_SOURCES = tests/unit/test_estimate.c
tests_unit_test_estimate_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_api_key
tests_unit_test_api_key_SOURCES = tests/unit/test_api_key.c
tests_unit_test_api_key_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_config
tests_unit_test_config_SOURCES = tests/unit/test_config.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_config_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_trust
tests_unit_test_trust_SOURCES = tests/unit/test_trust.c
tests_unit_test_trust_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_service_key
tests_unit_test_service_key_SOURCES = tests/unit/test_service_key.c \
	tests/unit/fake_certificate.c tests/unit/fake_certificate.h
tests_unit_test_service_key_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_alias
tests_unit_test_alias_SOURCES = tests/unit/test_alias.c
tests_unit_test_alias_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_deployment
tests_unit_test_deployment_SOURCES = tests/unit/test_deployment.c \
	tests/unit/loopback.c tests/unit/loopback.h
tests_unit_test_deployment_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_token
tests_unit_test_token_SOURCES = tests/unit/test_token.c \
	tests/unit/loopback.c tests/unit/loopback.h
tests_unit_test_token_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_python_literal
tests_unit_test_python_literal_SOURCES = tests/unit/test_python_literal.c
tests_unit_test_python_literal_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_aws_eventstream
tests_unit_test_aws_eventstream_SOURCES = tests/unit/test_aws_eventstream.c
tests_unit_test_aws_eventstream_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_bedrock_invoke
tests_unit_test_bedrock_invoke_SOURCES = tests/unit/test_bedrock_invoke.c \
	tests/unit/event_print.c tests/unit/event_print.h
tests_unit_test_bedrock_invoke_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_bedrock_breakpoints
tests_unit_test_bedrock_breakpoints_SOURCES = tests/unit/test_bedrock_breakpoints.c
tests_unit_test_bedrock_breakpoints_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_images
tests_unit_test_images_SOURCES = tests/unit/test_images.c
tests_unit_test_images_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_bedrock_converse
tests_unit_test_bedrock_converse_SOURCES = tests/unit/test_bedrock_converse.c \
	tests/unit/event_print.c tests/unit/event_print.h
tests_unit_test_bedrock_converse_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_pass_path
tests_unit_test_pass_path_SOURCES = tests/unit/test_pass_path.c
tests_unit_test_pass_path_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_rerank
tests_unit_test_rerank_SOURCES = tests/unit/test_rerank.c $(family_case)
tests_unit_test_rerank_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_bedrock_titan
tests_unit_test_bedrock_titan_SOURCES = tests/unit/test_bedrock_titan.c $(family_case)
tests_unit_test_bedrock_titan_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_chat
tests_unit_test_chat_SOURCES = tests/unit/test_chat.c
tests_unit_test_chat_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_openai_chat
tests_unit_test_openai_chat_SOURCES = tests/unit/test_openai_chat.c \
	tests/unit/dialect_case.c tests/unit/dialect_case.h
tests_unit_test_openai_chat_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_openai_completions
tests_unit_test_openai_completions_SOURCES = tests/unit/test_openai_completions.c \
	tests/unit/dialect_case.c tests/unit/dialect_case.h
tests_unit_test_openai_completions_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_openai_responses
tests_unit_test_openai_responses_SOURCES = tests/unit/test_openai_responses.c \
	tests/unit/dialect_case.c tests/unit/dialect_case.h
tests_unit_test_openai_responses_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_anthropic_messages
tests_unit_test_anthropic_messages_SOURCES = tests/unit/test_anthropic_messages.c \
	tests/unit/dialect_case.c tests/unit/dialect_case.h
tests_unit_test_anthropic_messages_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_gemini_generate
tests_unit_test_gemini_generate_SOURCES = tests/unit/test_gemini_generate.c \
	tests/unit/dialect_case.c tests/unit/dialect_case.h
tests_unit_test_gemini_generate_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_embeddings
tests_unit_test_embeddings_SOURCES = tests/unit/test_embeddings.c
tests_unit_test_embeddings_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_models
tests_unit_test_models_SOURCES = tests/unit/test_models.c
tests_unit_test_models_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_frames
tests_unit_test_frames_SOURCES = tests/unit/test_frames.c
tests_unit_test_frames_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_model
tests_unit_test_model_SOURCES = tests/unit/test_model.c
tests_unit_test_model_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_rewrite
tests_unit_test_rewrite_SOURCES = tests/unit/test_rewrite.c
tests_unit_test_rewrite_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_upstream_error
tests_unit_test_upstream_error_SOURCES = tests/unit/test_upstream_error.c
tests_unit_test_upstream_error_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_azure_openai
tests_unit_test_azure_openai_SOURCES = tests/unit/test_azure_openai.c $(family_case)
tests_unit_test_azure_openai_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_azure_responses
tests_unit_test_azure_responses_SOURCES = tests/unit/test_azure_responses.c $(family_case)
tests_unit_test_azure_responses_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_orchestration
tests_unit_test_orchestration_SOURCES = tests/unit/test_orchestration.c $(family_case)
tests_unit_test_orchestration_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_orchestration_config
tests_unit_test_orchestration_config_SOURCES = tests/unit/test_orchestration_config.c
tests_unit_test_orchestration_config_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_openai_compatible
tests_unit_test_openai_compatible_SOURCES = tests/unit/test_openai_compatible.c $(family_case)
tests_unit_test_openai_compatible_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_vertex_gemini
tests_unit_test_vertex_gemini_SOURCES = tests/unit/test_vertex_gemini.c $(family_case)
tests_unit_test_vertex_gemini_LDADD = $(UNIT_LIBS)

# Exchanges acted by the golden runner's pieces.
exchange_case = tests/unit/exchange_case.c tests/unit/exchange_case.h $(golden_sources)

unit_tests += tests/unit/test_known_failures
tests_unit_test_known_failures_SOURCES = tests/unit/test_known_failures.c $(exchange_case)
tests_unit_test_known_failures_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_known_refusals
tests_unit_test_known_refusals_SOURCES = tests/unit/test_known_refusals.c $(exchange_case)
tests_unit_test_known_refusals_LDADD = $(UNIT_LIBS)

unit_tests += tests/unit/test_old_proxy
tests_unit_test_old_proxy_SOURCES = tests/unit/test_old_proxy.c $(exchange_case)
tests_unit_test_old_proxy_LDADD = $(UNIT_LIBS)

# Not with cmocka: its instructions are counted.
check_PROGRAMS += tests/unit/key_costs
tests_unit_key_costs_SOURCES = tests/unit/key_costs.c
tests_unit_key_costs_LDADD = $(CORELAY_LIBS)
# valgrind 3.19 gives up on what newer compilers write for debuggers.
tests_unit_key_costs_LDFLAGS = $(AM_LDFLAGS) -Wl,--strip-debug
EXTRA_DIST += tests/unit/constant_time
TESTS += tests/unit/constant_time

if HAVE_CMOCKA
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
