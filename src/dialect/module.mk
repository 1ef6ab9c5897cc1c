src_libcorelay_a_SOURCES += \
	src/dialect/dialect.h \
	src/dialect/decode.c src/dialect/decode.h \
	src/dialect/call_id.c src/dialect/call_id.h \
	src/dialect/openai_citation.c src/dialect/openai_citation.h \
	src/dialect/openai_chat.c src/dialect/openai_chat.h \
	src/dialect/openai_chat_decode.c \
	src/dialect/openai_chat_messages.c \
	src/dialect/openai_chat_parts.c \
	src/dialect/openai_chat_render.c \
	src/dialect/openai_chat_stream.c \
	src/dialect/openai_chat_tools.c \
	src/dialect/openai_completions.c \
	src/dialect/openai_responses.c src/dialect/openai_responses.h \
	src/dialect/openai_responses_decode.c \
	src/dialect/openai_responses_input.c \
	src/dialect/openai_responses_parts.c \
	src/dialect/openai_responses_reasoning.c \
	src/dialect/openai_responses_render.c \
	src/dialect/openai_responses_stored.c src/dialect/openai_responses_stored.h \
	src/dialect/openai_responses_stream.c \
	src/dialect/openai_responses_tools.c \
	src/dialect/anthropic_messages.c src/dialect/anthropic_messages.h \
	src/dialect/anthropic_messages_citation.c \
	src/dialect/anthropic_messages_decode.c \
	src/dialect/anthropic_messages_files.c \
	src/dialect/anthropic_messages_render.c \
	src/dialect/anthropic_messages_stream.c \
	src/dialect/anthropic_messages_tools.c \
	src/dialect/anthropic_messages_turns.c \
	src/dialect/gemini_embed.c \
	src/dialect/gemini_generate.c src/dialect/gemini_generate.h \
	src/dialect/gemini_generate_contents.c \
	src/dialect/gemini_generate_decode.c \
	src/dialect/gemini_generate_grounding.c \
	src/dialect/gemini_generate_options.c \
	src/dialect/gemini_generate_parts.c \
	src/dialect/gemini_generate_render.c \
	src/dialect/gemini_generate_schema.c \
	src/dialect/gemini_generate_signature.c \
	src/dialect/gemini_generate_stream.c \
	src/dialect/gemini_generate_tools.c \
	src/dialect/embeddings.c src/dialect/embeddings.h \
	src/dialect/models.c src/dialect/models.h \
	src/dialect/rerank.c
