#!/usr/bin/env python3
"""Checks the emulated AI Core against its own promises.

usage: selftest.py PATH-TO-aicore-emulator

Only the standard library is used. Prints one line per failed check and a count at the end;
exits 1 if something failed. The decoders here (event stream frames, Python literals, chunked
bodies) are written independently of the C code.
"""

import ast
import base64
import binascii
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0" + b"\x1f\x15\xc4\x89" * 8
).decode()

checks = 0
failures = 0


def check(condition, what):
    global checks, failures
    checks += 1
    if not condition:
        failures += 1
        print("FAILED: " + str(what)[:600], flush=True)


class Emulator:
    def __init__(self, program, *options):
        self.dir = tempfile.mkdtemp(prefix="emulator-test-")
        self.process = subprocess.Popen(
            [program, "--write-keys", self.dir, *options], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.control_port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        self.keys = {}
        for name in ("alpha", "beta"):
            with open(os.path.join(self.dir, name + ".json"), encoding="utf-8") as file:
                self.keys[name] = json.load(file)
        self.deployments = self.control("GET", "/deployments")["deployments"]
        self.tokens = {}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        shutil.rmtree(self.dir)
        return code

    def http(self, method, path, body=None, headers=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data, response.headers

    def control(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        status, data, _ = self.http(method, path, text, port=self.control_port)
        check(status == 200, "control %s %s: %s" % (method, path, data))
        return json.loads(data)

    def token(self, tenant="alpha"):
        if tenant not in self.tokens:
            key = self.keys[tenant]
            form = urllib.parse.urlencode({
                "grant_type": "client_credentials", "client_id": key["clientid"],
                "client_secret": key["clientsecret"]})
            status, data, _ = self.http(
                "POST", urllib.parse.urlparse(key["url"]).path + "/oauth/token", form,
                {"Content-Type": "application/x-www-form-urlencoded"})
            check(status == 200, data)
            self.tokens[tenant] = json.loads(data)["access_token"]
        return self.tokens[tenant]

    def headers(self, tenant="alpha", group="default", **more):
        return {"Authorization": "Bearer " + self.token(tenant), "AI-Resource-Group": group,
                "Content-Type": "application/json", **more}

    def path(self, model, suffix, tenant="alpha", group="default"):
        found = [d for d in self.deployments if d["model"] == model and d["running"] and
                 d["tenant"] == tenant and d["group"] == group]
        return urllib.parse.urlparse(found[-1]["url"]).path + suffix

    def log(self, since=0):
        """Entries of the log; an entry stays open for a moment after its last byte."""
        for _ in range(100):
            entries = self.control("GET", "/requests?since=%d" % since)["requests"]
            if all(entry["outcome"] != "open" for entry in entries):
                break
            time.sleep(0.02)
        return entries

    def ask(self, model, suffix, body, **headers):
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.http("POST", self.path(model, suffix), text, self.headers(**headers))

    def good(self, model, suffix, body, **headers):
        status, data, _ = self.ask(model, suffix, body, **headers)
        check(status == 200, "%s %s: %s" % (model, status, data))
        return data

    def bad(self, model, suffix, body, text, status=400):
        got, data, _ = self.ask(model, suffix, body)
        check(got == status and text in data.decode(), "%s: wanted %s %r, got %s %s" %
              (model, status, text, got, data))


AZURE = "/chat/completions?api-version=2024-12-01-preview"


def sse(data):
    """The data of each event; any line ending."""
    text = data.decode().replace("\r\n", "\n")
    return [block[6:] for block in text.split("\n\n") for block in [block.strip("\n")]
            if block.startswith("data: ")]


def frames(data):
    """Decode AWS event stream messages, checking both checksums."""
    out = []
    while data:
        total, header_len, crc = struct.unpack(">III", data[:12])
        check(binascii.crc32(data[:8]) == crc, "prelude checksum")
        check(binascii.crc32(data[:total - 4]) == struct.unpack(">I", data[total - 4:total])[0],
              "message checksum")
        headers, at = {}, 12
        while at < 12 + header_len:
            n = data[at]
            name = data[at + 1:at + 1 + n].decode()
            kind, size = struct.unpack(">BH", data[at + 1 + n:at + 4 + n])
            check(kind == 7, "header type")
            headers[name] = data[at + 4 + n:at + 4 + n + size].decode()
            at += 4 + n + size
        out.append((headers, json.loads(data[at:total - 4])))
        data = data[total:]
    return out


def user(text):
    return [{"role": "user", "content": text}]


def test_tokens(e):
    key = e.keys["alpha"]
    path = urllib.parse.urlparse(key["url"]).path + "/oauth/token"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    basic = {"Authorization": "Basic " + base64.b64encode(
        (key["clientid"] + ":" + key["clientsecret"]).encode()).decode()}
    grant = "grant_type=client_credentials"
    for body, query, headers in ((grant, "", {**form, **basic}), (None, "?" + grant, basic)):
        status, data, _ = e.http("POST", path + query, body, headers)
        check(status == 200 and json.loads(data)["token_type"] == "bearer", data)
    status, data, _ = e.http("POST", path, grant + "&client_id=x&client_secret=y", form)
    check(status == 401 and json.loads(data)["error_description"] == "Bad credentials", data)
    status, data, _ = e.http("POST", path, "grant_type=password", form)
    check(status == 400 and b"unsupported_grant_type" in data, data)
    status, data, _ = e.http("POST", path, '{"grant_type":"client_credentials"}',
                             {"Content-Type": "application/json"})
    check(status == 400, data)
    status, data, _ = e.http("POST", "/auth/nobody/oauth/token", grant, form)
    check(status == 404, data)
    check(os.stat(os.path.join(e.dir, "alpha.json")).st_mode & 0o777 == 0o600, "key file mode")


def test_token_life(e):
    path = e.path("gpt-4.1", AZURE)
    body = json.dumps({"messages": user("hi")})
    e.control("POST", "/tokens/ttl", {"tenant": "alpha", "ttl_s": 1})
    e.tokens.clear()
    headers = e.headers()
    check(e.http("POST", path, body, headers)[0] == 200, "a fresh token works")
    time.sleep(1.1)
    status, data, reply = e.http("POST", path, body, headers)
    check(status == 401 and data == b"Jwt is expired", data)
    check(reply["Content-Type"] == "text/plain", "plain text")
    e.control("POST", "/tokens/ttl", {"tenant": "alpha"})
    e.tokens.clear()
    headers = e.headers()
    e.control("POST", "/tokens/revoke", {"tenant": "alpha"})
    check(e.http("POST", path, body, headers)[1] == b"Jwt verification fails", "revoked")
    e.tokens.clear()
    check(e.http("POST", path, body, {})[1] == b"Jwt is missing", "no token")


def test_discovery(e):
    rows, skip = [], 0
    while True:
        status, data, _ = e.http("GET", "/v2/lm/deployments?$top=10000&$skip=%d" % skip,
                                 headers=e.headers())
        page = json.loads(data)
        check(status == 200 and len(page["resources"]) <= 20, "page size")
        rows += page["resources"]
        skip += len(page["resources"])
        if not page["resources"]:
            break
    check(page["count"] == len(rows) == len({r["id"] for r in rows}), "every row once")
    check({r["status"] for r in rows} >= {"RUNNING", "PENDING", "STOPPED", "DEAD", "UNKNOWN"},
          "all kinds of status")
    check(any("deploymentUrl" not in r for r in rows), "a row without URL")
    kinds = [list(r["details"]["resources"]) for r in rows]
    check(["backendDetails"] in kinds and ["backend_details"] in kinds, "both spellings")
    for group in (None, "nope"):
        headers = e.headers()
        headers.pop("AI-Resource-Group")
        if group:
            headers["AI-Resource-Group"] = group
        status, data, _ = e.http("GET", "/v2/lm/deployments", headers=headers)
        check(status == 403 and data == b"RBAC: access denied", data)
    status, data, _ = e.http(
        "GET", "/v2/lm/deployments?status=RUNNING&scenarioId=orchestration", headers=e.headers())
    check(json.loads(data)["count"] == 1, "filters")
    for path in ("/v2/lm/meta", "/v2/admin/tenantInfo", "/v2/admin/resourceGroups",
                 "/v2/lm/scenarios/foundation-models/models", "/v2/lm/scenarios"):
        status, data, _ = e.http("GET", path, headers=e.headers())
        check(status == 200 and json.loads(data), path)
    status, data, _ = e.http("GET", "/v2/lm/deployments/$count", headers=e.headers())
    check(int(data) == len(rows), "$count")


def test_addressing(e):
    body = json.dumps({"messages": user("hi")})
    path = "/v2/inference/deployments/d000000000000000" + AZURE
    check(e.http("POST", path, body, e.headers())[0] == 404, "unknown deployment")
    path = e.path("gpt-4.1", AZURE)
    check(e.http("POST", path, body, e.headers(group="team-b"))[0] == 403, "other group")
    check(e.http("POST", path, body, e.headers(tenant="beta"))[0] == 403, "other tenant")
    check(e.ask("gpt-4.1", "/chat/completions", body)[0] == 404, "api-version is required")
    for text in ("", "{", "[]", '{"messages":[}', '{"a":01}', '{"a":"\x01"}', '{"a":1} x',
                 b'{"a":"\xff"}', "[" * 5000):
        check(e.ask("gpt-4.1", AZURE, text)[0] == 400, "broken JSON %r" % text[:20])


def azure_text(data):
    events = sse(data)
    check(events[-1] == "[DONE]", "terminator")
    chunks = [json.loads(event) for event in events[:-1]]
    check(chunks[0]["choices"] == [] and "prompt_filter_results" in chunks[0], "first chunk")
    text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    return text, chunks


def test_azure(e):
    data = json.loads(e.good("gpt-4.1", AZURE, {"messages": user("grüß dich")}))
    want = "Hello from gpt-4.1. You said: grüß dich"
    check(data["choices"][0]["message"]["content"] == want, data)
    body = {"messages": user("grüß dich"), "stream": True}
    text, chunks = azure_text(e.good("gpt-4.1", AZURE, body))
    check(text == want and len(chunks) > 4, text)
    check(not any(c.get("usage") for c in chunks), "no usage unless asked for")
    body["stream_options"] = {"include_usage": True}
    _, chunks = azure_text(e.good("gpt-4.1", AZURE, body))
    check(chunks[-1]["usage"]["completion_tokens"] > 0 and chunks[-1]["choices"] == [], "usage")
    data = json.loads(e.good("gpt-4.1", AZURE, {"messages": user("x"), "n": 3, "logprobs": True,
                                                "top_logprobs": 2}))
    check(len(data["choices"]) == 3, "n")
    check(len(data["choices"][2]["logprobs"]["content"][0]["top_logprobs"]) == 2, "logprobs")
    data = json.loads(e.good("gpt-4.1", AZURE, {"messages": user("a STOP b"), "stop": "STOP"}))
    check(data["choices"][0]["message"]["content"].endswith("a "), "stop")
    data = json.loads(e.good("gpt-4.1", AZURE, {"messages": user("a"), "max_tokens": 2}))
    check(data["choices"][0]["finish_reason"] == "length", "length")
    image = [{"type": "text", "text": "see"},
             {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]
    data = json.loads(e.good("gpt-4.1", AZURE, {"messages": user(image)}))
    size = len(base64.b64decode(PNG))
    check("[saw image png %d bytes]" % size in data["choices"][0]["message"]["content"], data)
    schema = {"type": "object", "properties": {"a": {"type": "integer"},
                                               "b": {"type": "array", "items": {"enum": ["k"]}}},
              "required": ["a", "b"], "additionalProperties": False}
    data = json.loads(e.good("gpt-5", AZURE, {"messages": user("x"), "response_format": {
        "type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}}))
    check(json.loads(data["choices"][0]["message"]["content"]) == {"a": 1, "b": ["k"]}, data)


TOOL = {"type": "function", "function": {
    "name": "look", "description": "d",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}}}}
CALL = '{{emu: tool look {"q":{"deep":"ä"}}}} {{emu: tool look {"q":2}}}'


def test_azure_tools(e):
    body = {"messages": user(CALL), "tools": [TOOL], "stream": True}
    chunks = azure_text(e.good("gpt-4.1", AZURE, body))[1]
    calls = {}
    for chunk in chunks:
        for call in (chunk["choices"] or [{"delta": {}}])[0]["delta"].get("tool_calls") or []:
            kept = calls.setdefault(call["index"], {"id": call.get("id"), "arguments": ""})
            kept["arguments"] += call["function"]["arguments"]
    check([json.loads(c["arguments"]) for c in calls.values()] ==
          [{"q": {"deep": "ä"}}, {"q": 2}], calls)
    check(chunks[-1]["choices"][0]["finish_reason"] == "tool_calls", chunks[-1])
    message = {"role": "assistant", "content": None, "tool_calls": [
        {"id": c["id"], "type": "function",
         "function": {"name": "look", "arguments": c["arguments"]}} for c in calls.values()]}
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "r%d" % i}
               for i, c in enumerate(calls.values())]
    body = {"messages": user(CALL) + [message] + results, "tools": [TOOL]}
    data = json.loads(e.good("gpt-4.1", AZURE, body))
    check(data["choices"][0]["message"]["content"] ==
          "Tool look returned: r0\nTool look returned: r1", data)
    body["messages"].pop()
    e.bad("gpt-4.1", AZURE, body, "did not have response messages")
    e.bad("gpt-4.1", AZURE, {"messages": results, "tools": [TOOL]}, "must be a response to")
    forced = {"messages": user("x"), "tools": [TOOL], "tool_choice": "required"}
    data = json.loads(e.good("gpt-4.1", AZURE, forced))
    check(data["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "look", data)


def test_azure_rules(e):
    m = {"messages": user("x")}
    for model, more, text in (
            ("gpt-4.1", {"foo": 1}, "Unknown parameter: 'foo'"),
            ("gpt-5", {"max_tokens": 5}, "Use 'max_completion_tokens' instead"),
            ("o3-mini", {"max_tokens": 5}, "max_completion_tokens"),
            ("gpt-5", {"temperature": 0.2}, "Only the default (1) value is supported"),
            ("gpt-5", {"top_p": 0.5}, "top_p"),
            ("gpt-5", {"stop": ["x"]}, "stop"),
            ("gpt-5", {"logprobs": True}, "logprobs"),
            ("gpt-5", {"reasoning_effort": "none"}, "does not support 'none'"),
            ("gpt-4.1", {"reasoning_effort": "low"}, "Unrecognized request argument"),
            ("gpt-4.1", {"verbosity": "low"}, "verbosity"),
            ("o3-mini", {"tools": [TOOL], "parallel_tool_calls": True}, "parallel_tool_calls"),
            ("gpt-5.5", {"tools": [TOOL], "reasoning_effort": "low"}, "/v1/responses instead"),
            ("gpt-4.1", {"stream_options": {"include_usage": True}}, "only allowed when 'stream'"),
            ("gpt-4.1", {"tools": []}, "too short"),
            ("gpt-4.1", {"tools": [{"type": "web_search"}]}, "Supported values are: 'function'"),
            ("gpt-4.1", {"tools": [{**TOOL, "cache_control": {}}]}, "cache_control"),
            ("gpt-4.1", {"tool_choice": "auto"}, "only allowed when 'tools'"),
            ("gpt-4.1", {"response_format": {"type": "json_object"}}, "must contain the word"),
            ("gpt-4.1", {"n": 0}, "minimum"), ("gpt-4.1", {"messages": []}, "empty array"),
            ("gpt-4.1", {"messages": [{"role": "bot", "content": "x"}]}, "Invalid value: 'bot'"),
            ("gpt-4.1", {"messages": [{"role": "user", "content": "x", "cache_control": {}}]},
             "cache_control"),
            ("gpt-4.1", {"messages": [{"role": "assistant", "content": None}]}, "content"),
            ("gpt-4.1", {"messages": user([{"type": "image_url",
                                            "image_url": {"url": "data:image/png;base64,AAAA"}}])},
             "unsupported image")):
        e.bad(model, AZURE, {**m, **more}, text)
    for model, more in (("gpt-5", {"temperature": 1, "top_p": 1, "max_completion_tokens": 50}),
                        ("gpt-5.5", {"tools": [TOOL], "reasoning_effort": "none",
                                     "temperature": 0.1}),
                        ("gpt-5.5", {"tools": [TOOL]}), ("gpt-5", {"reasoning_effort": "minimal"}),
                        ("o3-mini", {"reasoning_effort": "high", "stop": "x"})):
        e.good(model, AZURE, {**m, **more})


def test_embeddings(e):
    url = "/embeddings?api-version=2024-10-21"
    data = json.loads(e.good("text-embedding-3-small", url, {"input": ["a", "b"]}))
    floats = data["data"][0]["embedding"]
    check(len(floats) == 1536 and len(data["data"]) == 2, "dimensions")
    data = json.loads(e.good("text-embedding-3-small", url,
                             {"input": "a", "encoding_format": "base64"}))
    packed = struct.unpack("<1536f", base64.b64decode(data["data"][0]["embedding"]))
    check(max(abs(a - b) for a, b in zip(floats, packed)) < 1e-6, "base64 is the same vector")
    e.good("text-embedding-3-large", url, {"input": [[1, 2], [3]], "dimensions": 256})
    e.bad("text-embedding-3-small", url, {"input": ""}, "input")
    e.bad("nvidia--llama-3.2-nv-embedqa-1b", "/embeddings",
          {"input": "a", "model": "nvidia--llama-3.2-nv-embedqa-1b"}, "input_type")
    e.good("nvidia--llama-3.2-nv-embedqa-1b", "/embeddings",
           {"input": "a", "model": "nvidia--llama-3.2-nv-embedqa-1b", "input_type": "query"})
    data = json.loads(e.good("amazon--titan-embed-text", "/invoke", {"inputText": "a"}))
    check(len(data["embedding"]) == 1024, "titan")
    e.bad("amazon--titan-embed-text", "/invoke", {"inputText": "a", "model": "x"}, "extraneous")
    e.bad("amazon--titan-embed-text", "/invoke", {"inputText": ["a", "b"]}, "inputText")
    path = "/models/gemini-embedding:predict"
    data = json.loads(e.good("gemini-embedding", path, {"instances": [{"content": "a"}]}))
    check(len(data["predictions"][0]["embeddings"]["values"]) == 3072, "gemini")
    e.bad("gemini-embedding", path, {"instances": [{"content": "a"}, {"content": "b"}]}, "one")


SONNET = "anthropic--claude-4.5-sonnet"


def claude(text, **more):
    messages = text if isinstance(text, list) else user(text)
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 2048, "messages": messages,
            **more}


def claude_blocks(data):
    events = [json.loads(event) for event in sse(data)]
    check(events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop" and
          "amazon-bedrock-invocationMetrics" in events[-1], "frame of the stream")
    check(b"event:" not in data, "no event lines")
    return claude_collect(events)


def claude_collect(events):
    blocks = []
    for event in events:
        if event["type"] == "content_block_start":
            check(event["index"] == len(blocks), "index")
            blocks.append({**event["content_block"], "json": ""})
        if event["type"] == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "input_json_delta":
                blocks[-1]["json"] += delta["partial_json"]
            else:
                name = delta["type"][:-6]
                blocks[-1][name] = blocks[-1].get(name, "") + delta[name]
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text)
    return blocks


CLAUDE_TOOL = {"name": "look", "description": "d",
               "input_schema": {"type": "object", "properties": {"q": {}}}}


def test_invoke(e):
    data = json.loads(e.good(SONNET, "/invoke", claude("hé")))
    want = [{"type": "text", "text": "Hello from %s. You said: hé" % SONNET}]
    check(data["content"] == want and data["stop_reason"] == "end_turn", data)
    stream = "/invoke-with-response-stream"
    check(claude_blocks(e.good(SONNET, stream, claude("hé"))) == want, "stream")
    accept = {"Accept": "application/vnd.amazon.eventstream"}
    decoded = frames(e.good(SONNET, stream, claude("hé"), **accept))
    check(decoded[0][0][":event-type"] == "chunk", decoded[0])
    events = [json.loads(base64.b64decode(payload["bytes"])) for _, payload in decoded]
    check(claude_collect(events) == want, "event stream frames")
    data = json.loads(e.good(SONNET, "/invoke", claude("a STOP", stop_sequences=["STOP"])))
    check(data["stop_reason"] == "stop_sequence" and data["stop_sequence"] == "STOP", data)
    blocks = [{"type": "text", "text": "x"},
              {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                           "data": PNG}}]
    data = json.loads(e.good(SONNET, "/invoke", claude(user(blocks))))
    check("[saw image png" in data["content"][0]["text"], data)


def test_invoke_citations(e):
    def replay(citation):
        said = {"type": "text", "text": "x", "citations": [citation]}
        return claude(user("a") + [{"role": "assistant", "content": [said]}] + user("b"))

    place = {"type": "char_location", "cited_text": "y", "document_index": 0}
    web = {"type": "web_search_result_location", "cited_text": "", "url": "https://a.test"}
    e.good(SONNET, "/invoke", replay(place))
    e.bad(SONNET, "/invoke", replay({"type": "rumour", "cited_text": "y"}), "'rumour'")
    e.bad(SONNET, "/invoke", replay({"type": "char_location"}), "cited_text: Field required")
    e.bad(SONNET, "/invoke", replay(dict(web, encrypted_index="")), "Invalid `encrypted_index`")


def test_invoke_tools_and_thinking(e):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"tools": [CLAUDE_TOOL], "thinking": thinking}
    blocks = claude_blocks(e.good(SONNET, "/invoke-with-response-stream",
                                  claude("{{emu: think=Hm, 'so'}}" + CALL, **more)))
    check([b["type"] for b in blocks] == ["thinking", "tool_use", "tool_use"], blocks)
    check(blocks[0]["thinking"] == "Hm, 'so'" and blocks[0]["signature"], blocks[0])
    results = [{"type": "tool_result", "tool_use_id": b["id"],
                "content": [{"type": "text", "text": b["id"][-2:]}]} for b in blocks[1:]]
    turns = user(CALL) + [{"role": "assistant", "content": blocks},
                          {"role": "user", "content": results}]
    data = json.loads(e.good(SONNET, "/invoke", claude(turns, **more)))
    check(data["content"][-1]["text"].startswith("Tool look returned: "), data)
    changed = json.loads(json.dumps(turns))
    changed[1]["content"][0]["thinking"] += "."
    e.bad(SONNET, "/invoke", claude(changed, **more), "Invalid `signature`")
    without = json.loads(json.dumps(turns))
    without[1]["content"].pop(0)
    e.bad(SONNET, "/invoke", claude(without, **more), "must start with a thinking block")
    without = json.loads(json.dumps(turns))
    without[2]["content"].pop()
    e.bad(SONNET, "/invoke", claude(without, **more), "without `tool_result` blocks immediately")
    late = json.loads(json.dumps(turns))
    late[2]["content"].insert(0, {"type": "text", "text": "first"})
    e.bad(SONNET, "/invoke", claude(late, **more), "without `tool_result` blocks immediately")
    e.bad(SONNET, "/invoke", claude(turns, thinking=thinking), "must define tools")
    data = json.loads(e.good(SONNET, "/invoke", claude("{{emu: redact}} x", thinking=thinking)))
    check(data["content"][0]["type"] == "redacted_thinking", data)
    turns = user("x") + [{"role": "assistant", "content": data["content"]}] + user("y")
    e.good(SONNET, "/invoke", claude(turns, thinking=thinking))
    turns[1]["content"][0]["data"] += "A"
    e.bad(SONNET, "/invoke", claude(turns, thinking=thinking), "redacted_thinking")


def test_invoke_rules(e):
    opus = "anthropic--claude-4.8-opus"
    thinking = {"type": "enabled", "budget_tokens": 1024}
    mark = {"type": "ephemeral"}
    system = [{"type": "text", "text": "s", "cache_control": mark}]
    for model, more, text in (
            (SONNET, {"model": "x"}, "model: Extra inputs are not permitted"),
            (SONNET, {"stream": True}, "stream: Extra inputs"),
            (SONNET, {"context_management": {}}, "context_management: Extra inputs"),
            (SONNET, {"cache_control": mark}, "cache_control: Extra inputs"),
            (SONNET, {"anthropic_version": None}, "anthropic_version: Field required"),
            (SONNET, {"max_tokens": None}, "max_tokens: Field required"),
            (SONNET, {"max_tokens": 64001}, "maximum allowed number of output tokens"),
            (SONNET, {"thinking": {**thinking, "budget_tokens": 1000}}, "1024"),
            (SONNET, {"thinking": {**thinking, "budget_tokens": 2048}}, "must be greater"),
            (SONNET, {"thinking": thinking, "temperature": 0.5}, "may only be set to 1"),
            (SONNET, {"thinking": thinking, "top_k": 5}, "top_k"),
            (SONNET, {"thinking": thinking, "tools": [CLAUDE_TOOL],
                      "tool_choice": {"type": "any"}}, "forces tool use"),
            (SONNET, {"thinking": {"type": "adaptive"}}, "adaptive"),
            (SONNET, {"temperature": 0.5, "top_p": 0.5}, "cannot both be specified"),
            (opus, {"thinking": thinking}, "thinking.type.enabled"),
            (opus, {"temperature": 0.5}, "not supported for this model"),
            (opus, {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
             "output_config.format: Extra inputs"),
            ("anthropic--claude-3.7-sonnet", {"output_config": {"effort": "low"}}, "Extra inputs"),
            (SONNET, {"anthropic_beta": ["prompt-caching-2024-07-31"]}, "invalid beta flag"),
            (SONNET, {"tools": [{**CLAUDE_TOOL, "strict": True}]},
             "tools.0.custom.strict: Extra inputs"),
            (SONNET, {"tools": [{**CLAUDE_TOOL, "defer_loading": True}]}, "defer_loading"),
            (SONNET, {"tools": [{"type": "web_search_20250305", "name": "w"}]},
             "Input tag 'web_search_20250305'"),
            (SONNET, {"tool_choice": {"type": "auto"}}, "providing tools"),
            (SONNET, {"metadata": {"x": 1}}, "metadata.x: Extra inputs"),
            (SONNET, {"system": [{**system[0], "cache_control": {**mark, "scope": "global"}}]},
             "scope: Extra inputs"),
            (SONNET, {"system": [{**system[0], "cache_control": {**mark, "ttl": "2h"}}]}, "ttl"),
            (SONNET, {"system": system * 5}, "maximum of 4 blocks"),
            ("anthropic--claude-3.7-sonnet",
             {"system": [{**system[0], "cache_control": {**mark, "ttl": "1h"}}]}, "ttl"),
            (SONNET, {"messages": user([{"type": "text", "text": ""}])}, "non-empty"),
            (SONNET, {"messages": user([{"type": "text", "text": " \n"}])}, "non-whitespace"),
            (SONNET, {"messages": user("a") + user("b")}, "roles must alternate"),
            (SONNET, {"messages": [{"role": "system", "content": "a"}]}, "Unexpected role"),
            (SONNET, {"messages": [{"role": "assistant", "content": "a"}]}, "first message"),
            (SONNET, {"messages": user([{"type": "image", "source": {
                "type": "url", "url": "https://example.test/x.png"}}])}, "URL sources"),
            (SONNET, {"messages": user([{"type": "image", "source": {
                "type": "base64", "media_type": "image/jpeg", "data": PNG}}])}, "appears to be"),
            (SONNET, {"messages": user([{"type": "tool_result", "tool_use_id": "t",
                                         "content": []}])}, "unexpected `tool_use_id`"),
            ("anthropic--claude-4.6-opus",
             {"messages": user("a") + [{"role": "assistant", "content": "b"}]}, "prefill")):
        body = {k: v for k, v in {**claude("x"), **more}.items() if v is not None}
        e.bad(model, "/invoke", body, text)
    e.good(SONNET, "/invoke", claude(user("a") + [{"role": "assistant", "content": "b"}]))
    e.good(opus, "/invoke", claude("x", thinking={"type": "adaptive"},
                                   output_config={"effort": "high"}))


def test_prompt_cache(e):
    system = [{"type": "text", "text": "long " * 300, "cache_control": {"type": "ephemeral"}}]
    first = json.loads(e.good(SONNET, "/invoke", claude("one", system=system)))["usage"]
    second = json.loads(e.good(SONNET, "/invoke", claude("two", system=system)))["usage"]
    check(first["cache_creation_input_tokens"] > 300 and first["cache_read_input_tokens"] == 0,
          first)
    check(second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] and
          second["cache_creation_input_tokens"] == 0, second)
    system[0].pop("cache_control")
    third = json.loads(e.good(SONNET, "/invoke", claude("two", system=system)))["usage"]
    check(third["cache_read_input_tokens"] == 0, third)


NOVA = "amazon--nova-pro"
TRICKY = "it's \"x\" data: {True} None \\n back\\slash\ttab ä 😀 \u2028 'q'"


def converse(text, **more):
    content = text if isinstance(text, list) else [{"text": text}]
    return {"messages": [{"role": "user", "content": content}], **more}


def converse_collect(events):
    text, calls = "", {}
    for event in events:
        check(len(event) == 1, event)
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        start = event.get("contentBlockStart")
        if start:
            calls[start["contentBlockIndex"]] = {**start["start"]["toolUse"], "input": ""}
        if "toolUse" in delta:
            calls[event["contentBlockDelta"]["contentBlockIndex"]]["input"] += \
                delta["toolUse"]["input"]
    check("messageStart" in events[0] and "messageStop" in events[-2] and
          "usage" in events[-1]["metadata"], "frame of the stream")
    return text, list(calls.values())


NOVA_TOOLS = {"tools": [{"toolSpec": {"name": "look", "description": "d", "inputSchema": {
    "json": {"type": "object", "properties": {"q": {}}}}}}]}


def test_converse(e):
    data = json.loads(e.good(NOVA, "/converse", converse("hi")))
    check(data["output"]["message"]["content"] == [
        {"text": "Hello from %s. You said: hi" % NOVA}] and data["stopReason"] == "end_turn", data)
    body = converse("{{emu: text=%s}}" % TRICKY)
    python = e.good(NOVA, "/converse-stream", body)
    check(b"{'messageStart': {'role': 'assistant'}}" in python, python[:200])
    events = [ast.literal_eval(event) for event in sse(python)]
    check(converse_collect(events)[0] == TRICKY, "Python literals")
    for line in sse(python):
        check(repr(ast.literal_eval(line)) == line, "exactly what repr prints: " + line)
    e.control("POST", "/settings", {"converse_encoding": "json"})
    events = [json.loads(event) for event in sse(e.good(NOVA, "/converse-stream", body))]
    check(converse_collect(events)[0] == TRICKY, "JSON")
    e.control("POST", "/settings", {"converse_encoding": "eventstream"})
    decoded = frames(e.good(NOVA, "/converse-stream", body))
    events = [{headers[":event-type"]: payload} for headers, payload in decoded]
    check(converse_collect(events)[0] == TRICKY, "event stream")
    e.control("POST", "/settings", {"converse_encoding": "python"})


def test_converse_tools(e):
    data = e.good(NOVA, "/converse-stream", converse(CALL, toolConfig=NOVA_TOOLS))
    calls = converse_collect([ast.literal_eval(event) for event in sse(data)])[1]
    check([json.loads(c["input"]) for c in calls] == [{"q": {"deep": "ä"}}, {"q": 2}], calls)
    uses = [{"toolUse": {**c, "input": json.loads(c["input"])}} for c in calls]
    results = [{"toolResult": {"toolUseId": c["toolUseId"], "content": [{"text": "r"}]}}
               for c in calls]
    body = converse(CALL, toolConfig=NOVA_TOOLS)
    body["messages"] += [{"role": "assistant", "content": uses},
                         {"role": "user", "content": results}]
    data = json.loads(e.good(NOVA, "/converse", body))
    check("Tool look returned: r" in data["output"]["message"]["content"][0]["text"], data)
    e.bad(NOVA, "/converse", {**body, "toolConfig": None}, "toolConfig field must be defined")
    body["messages"][2]["content"] = results[:1]
    e.bad(NOVA, "/converse", body, "Expected toolResult blocks")
    for more, text in (({"model": "x"}, "extraneous key [model]"),
                       ({"system": "x"}, "system"), ({"toolConfig": {"tools": []}}, "toolConfig"),
                       ({"inferenceConfig": {"topK": 1}}, "extraneous key [topK]"),
                       ({"messages": [{"role": "user", "content": [{"text": ""}]}]}, "blank"),
                       ({"messages": [{"role": "assistant", "content": [{"text": "a"}]}]},
                        "start with a user message"),
                       ({"messages": [{"role": "user", "content": [[1]]}]}, "exactly one member"),
                       ({"messages": [{"role": "user", "content": "text"}]}, "content")):
        e.bad(NOVA, "/converse", {**converse("x"), **more}, text)
    image = [{"text": "x"}, {"image": {"format": "png", "source": {"bytes": PNG}}}]
    check("[saw image png" in e.good(NOVA, "/converse", converse(image)).decode(), "image")
    thinking = {"additionalModelRequestFields": {
        "thinking": {"type": "enabled", "budget_tokens": 1024}}}
    data = json.loads(e.good(SONNET, "/converse", converse("x", **thinking)))
    check("reasoningContent" in data["output"]["message"]["content"][0], data)


def gemini(text, **more):
    parts = text if isinstance(text, list) else [{"text": text}]
    return {"contents": [{"role": "user", "parts": parts}], **more}


def gemini_path(model, verb="generateContent"):
    return "/models/%s:%s" % (model, verb)


GEMINI_TOOLS = [{"functionDeclarations": [{"name": "look", "parameters": {
    "type": "OBJECT", "properties": {"q": {"type": "STRING"}}}}]}]


def test_vertex(e):
    model = "gemini-2.5-flash"
    data = json.loads(e.good(model, gemini_path(model), gemini("hä")))
    want = "Hello from %s. You said: hä" % model
    check(data["candidates"][0]["content"]["parts"] == [{"text": want}], data)
    path = gemini_path(model, "streamGenerateContent")
    raw = e.good(model, path + "?alt=sse", gemini("hä"))
    check(b"\r\n\r\n" in raw, "CRLF")
    chunks = [json.loads(event) for event in sse(raw)]
    check("".join(c["candidates"][0]["content"]["parts"][0]["text"] for c in chunks) == want,
          "stream")
    check(chunks[-1]["candidates"][0]["finishReason"] == "STOP", chunks[-1])
    array = json.loads(e.good(model, path, gemini("hä")))
    check(len(array) == len(chunks), "JSON array")
    status, data, _ = e.ask(model, path, gemini("hä", model="x"))
    check(status == 400 and isinstance(json.loads(data), list), "error in an array")
    data = json.loads(e.good(model, gemini_path(model), gemini("x", generationConfig={
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "BOOLEAN"}}}})))
    check(json.loads(data["candidates"][0]["content"]["parts"][0]["text"]) == {"a": True}, data)
    data = json.loads(e.good(model, gemini_path(model), gemini("x", generationConfig={
        "thinkingConfig": {"includeThoughts": True}})))
    check(data["candidates"][0]["content"]["parts"][0]["thought"] is True, data)


def test_vertex_tools(e):
    model = "gemini-3.5-flash"
    path = gemini_path(model)
    data = json.loads(e.good(model, path, gemini(CALL, tools=GEMINI_TOOLS)))
    parts = data["candidates"][0]["content"]["parts"]
    check([p["functionCall"]["args"] for p in parts] == [{"q": {"deep": "ä"}}, {"q": 2}], parts)
    check("thoughtSignature" in parts[0] and "id" not in parts[0]["functionCall"], parts)
    results = [{"functionResponse": {"name": "look", "response": {"output": "r"}}}] * 2
    body = gemini(CALL, tools=GEMINI_TOOLS)
    body["contents"] += [{"role": "model", "parts": parts}, {"role": "user", "parts": results}]
    data = e.good(model, path, body).decode()
    check("Tool look returned: r" in data, data)
    bad = json.loads(json.dumps(body))
    bad["contents"][1]["parts"][0]["functionCall"]["id"] = "x"
    e.bad(model, path, bad, 'Unknown name \\"id\\"')
    bad = json.loads(json.dumps(body))
    bad["contents"][2]["parts"][0]["functionResponse"]["id"] = "x"
    e.bad(model, path, bad, 'Unknown name \\"id\\"')
    bad = json.loads(json.dumps(body))
    signature = bad["contents"][1]["parts"][0].pop("thoughtSignature")
    e.bad(model, path, bad, "missing a thought_signature")
    bad["contents"][1]["parts"][0]["thoughtSignature"] = signature[:-8] + "AAAA" + signature[-4:]
    e.bad(model, path, bad, "Corrupted thought signature")
    bad = json.loads(json.dumps(body))
    bad["contents"][2]["parts"].pop()
    e.bad(model, path, bad, "number of function response parts")


def test_vertex_rules(e):
    model = "gemini-2.5-pro"
    path = gemini_path(model)

    def declared(**schema):
        return {"tools": [{"functionDeclarations": [{"name": "f", "parameters": {
            "type": "OBJECT", "properties": {"a": schema}}}]}]}
    for more, text in (({"model": "x"}, 'Unknown name \\"model\\"'),
                       ({"stream": True}, 'Unknown name \\"stream\\"'),
                       (declared(**{"$schema": "x"}), "$schema"),
                       (declared(type="OBJECT", additionalProperties=False),
                        "additionalProperties"),
                       (declared(const=1), "const"), (declared(**{"$ref": "#/x"}), "$ref"),
                       (declared(type=["string", "null"]), "Proto field is not repeating"),
                       (declared(type="string", enum=[1]), "TYPE_STRING"),
                       (declared(type="string", format="uri"), "only 'enum' and 'date-time'"),
                       (declared(type="array"), "items: missing field"),
                       ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
                        "Budget 0 is invalid"),
                       ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "low"}}},
                        "not supported"),
                       ({"generationConfig": {"maxOutputTokens": 100000}}, "supported range"),
                       ({"contents": []}, "at least one contents"),
                       ({"contents": [{"role": "user", "parts": [{"text": ""}]}]}, "empty text"),
                       ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
                        "valid role"),
                       ({"contents": [{"role": "user", "parts": [{"text": "x"}]}] * 2},
                        "alternate")):
        e.bad(model, path, {**gemini("x"), **more}, text)
    e.good(model, path, {**gemini("x"), "system_instruction": {"parts": {"text": "s"}},
                         "generation_config": {"max_output_tokens": 50}})


def test_hosted(e):
    model = "mistralai--mistral-large-instruct"
    url = "/chat/completions"
    data = json.loads(e.good(model, url, {"model": model, "messages": user("x")}))
    check(data["choices"][0]["message"]["tool_calls"] == [], data)
    data = json.loads(e.good(model, url, {"model": model, "messages": user(CALL),
                                          "tools": [TOOL]}))
    choice = data["choices"][0]
    check(choice["finish_reason"] == "stop" and len(choice["message"]["tool_calls"]) == 2, data)
    check(len(choice["message"]["tool_calls"][0]["id"]) == 9, data)
    e.bad(model, url, {"messages": user("x")}, "Field required")
    e.bad(model, url, {"model": model, "messages": user("x"), "thinking": {}}, "extra_forbidden")
    message = {"role": "assistant", "content": "", "tool_calls": [
        {"id": "call_123", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}
    e.bad(model, url, {"model": model, "messages": user("x") + [message]}, "length of 9")
    data = e.good("sonar", url, {"model": "sonar", "messages": user("x"), "stream": True})
    check(data.endswith(b"data: [DONE]\n\n"), data[-40:])
    e.bad("sonar", url, {"model": "sonar", "messages": user("x"), "tools": [TOOL]}, "tools")


COMPLETION = "/v2/completion"


def prompt(text, model="gpt-4.1", params=None, values=None, history=None, stream=False, more=None,
           **modules):
    """A request to the orchestration service."""
    config = {"modules": {"prompt_templating": {
        "prompt": {"template": user(text), **(more or {})},
        "model": {"name": model, "params": params or {}}}, **modules}}
    if stream:
        config["stream"] = {"enabled": True}
    body = {"config": config, "placeholder_values": values or {}}
    return body if history is None else {**body, "messages_history": history}


def masking(method, *entities, **more):
    return {"providers": [{"type": "sap_data_privacy_integration", "method": method,
                           "entities": list(entities), **more}]}


def orchestrated(e, body):
    """The text, and the whole envelope."""
    data = json.loads(e.good(None, COMPLETION, body))
    return data["final_result"]["choices"][0]["message"]["content"], data


def test_orchestration(e):
    text, data = orchestrated(e, prompt("hello"))
    check(text == "Hello from gpt-4.1. You said: hello", data)
    check(data["final_result"] == data["intermediate_results"]["llm"], data)
    raw = e.good(None, COMPLETION, prompt("hello", stream=True))
    events = sse(raw)
    check(events[-1] == "[DONE]", events[-1])
    parts = [json.loads(event)["final_result"] for event in events[:-1]]
    check(parts[0]["id"] == "" and parts[0]["created"] == 0, parts[0])
    check("".join(p["choices"][0]["delta"]["content"] for p in parts) == text, parts)
    check(parts[-1]["usage"] and parts[-1]["choices"][0]["finish_reason"] == "stop", parts[-1])
    e.bad(None, COMPLETION, {**prompt("x"), "model": "gpt-4.1"}, "'model' was unexpected")
    e.bad(None, COMPLETION, {"config": {}}, "'modules' is a required property")
    e.bad(None, COMPLETION, prompt("x", filtering={"input": {"filters": []}}), "non-empty")
    e.bad(None, COMPLETION, prompt("x", history=[{"role": "user", "content": "x", "name": "n"}]),
          "not valid under any of the given schemas")
    e.bad(None, COMPLETION, prompt("x", history=[{"role": "assistant", "content": []}]), "schemas")
    e.bad(None, COMPLETION, prompt("x", model="nope"), "Model nope is not supported")
    e.bad(None, COMPLETION, prompt("x", model="gpt-5", params={"temperature": 0.5}), "LLM Module")
    e.bad(None, COMPLETION, prompt("x", model="anthropic--claude-4.5-sonnet", params={"seed": 1}),
          "seed: Extra inputs are not permitted")
    e.bad(None, "/v2/nothing", {}, "Not Found", 404)


def test_templates(e):
    text, _ = orchestrated(e, prompt("{{?a}} {{ ?b-1 }} {{c}} {% d %}", values={"a": "{{?b-1}}"},
                                     more={"defaults": {"b-1": "B"}}))
    check(text.endswith("{{?b-1}} B {{c}} {% d %}"), text)
    e.bad(None, COMPLETION, prompt("{{?a}}"), "Missing required parameters: ['a']")
    e.bad(None, COMPLETION, prompt("x", values={"a": "1"}), "Unused parameters: ['a']")
    e.bad(None, COMPLETION, prompt("{{?a.b}}"), "Templating failed")
    _, data = orchestrated(e, prompt("x", history=user("{{?a}} {{? b}}")))
    check("{{?a}} {{? b}}" in json.dumps(data["intermediate_results"]["templating"]), data)
    grounding = {"type": "document_grounding_service",
                 "config": {"placeholders": {"input": ["q"], "output": "f"}}}
    text, _ = orchestrated(e, prompt("{{?q}}: {{?f}}", values={"q": "why"}, grounding=grounding))
    check(text.endswith("why: [documents about: why]"), text)
    by_id = prompt("x", values={"question": "why"})
    by_id["config"]["modules"]["prompt_templating"]["prompt"] = {"template_ref": {"id": "registered"}}
    check(orchestrated(e, by_id)[0].endswith("Registered: why"), "template of the registry")


def test_modules(e):
    told = "mail a@b.test, a@b.test, c@d.test or sap@b.test, +49 30 1234567"
    email, phone = {"type": "profile-email"}, {"type": "profile-phone"}
    text, data = orchestrated(e, prompt(told, masking=masking(
        "anonymization", email, phone, allowlist=["sap@b.test"])))
    check(text.endswith("mail MASKED_EMAIL, MASKED_EMAIL, MASKED_EMAIL or sap@b.test, "
                        "MASKED_PHONE_NUMBER"), text)
    hidden = masking("pseudonymization", email, {"regex": "c[0-9]+", "replacement_strategy": {
        "method": "constant", "value": "ID"}})
    text, data = orchestrated(e, prompt(told + " c77", masking=hidden, history=user("x@y.test")))
    check(text.endswith(told + " c77"), text)
    masked = data["intermediate_results"]["input_masking"]["data"]["masked_template"]
    check("MASKED_EMAIL_1" in masked and "MASKED_EMAIL_3" in masked and "ID_1" in masked, masked)
    check("@y.test" not in masked and "c77" not in masked, masked)
    events = sse(e.good(None, COMPLETION, prompt(told, masking=hidden, stream=True)))
    check("MASKED" not in "".join(json.loads(x)["final_result"]["choices"][0]["delta"]["content"]
                                  for x in events[:-1]), "unmasked in streams")
    azure = {"filters": [{"type": "azure_content_safety", "config": {"hate": 2, "violence": 6}}]}
    e.bad(None, COMPLETION, prompt("unsafe-hate", filtering={"input": azure}), "Input Filter")
    e.good(None, COMPLETION, prompt("unsafe-violence", filtering={"input": azure}))
    out = "{{emu: text=so unsafe-hate}}"
    text, data = orchestrated(e, prompt(out, filtering={"output": azure}))
    check(text == "" and data["final_result"]["choices"][0]["finish_reason"] == "content_filter", data)
    events = sse(e.good(None, COMPLETION, prompt(out, stream=True, filtering={"output": azure})))
    last = json.loads(events[-2])["final_result"]["choices"][0]
    check(last["finish_reason"] == "content_filter", last)
    claude, opened = "anthropic--claude-4.5-sonnet", {"tools": [TOOL]}
    data = json.loads(e.good(None, COMPLETION, prompt(CALL, claude, more=opened, stream=False)))
    check(len(data["final_result"]["choices"][0]["message"]["tool_calls"]) == 2, data)
    vectors = {"config": {"modules": {"embeddings": {"model": {
        "name": "text-embedding-3-small", "params": {"dimensions": 4}}}}},
        "input": {"text": ["MASKED_EMAIL"], "type": "query"}}
    plain = json.loads(e.good(None, "/v2/embeddings", vectors))["final_result"]["data"]
    vectors["input"]["text"] = ["a@b.test"]
    vectors["config"]["modules"]["masking"] = masking("anonymization", email)
    check(json.loads(e.good(None, "/v2/embeddings", vectors))["final_result"]["data"] == plain,
          "embeddings are masked")
    e.bad(None, "/v2/embeddings", {**vectors, "input": {"text": [1]}}, "schemas")


def read_raw(e, model, suffix, body):
    """The whole answer, as many bytes as came, and how it ended."""
    connection = http.client.HTTPConnection("127.0.0.1", e.port, timeout=5)
    connection.request("POST", e.path(model, suffix), json.dumps(body), e.headers())
    try:
        response = connection.getresponse()
        try:
            return response.status, response.read(), "end"
        except http.client.IncompleteRead as error:
            return response.status, error.partial, "cut"
        except ConnectionResetError:
            return response.status, b"", "reset"
        except TimeoutError:
            return response.status, b"", "timeout"
    except (ConnectionResetError, http.client.RemoteDisconnected):
        return None, b"", "reset"
    finally:
        connection.close()


def test_faults(e):
    body = {"messages": user("x"), "stream": True}

    def fault(kind, **more):
        match = more.pop("match", {"model": "gpt-4.1"})
        e.control("POST", "/faults", {"match": match, "fault": {"kind": kind, **more}})
        return read_raw(e, "gpt-4.1", AZURE, body)
    status, data, _ = fault("status", code=429)
    check(status == 429 and json.loads(data)["error"]["message"], data)
    check(fault("reset")[2] == "reset", "reset")
    status, data, end = fault("reset", at="events", after_events=2)
    check(status == 200 and end in ("cut", "reset"), (status, data, end))
    status, data, end = fault("cut", after_events=3)
    check(status == 200 and end == "end" and len(sse(data)) == 3, data)
    data = fault("late_throttle")[1]
    check("too_many_requests" in sse(data)[-1] and len(sse(data)) == 3, data)
    data = fault("error_event", code=500)[1]
    check("error" in json.loads(sse(data)[-1]), data)
    check(fault("empty_200")[:2] == (200, b""), "empty")
    check(azure_text(fault("drip", ms=0)[1])[0].endswith("x"), "drip")
    started = time.monotonic()
    fault("slow", ms=300)
    check(0.25 < time.monotonic() - started < 2, "slow")
    e.control("POST", "/faults", {"match": {"model": "gpt-4.1"}, "skip": 1, "times": 2,
                                  "fault": {"kind": "status", "code": 503,
                                            "headers": {"Retry-After": "2"}}})
    codes = [e.ask("gpt-4.1", AZURE, body)[0] for _ in range(4)]
    check(codes == [200, 503, 503, 200], codes)
    e.control("DELETE", "/faults")
    e.control("POST", "/faults", {"match": {"model": "gpt-4.1"}, "times": -1, "percent": 25,
                                  "fault": {"kind": "status", "code": 503}})
    codes = [e.ask("gpt-4.1", AZURE, body)[0] for _ in range(200)]
    check(25 < codes.count(503) < 75 and codes.count(200) == 200 - codes.count(503), codes)
    e.control("DELETE", "/faults")
    e.control("POST", "/faults", {"match": {"family": "token"}, "fault": {"kind": "status",
                                                                         "code": 500}})
    check(e.http("POST", "/auth/alpha/oauth/token", "x")[0] == 500, "token fault")
    for model, suffix, good, marker in (
            (SONNET, "/invoke-with-response-stream", claude("x"), "ThrottlingException"),
            (NOVA, "/converse-stream", converse("x"), "throttlingException"),
            ("gemini-2.5-pro", gemini_path("gemini-2.5-pro", "streamGenerateContent?alt=sse"),
             gemini("x"), "RESOURCE_EXHAUSTED")):
        e.control("POST", "/faults", {"match": {"model": model},
                                      "fault": {"kind": "late_throttle"}})
        status, data, _ = e.ask(model, suffix, good)
        check(status == 200 and marker in data.decode(), data)
    status, data, _ = e.ask(SONNET, "/invoke", claude("{{emu: error=429}}"))
    check(status == 429, "error directive")
    data = e.good(SONNET, "/invoke-with-response-stream", claude("{{emu: error=529 at=mid}}"))
    check("overloaded_error" in sse(data)[-1], data)


def test_log(e):
    e.control("DELETE", "/requests")
    raw = '{"messages": [ {"role":"user","content":"\\u0041 ä"} ]  , "seed": 12345678901234567}'
    e.good("gpt-4.1", AZURE, raw.encode())
    log = e.log()
    check(len(log) == 1 and log[0]["body"] == raw, log)
    check(log[0]["tenant"] == "alpha" and log[0]["model"] == "gpt-4.1" and
          log[0]["outcome"] == "done" and log[0]["headers"]["ai-resource-group"] == "default", log)
    check(e.token() not in json.dumps(log), "no token in the log")
    e.ask("gpt-4.1", AZURE, b'{"a":"\xff"}')
    entry = e.log(log[0]["seq"])[0]
    check(base64.b64decode(entry["body_base64"]) == b'{"a":"\xff"}', entry)


def test_hang_up(e):
    e.control("DELETE", "/requests")
    body = json.dumps({"messages": user("{{emu: bytes=4000 chunks=100 delay_ms=5000}}"),
                       "stream": True})
    head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (
        e.path("gpt-4.1", AZURE), len(body))
    head += "".join("%s: %s\r\n" % item for item in e.headers().items())
    connection = socket.create_connection(("127.0.0.1", e.port))
    connection.sendall((head + "\r\n" + body).encode())
    connection.settimeout(0.3)
    data = b""
    try:
        while True:
            data += connection.recv(4096)
    except TimeoutError:
        check(b"200 OK" in data, "headers come before the first event")
    check(e.control("GET", "/counters")["active_streams"] == 1, "active")
    left = time.time()
    connection.close()
    entry = e.log()[0]
    check(entry["outcome"] == "client_closed", entry)
    check(abs(entry.get("closed_ms", 0) / 1000 - left) < 0.3, (entry, left))
    counters = e.control("GET", "/counters")
    check(counters["active_streams"] == 0 and counters["aborted_streams"] == 1, counters)


def test_timing(e):
    started = time.monotonic()
    data = e.good("gpt-4.1", AZURE, {"messages": user("{{emu: chunks=10 delay_ms=30}} x"),
                                     "stream": True})
    check(0.3 < time.monotonic() - started < 1.5 and len(sse(data)) >= 14, "paced stream")
    connection = http.client.HTTPConnection("127.0.0.1", e.port, timeout=10)
    body = json.dumps({"messages": user("{{emu: chunks=2 delay_ms=400}} x"), "stream": True})
    started = time.monotonic()
    connection.request("POST", e.path("gpt-4.1", AZURE), body, e.headers())
    response = connection.getresponse()
    response.read1(10)
    check(time.monotonic() - started < 0.15, "first bytes are not held back")
    response.read()
    connection.close()
    data = e.good("gpt-4.1", AZURE, {"messages": user("{{emu: bytes=1000000}}"), "stream": True})
    check(len(azure_text(data)[0]) == 1000000, "large answer")


def test_scripts(e):
    e.control("POST", "/scripts", {"match": "fix the bug", "steps": [
        {"text": "Reading.", "tool_calls": [{"name": "look", "args": {"q": 1}}]},
        {"tool_calls": [{"name": "absent"}]}, {"text": "done"}]})
    turns = user("please fix the bug")
    for step in range(3):
        data = json.loads(e.good(SONNET, "/invoke", claude(turns, tools=[CLAUDE_TOOL])))
        if step == 0:
            check([b["type"] for b in data["content"]] == ["text", "tool_use"], data)
            results = [{"type": "tool_result", "tool_use_id": data["content"][1]["id"],
                        "content": [{"type": "text", "text": "r"}]}]
        elif step == 1:
            check("absent is not among the tools" in data["content"][0]["text"], data)
            results = "go on"
        else:
            check(data["content"] == [{"type": "text", "text": "done"}], data)
        turns = turns + [{"role": "assistant", "content": data["content"]},
                         {"role": "user", "content": results}]
    e.control("DELETE", "/scripts")


def test_hostile(e):
    """Bodies of every odd shape, on every path: an answer, never a crash."""
    odd = [None, True, 0, -1, 1e300, "", "x", [], [[]], [None], {}, {"a": None}, [{}], {"type": 1},
           {"type": "x"}, [{"type": "text"}], [{"text": []}], [["a"]], {"content": {}}]
    shapes = ((AZURE, "gpt-4.1", {"messages": user("x"), "tools": [TOOL], "tool_choice": "auto",
                                  "response_format": {"type": "text"}, "stop": "x",
                                  "stream_options": None, "logit_bias": None, "n": 1,
                                  "max_tokens": 9}),
              ("/invoke", SONNET, claude("x", tools=[CLAUDE_TOOL], tool_choice={"type": "auto"},
                                         system="x", thinking=None, metadata={},
                                         stop_sequences=[], anthropic_beta=[],
                                         output_config=None, temperature=None)),
              ("/converse", NOVA, converse("x", toolConfig=NOVA_TOOLS, system=[{"text": "x"}],
                                           inferenceConfig={"maxTokens": 1},
                                           additionalModelRequestFields=None)),
              (gemini_path("gemini-3.5-flash"), "gemini-3.5-flash",
               gemini("x", tools=GEMINI_TOOLS, toolConfig={}, generationConfig={},
                      systemInstruction={"parts": [{"text": "x"}]}, safetySettings=[])),
              ("/embeddings?api-version=1", "text-embedding-3-small",
               {"input": "x", "dimensions": 5, "encoding_format": "float"}),
              (gemini_path("gemini-embedding", "predict"), "gemini-embedding",
               {"instances": [{"content": "x"}], "parameters": {}}))

    def paths(value, at=()):
        yield at
        items = value.items() if isinstance(value, dict) else \
            enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            yield from paths(inner, at + (key,))

    connection = http.client.HTTPConnection("127.0.0.1", e.port, timeout=30)
    for suffix, model, body in shapes:
        path, headers = e.path(model, suffix), e.headers()
        for at in paths(body):
            for value in odd:
                changed = json.loads(json.dumps(body))
                if at:
                    place = changed
                    for key in at[:-1]:
                        place = place[key]
                    place[at[-1]] = value
                else:
                    changed = value
                connection.request("POST", path, json.dumps(changed), headers)
                response = connection.getresponse()
                data = response.read()
                if response.status not in (200, 400):
                    check(False, "%s %s %s: %s" % (suffix, at, value, data))
                json.loads(data)
    connection.close()
    for text in ("{{emu:", "{{emu: tool", "{{emu: tool x {", "{{emu: tool x {}", "{{emu: }}",
                 "{{emu: text=", "{{emu: chunks=99999999999 bytes=-1}}", "{{emu: =}}", "}}{{emu:}}",
                 "{{emu: tool  {\"a\":}}}", "{{emu: error=abc}}"):
        e.good("gpt-4.1", AZURE, {"messages": user(text)})
    check(e.process.poll() is None, "still alive")


def test_streams_at_once(e, count=400):
    e.control("POST", "/reset")
    e.tokens.clear()
    body = json.dumps({"messages": user("{{emu: chunks=10 delay_ms=100}}"), "stream": True})
    head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (
        e.path("gpt-4.1", AZURE), len(body))
    head += "".join("%s: %s\r\n" % item for item in e.headers().items())
    request = (head + "\r\n" + body).encode()
    sockets = [socket.create_connection(("127.0.0.1", e.port)) for _ in range(count)]
    for one in sockets:
        one.sendall(request)
    whole = 0
    for one in sockets:
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            more = one.recv(65536)
            if not more:
                break
            data += more
        whole += data.count(b"[DONE]")
        one.close()
    counters = e.control("GET", "/counters")
    check(whole == count and counters["peak_streams"] > count // 2, counters)
    check(counters["aborted_streams"] == 0, counters)


def make_certificates(where):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=where, check=True, capture_output=True)
    for name in ("server", "client", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout",
                name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name,
                "-addext", "subjectAltName=IP:127.0.0.1")


def test_tls(program):
    if not shutil.which("openssl"):
        print("skipped: TLS (no openssl command)")
        return
    with tempfile.TemporaryDirectory() as where:
        make_certificates(where)

        def file(name):
            return os.path.join(where, name)
        e = Emulator(program, "--tls-port", "0", "--tls-cert", file("server.pem"), "--tls-key",
                     file("server.key"), "--tls-client-ca", file("client.pem"), "--client-cert",
                     file("client.pem"), "--client-key", file("client.key"))
        with open(os.path.join(e.dir, "alpha-x509.json"), encoding="utf-8") as key_file:
            key = json.load(key_file)
        check("clientsecret" not in key and "BEGIN" in key["certificate"], "x509 key")
        url = urllib.parse.urlparse(key["certurl"])
        form = urllib.parse.urlencode({"grant_type": "client_credentials",
                                       "client_id": key["clientid"]})

        def fetch(certificate):
            context = ssl.create_default_context(cafile=file("server.pem"))
            if certificate:
                context.load_cert_chain(file(certificate + ".pem"), file(certificate + ".key"))
            connection = http.client.HTTPSConnection("127.0.0.1", url.port, context=context,
                                                     timeout=10)
            try:
                connection.request("POST", url.path + "/oauth/token", form, {
                    "Content-Type": "application/x-www-form-urlencoded"})
                return connection.getresponse().status
            except OSError:
                return None
            finally:
                connection.close()
        check(fetch("client") == 200, "with the right certificate")
        check(fetch(None) is None and fetch("other") is None, "handshake fails otherwise")
        status, _, _ = e.http("POST", "/auth/alpha/oauth/token", form, {
            "Content-Type": "application/x-www-form-urlencoded"})
        check(status == 401, "no secret on the plain port")
        check(e.stop() == 0, "end")


def test_end(program):
    """A hanging and a streaming request do not keep the program from ending cleanly."""
    e = Emulator(program)
    e.control("POST", "/faults", {"match": {"model": "gpt-5"}, "fault": {"kind": "hang"}})
    slow = {"messages": user("{{emu: chunks=50 delay_ms=1000}}"), "stream": True}
    threads = [threading.Thread(target=read_raw, args=(e, model, AZURE, slow))
               for model in ("gpt-5", "gpt-4.1")]
    e.token()
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    started = time.monotonic()
    check(e.stop() == 0, "exit code")
    check(time.monotonic() - started < 5, "ends at once")
    for thread in threads:
        thread.join()


def main():
    program = sys.argv[1]
    e = Emulator(program)
    tests = [test_tokens, test_token_life, test_discovery, test_addressing, test_azure,
             test_azure_tools, test_azure_rules, test_embeddings, test_invoke,
             test_invoke_citations, test_invoke_tools_and_thinking, test_invoke_rules,
             test_prompt_cache, test_converse,
             test_converse_tools, test_vertex, test_vertex_tools, test_vertex_rules, test_hosted,
             test_orchestration, test_templates, test_modules, test_faults, test_log, test_hang_up, test_timing, test_scripts, test_hostile,
             test_streams_at_once]
    for test in tests:
        before = failures
        try:
            test(e)
        except Exception as error:  # pylint: disable=broad-except
            check(False, "%s: %r" % (test.__name__, error))
            if os.environ.get("SELFTEST_TRACE"):
                raise
        if failures > before:
            print("  in " + test.__name__, flush=True)
        if e.process.poll() is not None:
            print("the emulator died in " + test.__name__)
            sys.exit(1)
    check(e.stop() == 0, "ends with 0")
    for test in (test_tls, test_end):
        test(program)
    print("%d checks, %d failed" % (checks, failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
