"""The Responses API, natively and by translation, and chat callers whose model answers on it alone.

Behind lighttpd alone: none of it depends on the web server.
"""
import json

import pytest

from harness import CLAUDE, GEMINI, GPT

REASONER, NEWEST, SIGNER = "gpt-5", "gpt-5.5", "gemini-3.5-flash"
MODELS = [GPT, REASONER, NEWEST, CLAUDE, GEMINI, SIGNER, "mistralai--mistral-large-instruct"]

READ = {"type": "function", "name": "read", "description": "Read a file.", "strict": False,
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edit a file.",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}
AGENTS = {"type": "namespace", "name": "agents", "tools": [dict(READ, name="ask")]}
LAST = ("response.completed", "response.incomplete", "response.failed")


@pytest.fixture
def site(gateway):
    return gateway("lighttpd")


def respond(site, model, given, **more):
    return site.post("/v1/responses", {"model": model, "input": given, "store": False, **more})


def events_of(site, model, given, **more):
    """All events of a stream, checked for what holds of every stream."""
    stream = site.stream("/v1/responses",
                         {"model": model, "input": given, "stream": True, "store": False, **more})
    assert stream.status == 200, stream.response.read()
    events, name = [], None
    for _, line in stream.lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            events.append(json.loads(line[6:]))
            assert events[-1]["type"] == name
            name = None
        else:
            assert line in ("", ":"), line
    check(events)
    return events


def check(events):
    types = [e["type"] for e in events]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types[-1] in LAST and sum(t in LAST for t in types) == 1
    assert len({e["response"]["id"] for e in events if "response" in e}) == 1
    done = [e for e in events if e["type"] == "response.output_item.done"]
    assert [e["output_index"] for e in done] == list(range(len(done)))
    added = {e["output_index"]: e["item"]["id"] for e in events
             if e["type"] == "response.output_item.added"}
    for event in events:
        if "item_id" in event:
            assert event["item_id"] == added[event["output_index"]]
    if types[-1] != "response.failed":
        assert [e["item"] for e in done] == events[-1]["response"]["output"]
    for item in done:
        text = "".join(e["delta"] for e in events if e.get("item_id") == item["item"]["id"] and
                       e["type"] in ("response.output_text.delta",
                                     "response.function_call_arguments.delta"))
        if item["item"]["type"] == "message":
            assert text == item["item"]["content"][0]["text"]
        if item["item"]["type"] == "function_call":
            assert text == item["item"]["arguments"]


def text_of(response):
    return "".join(p["text"] for i in response["output"] if i["type"] == "message"
                   for p in i["content"])


def calls_of(response):
    return [i for i in response["output"] if i["type"].endswith("_call")]


# --- each family ----------------------------------------------------------------------------------

@pytest.mark.parametrize("model", MODELS)
def test_whole_answer(site, model):
    answer = respond(site, model, "hello")
    assert answer.status == 200, answer
    assert answer.json["object"] == "response" and answer.json["status"] == "completed"
    assert "You said: hello" in text_of(answer.json)
    usage = answer.json["usage"]
    assert usage["input_tokens"] > 0 and usage["input_tokens_details"]["cached_tokens"] == 0
    assert usage["output_tokens_details"]["reasoning_tokens"] >= 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


RULES = "Look at the files before you change them. " * 200


def agent_turn(site, turns, **more):
    """What Codex sends with each turn: all of the conversation, and no word about caches but a key."""
    given = [{"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "What is in these files?"}]}]
    for i in range(turns):
        given += [{"type": "function_call", "call_id": f"toolu_{i}", "name": "read",
                   "arguments": json.dumps({"path": f"{i}.txt"})},
                  {"type": "function_call_output", "call_id": f"toolu_{i}", "output": f"it is {i}"}]
    answer = respond(site, CLAUDE, given, instructions=RULES, tools=[READ],
                     prompt_cache_key="agent", **more)
    assert answer.status == 200, answer
    return answer.json["usage"]


def test_agents_find_the_turn_before_in_the_cache(site, emulator):
    usages = [agent_turn(site, turns) for turns in range(3)]
    cached = [u["input_tokens_details"]["cached_tokens"] for u in usages]
    assert cached[0] == 0 and cached[1] > 1000 and cached[2] > cached[1]
    # all but the turn that is new, as far as the request before it was one
    assert all(now > before["input_tokens"] * 0.95 for now, before in zip(cached[1:], usages))
    # one question that nobody goes on from would only pay for writing
    alone = [respond(site, CLAUDE, "Why?", instructions=RULES * 2).json["usage"] for _ in range(2)]
    assert alone[1]["input_tokens_details"]["cached_tokens"] == 0


PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


@pytest.mark.parametrize("path, body, field", [
    ("/v1/responses", {"input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": PIXEL}]}]}, "input[0].content"),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": PIXEL}}]}]}, "messages[0].content"),
    ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif",
                                     "data": PIXEL[22:]}}]}]}, "messages[0].content"),
])
def test_images_for_a_model_that_sees_none(site, path, body, field):
    refused = site.post(path, {"model": "o3-mini", **body})
    assert refused.status == 400, refused
    message = refused.json["error"]["message"]
    assert field + ": this model does not take images" in message and "o3-mini" in message


@pytest.mark.parametrize("model", MODELS)
def test_stream(site, model):
    response = events_of(site, model, "hello")[-1]["response"]
    assert response["status"] == "completed" and "You said: hello" in text_of(response)
    assert response["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_length_is_incomplete(site, model):
    response = events_of(site, model, "{{emu: bytes=400}}", max_output_tokens=16)[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("tools", [[READ], [READ, PATCH, AGENTS, {"type": "web_search"}]])
@pytest.mark.parametrize("model", MODELS)
def test_three_rounds_of_parallel_tools(site, emulator, model, tools, stream):
    """What comes out goes back in, ids and encrypted content and all."""
    names = [t["name"] for t in tools if t["type"] in ("function", "custom")]
    spoken = ["agents__ask" if n == "ask" else n for n in names]
    emulator.control("POST", "/scripts", {"match": "fix it", "steps": [
        {"text": "First.", "tool_calls": [{"name": n, "args": {"input": "*** é"}
                                           if n == "apply_patch" else {"path": "a"}}
                                          for n in spoken]},
        {"tool_calls": [{"name": "read", "args": {"path": "b"}}]},
        {"tool_calls": [{"name": "read", "args": {"path": "c"}}]}, {"text": "all done"}]})
    items = [{"role": "user", "content": "fix it"}]
    for number in range(4):
        options = {"tools": tools, "include": ["reasoning.encrypted_content"],
                   "reasoning": {"effort": "low", "summary": "auto"}}
        if stream:
            response = events_of(site, model, items, **options)[-1]["response"]
        else:
            answer = respond(site, model, items, **options)
            assert answer.status == 200, answer
            response = answer.json
        assert response["status"] == "completed"
        calls = calls_of(response)
        if number == 0:
            assert [c["name"] for c in calls] == names
        for call in calls:
            assert call["id"] != call["call_id"]
            if call["name"] == "apply_patch":
                assert call["type"] == "custom_tool_call" and call["input"] == "*** é"
        items += response["output"]
        items += [{"type": c["type"] + "_output", "call_id": c["call_id"], "output": "ok"}
                  for c in calls]
    assert text_of(response) == "all done"


@pytest.mark.parametrize("model", MODELS)
def test_shell_and_patch_are_functions_and_back(site, emulator, model):
    tools = [{"type": "shell", "environment": {"type": "local"}}, {"type": "apply_patch"}]
    patch = {"type": "update_file", "path": "a.py", "diff": "@@\n-a\n+b\n"}
    emulator.control("POST", "/scripts", {"match": "fix it", "steps": [
        {"tool_calls": [{"name": "shell", "args": {"commands": ["ls", "cat a.py"]}}]},
        {"tool_calls": [{"name": "apply_patch", "args": patch}]}, {"text": "all done"}]})
    items = [{"role": "user", "content": "fix it"}]
    shell = events_of(site, model, items, tools=tools)[-1]["response"]
    call = calls_of(shell)[0]
    assert call["type"] == "shell_call"
    assert call["action"] == {"commands": ["ls", "cat a.py"], "timeout_ms": None,
                              "max_output_length": None}
    items += shell["output"] + [{"type": "shell_call_output", "call_id": call["call_id"], "output": [
        {"stdout": "a.py", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}},
        {"stdout": "", "stderr": "", "outcome": {"type": "timeout"}}]}]
    answer = respond(site, model, items, tools=tools)
    assert answer.status == 200 and "x-corelay-dropped" not in answer.headers, answer
    call = calls_of(answer.json)[0]
    assert call["type"] == "apply_patch_call" and call["operation"] == patch
    items += answer.json["output"] + [{"type": "apply_patch_call_output", "status": "completed",
                                       "call_id": call["call_id"]}]
    answer = respond(site, model, items, tools=tools)
    assert answer.status == 200 and text_of(answer.json) == "all done", answer


def test_reasoning_models_give_no_logprobs(site):
    """Upstream refuses to be asked for them, so they are left out, and the caller is told."""
    for answer in (
            respond(site, REASONER, "hello", include=["message.output_text.logprobs"]),
            site.post("/v1/chat/completions", {
                "model": NEWEST, "messages": [{"role": "user", "content": "hello"}],
                "reasoning_effort": "low", "logprobs": True,
                "tools": [{"type": "function", "function": {"name": "f"}}]})):
        assert answer.status == 200, answer
        assert "logprobs" in answer.headers["x-corelay-dropped"].split(", ")


def test_namespace_comes_back(site):
    response = respond(site, CLAUDE, "{{emu: tool agents__ask {\"path\":\"x\"}}}",
                       tools=[AGENTS]).json
    call, = calls_of(response)
    assert (call["type"], call["name"], call["namespace"]) == ("function_call", "ask", "agents")


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_hosted_tools_are_declared(site, model):
    answer = respond(site, model, "hello", tools=[READ, {"type": "web_search"}])
    assert answer.status == 200
    assert answer.headers["x-corelay-dropped"] == "tools.web_search"
    answer = respond(site, model, "hello", tools=[READ, {"type": "web_search"}],
                     tool_choice={"type": "web_search"})
    assert answer.status == 400 and answer.json["error"]["param"] == "tool_choice"


@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI])
def test_structured_output(site, model):
    answer = respond(site, model, "hello", text={"format": {
        "type": "json_schema", "name": "s", "strict": True,
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
                   "additionalProperties": False}}})
    assert answer.status == 200, answer
    assert isinstance(json.loads(text_of(answer.json))["a"], int)


@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI])
def test_image_and_file(site, model):
    png = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
           "DwADhgGAWjR9awAAAABJRU5ErkJggg==")
    pdf = "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK"
    answer = respond(site, model, [{"role": "user", "content": [
        {"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": png},
        {"type": "input_file", "filename": "a.pdf", "file_data": pdf}]}])
    assert answer.status == 200, answer
    assert "saw image png" in text_of(answer.json) and "saw document" in text_of(answer.json)


# --- state ----------------------------------------------------------------------------------------

def test_upstream_remembers_what_it_made(site):
    first = site.post("/v1/responses", {"model": GPT, "input": "hello"})
    assert first.status == 200 and first.json["store"] is True
    answer = site.post("/v1/responses", {"model": GPT, "input": "again",
                                         "previous_response_id": first.json["id"]})
    assert answer.status == 200, answer
    assert answer.json["usage"]["input_tokens"] > first.json["usage"]["input_tokens"] + 4


def test_what_is_stored_is_found_in_whichever_deployment_has_it(gateway, settings):
    site = gateway("lighttpd", settings(accounts=("alpha", "beta")))
    for number in range(4):
        first = site.post("/v1/responses", {"model": REASONER, "input": f"hello {number}",
                                            "reasoning": {"effort": "low"}}).json
        for more in ({"previous_response_id": first["id"], "input": "again"},
                     {"input": [{"role": "user", "content": "hello"}] +
                      [{"type": "item_reference", "id": i["id"]} for i in first["output"]] +
                      [{"role": "user", "content": "again"}]}):
            answer = site.post("/v1/responses", {"model": REASONER, **more})
            assert answer.status == 200, answer


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_unknown_response(site, model):
    answer = site.post("/v1/responses", {"model": model, "input": "x",
                                         "previous_response_id": "resp_x"})
    assert answer.status == 400
    assert answer.json["error"] == {
        "message": "Previous response with id 'resp_x' not found.", "type": "invalid_request_error",
        "param": "previous_response_id", "code": "previous_response_not_found"}


def test_translated_answers_are_not_stored(site):
    answer = site.post("/v1/responses", {"model": CLAUDE, "input": "hello", "store": True})
    assert answer.json["store"] is False
    assert answer.headers["x-corelay-dropped"] == "store"


# --- failures -------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault", [{"kind": "cut", "after_events": 6},
                                   {"kind": "reset", "at": "events", "after_events": 6},
                                   {"kind": "error_event", "after_events": 6},
                                   {"kind": "garbage", "after_events": 6}])
@pytest.mark.parametrize("model", [GPT, CLAUDE, GEMINI])
def test_broken_streams_fail(site, emulator, model, fault):
    emulator.fault(match={"path": "/v2/inference/"}, **fault)
    events = events_of(site, model, "{{emu: bytes=400}}")
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["status"] == "failed"
    assert events[-1]["response"]["error"]["code"]
    assert len(events) > 3


@pytest.mark.parametrize("tools", [[READ], [PATCH]])
def test_late_throttle_is_followed_by_the_next_subaccount(gateway, settings, emulator, tools):
    site = gateway("lighttpd", settings(accounts=("alpha", "beta")))
    for _ in range(2):
        emulator.fault("late_throttle", times=-1,
                       match={"tenant": "alpha", "path": "/v2/inference/"})
        assert events_of(site, GPT, "hello", tools=tools)[-1]["type"] == "response.completed"


def test_late_throttle_without_another(site, emulator):
    emulator.fault("late_throttle", times=-1)
    answer = site.post("/v1/responses", {"model": GPT, "input": "hello", "stream": True})
    assert answer.status == 429 and answer.json["error"]["code"] == "rate_limit_exceeded"


# --- the lane -------------------------------------------------------------------------------------

def test_lane_keeps_the_callers_bytes(site, emulator):
    body = ('{"model": "gpt-4.1",  "input":[{"role":"user","content":"\\u00e9\\/ 1.50"}],'
            '"metadata":{"n":"12345678901234567890"},"tools":[]}')
    answer = site.post("/v1/responses", body, headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer
    sent = emulator.inference()[-1]["body"]
    assert '"input":[{"role":"user","content":"\\u00e9\\/ 1.50"}]' in sent
    assert '"metadata":{"n":"12345678901234567890"}' in sent


# --- chat callers ---------------------------------------------------------------------------------

CHAT_TOOL = {"type": "function", "function": {"name": "read", "parameters": READ["parameters"]}}


@pytest.mark.parametrize("stream", [False, True])
def test_chat_tools_of_models_that_think_over_them_elsewhere(site, emulator, stream):
    messages = [{"role": "user", "content": "{{emu: tool read {\"path\":\"a\"}}}"}]
    for number in range(2):
        body = {"model": NEWEST, "messages": messages, "tools": [CHAT_TOOL],
                "reasoning_effort": "high", "stream": stream}
        if stream:
            payloads = [p for _, p in site.stream("/v1/chat/completions", body).data()]
            assert payloads[-1] == "[DONE]"
            deltas = [json.loads(p)["choices"][0]["delta"] for p in payloads[:-1]]
            message = {"role": "assistant",
                       "content": "".join(d.get("content") or "" for d in deltas) or None}
            blocks = [b for d in deltas for b in d.get("thinking_blocks", [])]
            if number == 0:
                call = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
                message["tool_calls"] = [{
                    "id": call[0]["id"], "type": "function", "function": {
                        "name": "read",
                        "arguments": "".join(c["function"]["arguments"] for c in call)}}]
                message["thinking_blocks"] = [{
                    "type": "thinking", "thinking": "".join(b["thinking"] for b in blocks),
                    "signature": "".join(b.get("signature", "") for b in blocks)}]
        else:
            answer = site.post("/v1/chat/completions", body)
            assert answer.status == 200, answer
            message = answer.json["choices"][0]["message"]
        assert emulator.inference()[-1]["path"].endswith("/responses")
        messages.append(message)
        if number == 0:
            messages.append({"role": "tool", "tool_call_id": message["tool_calls"][0]["id"],
                             "content": "ok"})
    assert "Tool read returned: ok" in message["content"]
    assert '"type":"reasoning"' in emulator.inference()[-1]["body"]


def test_chat_tools_without_thinking_stay(site, emulator):
    answer = site.post("/v1/chat/completions", {
        "model": NEWEST, "messages": [{"role": "user", "content": "hi"}], "tools": [CHAT_TOOL],
        "reasoning_effort": "none"})
    assert answer.status == 200, answer
    assert emulator.inference()[-1]["path"].endswith("/chat/completions")


def test_messages_with_tools_and_thinking(site, emulator):
    body = {"model": NEWEST, "max_tokens": 2000, "thinking": {"type": "adaptive"},
            "output_config": {"effort": "high"},
            "tools": [{"name": "read", "input_schema": READ["parameters"]}],
            "messages": [{"role": "user", "content": "{{emu: tool read {\"path\":\"a\"}}}"}]}
    answer = site.post("/v1/messages", body)
    assert answer.status == 200, answer
    kinds = [b["type"] for b in answer.json["content"]]
    assert kinds == ["thinking", "tool_use"]
    body["messages"] += [{"role": "assistant", "content": answer.json["content"]},
                         {"role": "user", "content": [{
                             "type": "tool_result", "content": "ok",
                             "tool_use_id": answer.json["content"][1]["id"]}]}]
    answer = site.post("/v1/messages", body)
    assert answer.status == 200, answer
    assert "Tool read returned: ok" in answer.json["content"][-1]["text"]
    assert '"encrypted_content":"gAAAAAB' in emulator.inference()[-1]["body"]
    body["model"] = CLAUDE  # the conversation moves on: foreign signatures are left out
    body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    assert site.post("/v1/messages", body).status == 200
