"""What must hold behind every web server, with the configuration files that are shipped."""
import http.client
import json
import time

import pytest

import harness
from harness import CLAUDE, GPT, KEY, PATIENCE, wait_for


def is_ours(answer):
    """Whether the responder has answered, and not the web server by itself."""
    return "x-request-id" in answer.headers and "json" in answer.headers.get("content-type", "")


# --- small things ----------------------------------------------------------------------------------
def test_health_needs_no_key(site):
    answer = site.get("/health", key=None)
    assert answer.status == 200 and answer.json, answer


def test_ready_names_no_secret(site):
    site.chat()
    answer = site.get("/health/ready", key=None)
    assert answer.status == 200, answer
    assert KEY not in answer.text and "fake" not in answer.text


def test_root(site):
    answer = site.get("/", key=None)
    assert answer.status == 200 and is_ours(answer), answer


def test_head_has_no_body(site):
    answer = site.ask("HEAD", "/", key=None)
    assert answer.status == 200 and answer.body == b"", answer


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/chat/completions/more", "/anthropic/v1/nothing"])
def test_unknown_path_is_json(site, path):
    answer = site.get(path)
    assert answer.status == 404 and is_ours(answer) and answer.json["error"], answer


def test_wrong_method(site):
    answer = site.get("/v1/chat/completions")
    assert answer.status == 405 and is_ours(answer), answer
    assert "POST" in answer.headers["allow"]


def test_malformed_body_keeps_its_error(site):
    answer = site.post("/v1/chat/completions", b"{\"model\": ", headers={"Content-Type": "application/json"})
    assert answer.status == 400 and is_ours(answer) and answer.json["error"]["message"], answer


# --- keys ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name, value", [
    ("Authorization", f"Bearer {KEY}"), ("Authorization", f"bearer   {KEY}"), ("x-api-key", KEY),
    ("api-key", KEY), ("x-goog-api-key", KEY)])
def test_key_headers_arrive(site, name, value):
    answer = site.get("/v1/models", key=None, headers={name: value})
    assert answer.status == 200 and answer.json["data"], answer


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"x-api-key": KEY[:-1]},
                                     {"Authorization": f"Bearer {KEY}x"}])
def test_no_key_no_answer(site, emulator, headers):
    answer = site.chat(key=None, headers=headers)
    assert answer.status == 401 and is_ours(answer), answer
    assert answer.headers["x-should-retry"] == "false"
    assert emulator.inference() == []


# --- paths -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [CLAUDE, CLAUDE.replace("-", "%2D"), CLAUDE.replace(".", "%2e")])
def test_percent_encoded_model(site, name):
    answer = site.get(f"/v1/models/{name}")
    assert answer.status == 200 and answer.json["id"] == CLAUDE, answer


@pytest.mark.parametrize("path", ["/v1/models/a%2Fb", "/v1/models/a%3Ab", "/v1/models/a%20b%C3%A9"])
def test_any_escape_reaches_the_responder(site, path):
    answer = site.get(path)
    assert answer.status == 404 and is_ours(answer), answer


def test_query_string(site):
    answer = site.post("/v1/messages?beta=true", harness.messages_body("hello"))
    assert answer.status == 200 and answer.json["type"] == "message", answer


def test_aliases_of_paths(site):
    for path in ("/openai/v1/chat/completions", f"/openai/deployments/{GPT}/chat/completions?api-version=2024-10-21"):
        assert site.post(path, harness.chat_body("hello")).status == 200, path
    assert site.post("/anthropic/v1/messages", harness.messages_body("hello")).status == 200


def test_request_id(site):
    answer = site.chat(headers={"X-Request-Id": "test-42"})
    assert answer.status == 200 and answer.headers["x-request-id"] == "test-42", answer


def test_both_dialects(site):
    assert site.chat().json["choices"][0]["message"]["content"]
    assert site.messages().json["content"][0]["text"]


# --- bodies ----------------------------------------------------------------------------------------
# A short directive keeps the answer short.
SHORT = "{{emu: chunks=2}} hi"


def big_chat(size):
    return json.dumps({"model": GPT, "messages": [
        {"role": "system", "content": "x" * size}, {"role": "user", "content": SHORT}]}).encode()


def test_20_mb_pass(site, emulator):
    body = big_chat(20_000_000)
    answer = site.post("/v1/chat/completions", body, headers={"Content-Type": "application/json"})
    assert answer.status in (200, 400), answer.status  # the model may find it too long
    assert emulator.inference()[0]["body_bytes"] >= 20_000_000


def test_chunked_upload(site, emulator):
    body = big_chat(300_000)
    pieces = [body[i:i + 10_000] for i in range(0, len(body), 10_000)]
    answer = site.ask("POST", "/v1/chat/completions", iter(pieces),
                      headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
    assert answer.status == 200, answer
    assert emulator.inference()[0]["body_bytes"] >= 300_000


def refused(site, size):
    """The status for a body of this size. A server may hang up before it has read it all."""
    try:
        return site.post("/v1/chat/completions", b" " * size, headers={"Content-Type": "application/json"})
    except (BrokenPipeError, ConnectionResetError):
        return None


def test_too_long_for_the_responder(gateway, settings, site, emulator):
    small = gateway(site.server, settings(limits={"body_bytes": 1_000_000}))
    assert small.chat(SHORT).status == 200
    emulator.reset()
    answer = small.post("/v1/chat/completions", big_chat(3_000_000),
                        headers={"Content-Type": "application/json"})
    assert answer.status == 413 and is_ours(answer) and answer.json["error"]["message"], answer
    assert emulator.inference() == []


def test_too_long_for_the_server(site, emulator):
    answer = refused(site, 70_000_000)
    assert answer is None or answer.status == 413, answer
    assert emulator.inference() == []
    assert site.chat(SHORT).status == 200


# --- streams ---------------------------------------------------------------------------------------
SLOW = "{{emu: chunks=10 delay_ms=200}} one two three four five six seven eight nine ten"


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_pieces_arrive_while_upstream_sends(site, emulator, record_property, dialect):
    # The first request pays for the token and the list of models.
    assert site.chat(SHORT).status == 200 and site.messages(SHORT).status == 200
    stream = site.chat_stream(SLOW) if dialect == "chat" else site.messages_stream(SLOW)
    assert stream.status == 200 and stream.headers["content-type"].startswith("text/event-stream")
    times = [at for at, _ in stream.data()]
    record_property("first_ms", round(times[0] * 1000))
    record_property("whole_ms", round(times[-1] * 1000))
    assert times[-1] > 1.6
    assert times[0] < times[-1] - 1.0, times
    # Not in lumps either: no gap is much longer than the upstream's own.
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert max(gaps) < 0.2 + 0.5 * PATIENCE, gaps


def test_stream_ends_as_it_should(site):
    assert [data for _, data in site.chat_stream().data()][-1] == "[DONE]"
    last = [data for _, data in site.messages_stream().data()][-1]
    assert json.loads(last)["type"] == "message_stop"


def test_streams_are_not_compressed(site):
    stream = site.chat_stream(headers={"Accept-Encoding": "gzip, br, deflate"})
    assert "content-encoding" not in stream.headers
    assert [data for _, data in stream.data()][-1] == "[DONE]"


def test_hang_up_stops_upstream(site, emulator, record_property):
    assert site.chat(SHORT).status == 200
    emulator.reset()
    stream = site.chat_stream("{{emu: chunks=300 delay_ms=100}} " + "word " * 400)
    for seen, _ in enumerate(stream.data()):
        if seen == 3:
            break
    stream.hang_up()
    closed_ms = time.time() * 1000
    entry = wait_for(lambda: next((r for r in emulator.inference() if r["outcome"] != "open"), None),
                     10, "the upstream request to end")
    assert entry["outcome"] == "client_closed", entry
    took = entry.get("closed_ms", entry["ended_ms"]) - closed_ms
    record_property("cancel_ms", round(took))
    assert took < 1500 * PATIENCE


def end_of_the_call(emulator):
    """When upstream's connection ended, in ms, for the one call there was."""
    def ended():
        return next((r for r in emulator.inference() if r["outcome"] != "open"), None)
    entry = wait_for(ended, 15, "the upstream request to end")
    assert entry["outcome"] == "client_closed", entry
    return entry.get("closed_ms", entry["ended_ms"])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_hang_up_before_the_answer_begins(site, emulator, record_property, stream):
    """The model thinks, nothing is being sent to anybody, and the caller goes."""
    assert site.chat(SHORT).status == 200
    emulator.reset()
    emulator.fault("hang", match={"path": "/v2/inference/"})
    connection, _ = site.send("POST", "/v1/chat/completions",
                              harness.chat_body("hello", GPT, stream=stream))
    wait_for(emulator.inference, 10, "the request to arrive upstream")
    time.sleep(0.2)
    connection.close()
    closed_ms = time.time() * 1000
    took = end_of_the_call(emulator) - closed_ms
    record_property("cancel_ms", round(took))
    assert took < 1000 * PATIENCE


def test_hang_up_between_two_pieces(site, emulator, record_property):
    assert site.chat(SHORT).status == 200
    emulator.reset()
    stream = site.chat_stream("{{emu: chunks=3 delay_ms=30000}} one two three")
    next(stream.lines())
    stream.hang_up()
    closed_ms = time.time() * 1000
    took = end_of_the_call(emulator) - closed_ms
    record_property("cancel_ms", round(took))
    assert took < 1000 * PATIENCE


def test_hang_up_where_nobody_looks(gateway, settings, site, emulator):
    """Apache then notices when it writes, so the signs of life are what it takes."""
    if site.server != "apache-proxy":
        pytest.skip("one is enough")
    blind = gateway(site.server, settings(timeouts={"keep_alive_seconds": 1, "look_seconds": 0}))
    assert blind.chat(SHORT).status == 200
    emulator.reset()
    stream = blind.chat_stream("{{emu: chunks=3 delay_ms=30000}} one two three")
    next(stream.lines())
    stream.hang_up()
    closed_ms = time.time() * 1000
    assert 500 < end_of_the_call(emulator) - closed_ms < 6000 * PATIENCE


def test_twenty_streams_at_once(site):
    def one(_):
        return [data for _, data in site.chat_stream("{{emu: chunks=5 delay_ms=100}} a b c d e").data()][-1]
    assert harness.together(20, one) == ["[DONE]"] * 20


def test_keep_alive_connection(site):
    """Several requests of one caller on one connection."""
    connection = http.client.HTTPConnection(site.host, site.port, timeout=30)
    for _ in range(3):
        connection.request("GET", site.prefix + "/v1/models", headers={"x-api-key": KEY})
        response = connection.getresponse()
        assert response.status == 200 and json.loads(response.read())["data"]
    connection.close()


# --- other mounts and settings ---------------------------------------------------------------------
@pytest.mark.parametrize("prefix", ["/ai", "/deep/er"])
def test_prefix(gateway, site, prefix):
    mounted = gateway(site.server, prefix=prefix)
    assert mounted.get("/health", key=None).status == 200
    assert mounted.ask("HEAD", "/", key=None).status == 200
    assert mounted.get(f"/v1/models/{CLAUDE.replace('-', '%2D')}").json["id"] == CLAUDE
    assert mounted.post("/v1/messages?beta=true", harness.messages_body("hello")).status == 200
    assert [data for _, data in mounted.chat_stream().data()][-1] == "[DONE]"
    missing = mounted.get("/v1/nothing")
    assert missing.status == 404 and is_ours(missing), missing
    # Outside of the prefix there is nothing of ours.
    outside = harness.Site(f"http://{mounted.host}:{mounted.port}").get("/v1/models")
    assert outside.status in (403, 404) and not is_ours(outside), outside


def test_cors(gateway, settings, site):
    origin = "https://chat.example.test"
    open_site = gateway(site.server, settings(cors={"allow_origins": [origin]}))
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type"}
    answer = open_site.ask("OPTIONS", "/v1/chat/completions", headers=asked, key=None)
    assert answer.status == 204 and answer.body == b"", answer
    assert answer.headers["access-control-allow-origin"] == origin
    answer = open_site.chat(headers={"Origin": origin})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == origin
    answer = open_site.chat(headers={"Origin": "https://elsewhere.example.test"})
    assert "access-control-allow-origin" not in answer.headers


def test_no_cors_unless_asked(site):
    answer = site.chat(headers={"Origin": "https://chat.example.test"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_environment_reaches_the_responder(gateway, site, emulator):
    """With no account in the file, the credentials come from AICORE_SERVICE_KEY."""
    key = (emulator.keys / "alpha.json").read_text()
    alone = gateway(site.server, {"secret_authentication_tokens": [KEY]},
                    env={"AICORE_SERVICE_KEY": json.dumps(json.loads(key)), "AICORE_RESOURCE_GROUP": "default"})
    assert alone.chat().status == 200
