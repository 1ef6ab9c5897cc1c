"""SAP's orchestration service from every dialect, and keys that are bound to it.

Behind lighttpd alone: none of it depends on the web server.
"""
import json

import pytest

from harness import CLAUDE, GEMINI, GPT, KEY

BOUND = "sk-bound-not-a-real-key"
GUARDED = "sk-guarded-not-a-real-key"
ASKING = "sk-asking-not-a-real-key"
MODELS = [GPT, "gpt-5", CLAUDE, GEMINI, "sap-abap-1"]
SECRET = "Write to erika@example.test or +49 30 1234567"
PNG = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
       "gg==")


def dpi(method):
    return {"providers": [{"type": "sap_data_privacy_integration", "method": method,
                           "entities": [{"type": "profile-email"}, {"type": "profile-phone"}],
                           "allowlist": ["sap@example.test"]}]}


PROFILES = {
    "masked": {"masking": dpi("anonymization")},
    "guarded": {
        "masking": dpi("pseudonymization"),
        "filtering": {
            "input": {"filters": [{"type": "azure_content_safety", "config": {"violence": 2}}]},
            "output": {"filters": [{"type": "llama_guard_3_8b", "config": {"hate": True}}]}}},
    "asking": {
        "grounding": {"type": "document_grounding_service",
                      "config": {"placeholders": {"input": ["question"], "output": "found"}}},
        "template": [{"role": "user", "content": "{{?question}} By {{?found}}, {{?how}}."}],
        "question": "question", "defaults": {"how": "briefly"}},
}


def bound_config(settings):
    config = settings(
        accounts=("alpha", "beta"), orchestration={"profiles": PROFILES},
        models={"sap-abap-1": {"family": "orchestration"}, "gpt-5": {"family": "orchestration"}},
        api_keys=[{"name": "free", "key": KEY},
                  {"name": "bound", "key": BOUND, "orchestration": "masked"},
                  {"name": "guarded", "key": GUARDED, "orchestration": "guarded"},
                  {"name": "asking", "key": ASKING, "orchestration": "asking"}])
    del config["secret_authentication_tokens"]
    return config


@pytest.fixture(scope="module")
def bound(long_lived, settings):
    return long_lived("lighttpd", bound_config(settings))


@pytest.fixture
def site(bound, emulator):
    return bound


@pytest.fixture
def fresh(gateway, settings, emulator):
    """For tests with failures: what fails is left alone for a while."""
    return gateway("lighttpd", bound_config(settings))


# --- the four dialects, each as what was said ------------------------------------------------------

def chat(site, model, text, key, stream=False, **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    if not stream:
        return site.post("/v1/chat/completions", body, key=key)
    return site.stream("/v1/chat/completions", {**body, "stream": True}, key=key)


def messages(site, model, text, key, stream=False, **more):
    body = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": text}], **more}
    if not stream:
        return site.post("/v1/messages", body, key=key)
    return site.stream("/v1/messages", {**body, "stream": True}, key=key)


def responses(site, model, text, key, stream=False, **more):
    body = {"model": model, "input": text, **more}
    if not stream:
        return site.post("/v1/responses", body, key=key)
    return site.stream("/v1/responses", {**body, "stream": True}, key=key)


def gemini(site, model, text, key, stream=False, **more):
    body = {"contents": [{"parts": [{"text": text}]}], **more}
    if not stream:
        return site.post(f"/v1beta/models/{model}:generateContent", body, key=key)
    return site.stream(f"/v1beta/models/{model}:streamGenerateContent?alt=sse", body, key=key)


DIALECTS = [chat, messages, responses, gemini]


def chunks(stream):
    return [json.loads(payload) for _, payload in stream.data() if payload != "[DONE]"]


def said(dialect, answer):
    """The text of a whole answer or of a stream."""
    if hasattr(answer, "json"):
        assert answer.status == 200, answer
        one = answer.json
        if dialect is chat:
            return one["choices"][0]["message"].get("content") or ""
        if dialect is messages:
            return "".join(b.get("text", "") for b in one["content"])
        if dialect is responses:
            return "".join(p.get("text", "") for o in one["output"] for p in o.get("content", []))
        return "".join(p.get("text", "") for c in one["candidates"]
                       for p in c.get("content", {}).get("parts", []))
    assert answer.status == 200, answer.status
    parts = chunks(answer)
    if dialect is chat:
        return "".join(c["delta"].get("content") or "" for p in parts for c in p["choices"])
    if dialect is messages:
        return "".join(p["delta"].get("text", "") for p in parts if p["type"] == "content_block_delta")
    if dialect is responses:
        return "".join(p["delta"] for p in parts if p["type"] == "response.output_text.delta")
    return "".join(q.get("text", "") for p in parts for c in p["candidates"]
                   for q in c.get("content", {}).get("parts", []))


def sent(emulator):
    """What went upstream, and that it went to orchestration alone."""
    calls = emulator.inference()
    assert calls and all(c["path"].endswith(("/v2/completion", "/v2/embeddings")) for c in calls), [
        c["path"] for c in calls]
    return json.loads(calls[-1]["body"])


# --- what a company forces --------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_bound_key_is_masked_whoever_asks(site, emulator, dialect, model, stream):
    text = said(dialect, dialect(site, model, SECRET, BOUND, stream))
    assert "MASKED_EMAIL" in text and "MASKED_PHONE_NUMBER" in text, text
    assert "erika" not in text and "1234567" not in text
    modules = sent(emulator)["config"]["modules"]
    assert modules["masking"] == PROFILES["masked"]["masking"]
    assert modules["prompt_templating"]["model"]["name"] == model


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_pseudonyms_are_taken_off_again(site, emulator, dialect, stream):
    text = said(dialect, dialect(site, GPT, SECRET, GUARDED, stream))
    assert "erika@example.test" in text and "MASKED" not in text, text
    assert sent(emulator)["config"]["modules"]["masking"]["providers"][0]["method"] == "pseudonymization"


def test_other_keys_go_directly(site, emulator):
    assert "erika@example.test" in said(chat, chat(site, GPT, SECRET, KEY))
    assert all("/chat/completions" in c["path"] for c in emulator.inference())


def test_embeddings_are_masked_too(site, emulator):
    def embed(text, key):
        answer = site.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": [text],
                                              "dimensions": 8}, key=key)
        assert answer.status == 200, answer
        return answer.json["data"][0]["embedding"]
    masked = embed("to erika@example.test", BOUND)
    assert sent(emulator)["config"]["modules"]["masking"] == PROFILES["masked"]["masking"]
    emulator.reset()
    assert masked == embed("to MASKED_EMAIL", BOUND)
    assert masked != embed("to erika@example.test", KEY)
    tokens = site.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": [1, 2]}, key=BOUND)
    assert tokens.status == 400 and "not tokens" in tokens.text


@pytest.mark.parametrize("fault", [
    {"kind": "status", "code": 503}, {"kind": "status", "code": 429}, {"kind": "reset"},
    {"kind": "status", "code": 404}, {"kind": "status", "code": 400}, {"kind": "empty_200"}])
def test_a_bound_key_never_goes_another_way(fresh, emulator, fault):
    """Not when orchestration fails, not when it is known to fail."""
    emulator.fault(times=-1, match={"family": "orchestration"}, **fault)
    for dialect in DIALECTS:
        for stream in (False, True):
            answer = dialect(fresh, GPT, SECRET, BOUND, stream)
            assert answer.status >= 400, answer
    sent(emulator)
    assert said(chat, chat(fresh, GPT, "hello", KEY))  # others are served as ever


def test_without_the_service_a_bound_key_gets_nothing(gateway, settings, emulator):
    config = settings(orchestration={"profiles": PROFILES},
                      api_keys=[{"name": "bound", "key": BOUND, "orchestration": "masked"}])
    del config["secret_authentication_tokens"]
    config["subAccounts"]["alpha"]["resource_group"] = "team-b"  # has no such deployment
    site = gateway("lighttpd", config)
    for answer in (chat(site, "gpt-5", SECRET, BOUND), messages(site, "gpt-5", SECRET, BOUND)):
        assert answer.status == 503 and "orchestration" in answer.text, answer
    embedding = site.post("/v1/embeddings", {"model": "gpt-5", "input": "x"}, key=BOUND)
    assert embedding.status == 503
    assert emulator.inference() == []


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/v1/rerank", {"model": GPT, "query": SECRET, "documents": [SECRET]}),
    ("POST", "/v1/responses/compact", {"model": GPT, "input": SECRET}),
    ("GET", "/v1/responses/resp_1", None), ("DELETE", "/v1/responses/resp_1", None),
    ("GET", "/v1/responses/resp_1/input_items", None), ("POST", "/v1/responses/resp_1/cancel", {})])
def test_what_cannot_heed_the_bond_is_closed(site, emulator, method, path, body):
    answer = site.ask(method, path, body, key=BOUND)
    assert answer.status == 403 and "orchestration" in answer.text, answer
    assert emulator.inference() == []


def test_an_earlier_response_is_no_way_out(site, emulator):
    """Stored by Azure for another key of the same caller; going on with it would go there."""
    stored = responses(site, GPT, "hello", KEY, store=True).json["id"]
    count = len(emulator.inference())
    answer = responses(site, GPT, SECRET, BOUND, previous_response_id=stored)
    assert answer.status >= 400 or "MASKED_EMAIL" in answer.text, answer
    assert all(c["path"].endswith("/v2/completion") for c in emulator.inference()[count:])


# --- text stays text --------------------------------------------------------------------------------

@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI])
@pytest.mark.parametrize("key", [BOUND, ASKING])
def test_nothing_that_callers_write_is_a_template(site, emulator, dialect, model, key):
    wild = "{{?x}} {{ ?question }} {{?corelay_1}} {{? bad}} {{y}} {% if %} {# c #}"
    assert wild in said(dialect, dialect(site, model, wild, key))
    assert wild in said(dialect, dialect(site, model, wild, key, stream=True))


@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI, "mistralai--mistral-large-instruct"])
def test_nor_what_stands_in_history_and_results(site, emulator, model):
    wild = "{{?x}} {{? bad}}"
    body = {"model": model, "tools": [{"type": "function", "function": {
                "name": "f", "description": wild, "parameters": {"type": "object", "properties": {}}}}],
            "messages": [
                {"role": "system", "content": wild}, {"role": "user", "content": "go " + wild},
                {"role": "assistant", "content": wild, "tool_calls": [
                    {"id": "{{?id}}", "type": "function",
                     "function": {"name": "f", "arguments": json.dumps({"a": wild})}}]},
                {"role": "tool", "tool_call_id": "{{?id}}", "content": "result " + wild}]}
    answer = site.post("/v1/chat/completions", body, key=BOUND)
    assert "Tool f returned: result " + wild in said(chat, answer)


def test_templates_and_grounding(site, emulator):
    text = said(chat, chat(site, GPT, "What is it?", ASKING))
    assert "What is it? By [documents about: What is it?], briefly." in text
    sent(emulator)


# --- tools, images, formats, thinking, caching ------------------------------------------------------

TOOL = {"type": "function", "function": {"name": "look", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer"}}}}}
TWO = "{{emu: tool look {\"a\":1}}}{{emu: tool look {\"a\":2}}}"


@pytest.mark.parametrize("model", MODELS)
def test_tools_survive(site, emulator, model):
    whole = chat(site, model, TWO, BOUND, tools=[TOOL]).json["choices"][0]
    assert [c["function"]["arguments"] for c in whole["message"]["tool_calls"]] == ['{"a":1}', '{"a":2}']
    assert whole["finish_reason"] == "tool_calls"
    calls, reason = {}, None
    for chunk in chunks(chat(site, model, TWO, BOUND, True, tools=[TOOL])):
        for choice in chunk["choices"]:
            reason = choice["finish_reason"] or reason
            for call in choice["delta"].get("tool_calls", []):
                calls[call["index"]] = calls.get(call["index"], "") + call["function"]["arguments"]
    assert calls == {0: '{"a":1}', 1: '{"a":2}'} and reason == "tool_calls"


def test_a_round_of_tools_with_thinking(site, emulator):
    think = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000,
             "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]}
    text = "{{emu: think=hm}}{{emu: tool look {}}}"
    first = messages(site, CLAUDE, text, BOUND, **think).json
    assert [b["type"] for b in first["content"]] == ["thinking", "tool_use"], first
    again = {"model": CLAUDE, **think, "messages": [
        {"role": "user", "content": text}, {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": first["content"][1]["id"],
                                      "content": "42"}]}]}
    second = site.post("/v1/messages", again, key=BOUND)
    assert second.status == 200 and "Tool look returned: 42" in second.text, second
    assert "signature" in json.dumps(sent(emulator)["messages_history"])


@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI, "anthropic--claude-3.7-sonnet"])
@pytest.mark.parametrize("stream", [False, True])
def test_structured_output(site, emulator, model, stream):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
              "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema, "strict": True}}
    text = said(chat, chat(site, model, "go", BOUND, stream, response_format=form))
    assert isinstance(json.loads(text)["n"], int)


@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI])
def test_images(site, emulator, model):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}
    body = {"model": model, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "see {{?x}}"}, part]}]}
    assert "[saw image png" in said(chat, site.post("/v1/chat/completions", body, key=BOUND))


def test_prompt_cache(site, emulator):
    body = {"model": CLAUDE, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}],
            "system": [{"type": "text", "text": "long " * 400, "cache_control": {"type": "ephemeral"}}]}
    usages = [site.post("/v1/messages", body, key=BOUND).json["usage"] for _ in range(3)]
    wrote, read = usages[0], usages[2]  # by then both subaccounts have been asked
    assert wrote["cache_creation_input_tokens"] > 400 and wrote["cache_read_input_tokens"] == 0
    assert read["cache_read_input_tokens"] == wrote["cache_creation_input_tokens"]
    assert read["input_tokens"] < 100


def test_what_is_lost_is_told(site, emulator):
    answer = chat(site, CLAUDE, "x", BOUND, seed=1, frequency_penalty=0.5)
    assert answer.status == 200
    assert {"seed", "frequency_penalty"} <= set(answer.headers["x-corelay-dropped"].split(", "))


# --- filters ----------------------------------------------------------------------------------------

def ending(dialect, answer):
    """Why it ended: the word of the dialect."""
    if dialect is responses:
        one = answer.json if hasattr(answer, "json") else chunks(answer)[-1]["response"]
        return (one.get("incomplete_details") or {}).get("reason")
    if hasattr(answer, "json"):
        one = answer.json
        return (one["choices"][0]["finish_reason"] if dialect is chat else
                one["stop_reason"] if dialect is messages else one["candidates"][0]["finishReason"])
    parts = chunks(answer)
    if dialect is chat:
        return [c["finish_reason"] for p in parts for c in p["choices"] if c["finish_reason"]][-1]
    if dialect is messages:
        return [p["delta"]["stop_reason"] for p in parts if p["type"] == "message_delta"][-1]
    return parts[-1]["candidates"][0]["finishReason"]


WORDS = {chat: "content_filter", messages: "refusal", responses: "content_filter", gemini: "SAFETY"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_filtered_input(site, emulator, dialect, stream):
    answer = dialect(site, GPT, "unsafe-violence", GUARDED, stream)
    assert answer.status == 200
    assert ending(dialect, answer) == WORDS[dialect]
    sent(emulator)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True])
def test_filtered_output(site, emulator, dialect, stream):
    answer = dialect(site, GPT, "{{emu: text=All is well, and then unsafe-hate}}", GUARDED, stream)
    assert answer.status == 200
    assert ending(dialect, answer) == WORDS[dialect]


# --- errors -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("code", [400, 429, 503])
def test_errors_keep_their_status(fresh, emulator, code):
    for dialect in DIALECTS:
        answer = dialect(fresh, GPT, "{{emu: error=%d}}" % code, BOUND)
        assert answer.status == code, answer


def test_errors_in_the_middle_of_a_stream(fresh, emulator):
    parts = chunks(chat(fresh, GPT, "{{emu: error=500 at=mid}} one two three", BOUND, True))
    assert "error" in parts[-1] and any(p.get("choices") for p in parts[:-1])


@pytest.mark.parametrize("model", [GPT, "sap-abap-1"])
def test_the_other_subaccount_helps(fresh, emulator, model):
    for _ in range(2):
        emulator.fault("late_throttle", times=-1, match={"tenant": "alpha", "family": "orchestration"})
        stream = chat(fresh, model, "hello", BOUND, True)
        assert stream.headers["x-corelay-target"].startswith("beta/")
        assert "hello" in said(chat, stream)


# --- models -----------------------------------------------------------------------------------------

def test_the_whole_catalogue_is_there_for_bound_keys(gateway, settings, emulator):
    """In profile, without a deployment or a word of configuration; for others where it says so."""
    keys = [{"name": "free", "key": KEY}, {"name": "bound", "key": BOUND, "orchestration": "masked"}]
    for word, free_too in (("bound", False), ("all", True)):
        config = settings(orchestration={"profiles": PROFILES, "catalogue": word}, api_keys=keys)
        del config["secret_authentication_tokens"]
        site = gateway("lighttpd", config)
        listed = {k: {m["id"] for m in site.get("/v1/models", key=k).json["data"]} for k in (KEY, BOUND)}
        assert "sap-abap-1" in listed[BOUND] and GPT in listed[BOUND]
        assert not {"sap-rpt-1-small", "cohere-reranker-35", "amazon--titan-embed-image"} & listed[BOUND]
        assert ("sap-abap-1" in listed[KEY]) == free_too and "sap-rpt-1-small" in listed[KEY]
        emulator.reset()
        assert "erika" not in said(chat, chat(site, "sap-abap-1", SECRET, BOUND))
        assert "masking" in sent(emulator)["config"]["modules"]
        answer = chat(site, "sap-abap-1", SECRET, KEY)
        assert answer.status == (200 if free_too else 404), answer

def test_models_behind_orchestration_are_listed(site, emulator):
    names = [m["id"] for m in site.get("/v1/models").json["data"]]
    assert "sap-abap-1" in names and "gpt-5" in names and names == sorted(set(names))
    text = said(chat, chat(site, "sap-abap-1", SECRET, KEY))
    assert "erika@example.test" in text  # no profile: none of its own, no default
    assert "masking" not in sent(emulator)["config"]["modules"]
    assert said(chat, chat(site, "gpt-5", "hello", KEY))
    sent(emulator)
