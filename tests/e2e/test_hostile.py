"""Requests that are meant to do harm: each has a clear answer, and upstream sees nothing of it.

What a web server would refuse itself comes by FastCGI, by hand; the rest behind lighttpd. Bodies that
lie about their length, slow ones and lying peers are in test_fastcgi.py.
"""
import json
import os
import resource
import socket

import pytest

import harness
from harness import CLAUDE, GPT
from test_fastcgi import CHAT, Responder, responder, start  # noqa: F401 (fixtures)


@pytest.fixture
def site(gateway, settings):
    return gateway("lighttpd", settings())


def raw(site, text):
    """All that comes back for these bytes."""
    with socket.create_connection((site.host, site.port), 10 * harness.PATIENCE) as s:
        s.sendall(text)
        out = b""
        while True:
            try:
                more = s.recv(65536)
            except (ConnectionResetError, socket.timeout):
                return out
            if not more:
                return out
            out += more


# --- one request is one request --------------------------------------------------------------------

def head(site, *lines):
    return "".join(f"{line}\r\n" for line in (
        "POST /v1/chat/completions HTTP/1.1", f"Host: {site.host}",
        f"Authorization: Bearer {harness.KEY}", "Connection: close", *lines)).encode() + b"\r\n"


def test_a_body_hides_no_second_request(site, emulator):
    inner = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {harness.KEY}\r\n"
             "Content-Length: 2\r\n\r\n{}").encode()
    chunked = b"0\r\n\r\n" + inner
    out = raw(site, head(site, f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked") + chunked)
    assert out.count(b"HTTP/1.1 ") == 1
    assert emulator.inference() == []


@pytest.mark.parametrize("lengths", [("2", "40"), ("+2",), ("0x2",), ("2,2",), ("-1",)])
def test_lengths_that_say_two_things(site, emulator, lengths):
    out = raw(site, head(site, *(f"Content-Length: {n}" for n in lengths)) + b"{}" + b" " * 38)
    assert out.startswith(b"HTTP/1.1 400"), out[:200]
    assert emulator.inference() == []


# --- nothing gets into a header --------------------------------------------------------------------

@pytest.mark.parametrize("value", ["id\r\nX-Evil: 1", "id\nX-Evil: 1", "id\0x", "a" * 5000, "ä"])
def test_request_ids_stay_one_line(responder, value):  # noqa: F811
    status, headers, body, ended = responder.connect().ask(
        body=CHAT, params={"HTTP_X_REQUEST_ID": value})
    assert status == 200 and ended
    assert "X-Evil" not in headers
    assert headers["X-Request-Id"].startswith("req_") or headers["X-Request-Id"] == value.split("\0")[0]


def test_model_names_stay_in_the_body(site, emulator):
    answer = site.chat(model="gpt-5\r\nX-Evil: 1")
    assert answer.status == 404 and "x-evil" not in answer.headers
    assert answer.json["error"]["code"] == "model_not_found"
    assert emulator.inference() == []


def test_beta_flags_become_json(responder, emulator):  # noqa: F811
    flags = 'a"],"x":["b\r\nX-Evil: 1,c'
    status, _, body, _ = responder.connect().ask(
        path="/v1/messages", body=harness.messages_body("hello"),
        params={"HTTP_ANTHROPIC_BETA": flags, "HTTP_ANTHROPIC_VERSION": "2023-06-01\r\nX-Evil: 1"})
    sent = [json.loads(call["body"]) for call in emulator.inference()]
    assert status in (200, 400), body
    for body in sent:
        assert set(body) <= {"anthropic_version", "anthropic_beta", "max_tokens", "messages"}
        assert body["anthropic_version"] == "bedrock-2023-05-31"


# --- paths -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/v1/chat/completions/../../etc/passwd", "/v1/../../../etc/passwd",
                                  "/v1/%2e%2e/%2e%2e/etc/passwd", "/v1/chat%2fcompletions%00",
                                  "/v1/models/..%2f..%2fetc%2fpasswd", "/v1/models/%ff%fe",
                                  "/v1beta/models/..%2f..:generateContent", "/%", "/" + "a/" * 3000])
def test_paths_lead_nowhere(responder, emulator, path):  # noqa: F811
    for method in ("GET", "POST"):
        status, _, body, ended = responder.connect().ask(method=method, path=path, body=CHAT)
        assert status in (400, 404, 405, 414), (path, status)
        assert ended and isinstance(json.loads(body), dict)
    assert emulator.inference() == []


# --- bodies ----------------------------------------------------------------------------------------

def test_depth_is_limited(site, emulator):
    for deep in ("[" * 100000, '{"a":' * 100000):
        answer = site.post("/v1/chat/completions", deep)
        assert answer.status == 400 and answer.json["error"]["type"] == "invalid_request_error"
    nested = "x"
    for _ in range(200):
        nested = [nested]
    answer = site.post("/v1/chat/completions", {**CHAT, "metadata": nested})
    assert answer.status == 400
    assert emulator.inference() == []


def test_width_is_limited(responder):  # noqa: F811
    wide = json.dumps({**CHAT, "x": {str(n): 0 for n in range(300000)}}).encode()
    before = responder.rss_kib()
    status, _, _, ended = responder.connect().ask(body=wide)
    assert status in (200, 413) and ended
    assert responder.rss_kib() - before < 1000 * 1024


@pytest.mark.parametrize("model", [GPT, CLAUDE])
def test_of_several_members_the_last_counts(site, emulator, model):
    body = json.dumps(harness.chat_body("hello", model))
    answer = site.post("/v1/chat/completions",
                       '{"model":"no-such-model","stream":true,' + body[1:-1] + ',"stream":false}')
    assert answer.status == 200 and answer.json["object"] == "chat.completion"
    answer = site.post("/v1/chat/completions", body[:-1] + ',"model":"no-such-model"}')
    assert answer.status == 404
    assert len(emulator.inference()) == 1


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00"])
def test_bytes_that_are_no_text(site, emulator, bad):
    answer = site.post("/v1/chat/completions", json.dumps(CHAT).encode().replace(b"hello", bad))
    assert answer.status == 400 and "JSON" in answer.json["error"]["message"]
    assert emulator.inference() == []


@pytest.mark.parametrize("model,arrives", [(GPT, r"\ud800!"), (CLAUDE, "\ufffd!")])
def test_half_a_surrogate_pair(site, emulator, model, arrives):
    """The lane keeps the caller's bytes, whatever upstream says to them (the emulator refuses them);
    what is translated gets the replacement character."""
    body = json.dumps(harness.chat_body("HERE", model)).replace("HERE", r"\ud800!")
    assert site.post("/v1/chat/completions", body).status == (400 if model == GPT else 200)
    assert arrives in emulator.inference()[-1]["body"]


def test_compressed_bodies_are_not_unpacked(responder, emulator):  # noqa: F811
    import gzip
    bomb = gzip.compress(b" " * (64 << 20))
    before = responder.rss_kib()
    status, _, body, _ = responder.connect().ask(body=bomb, params={"HTTP_CONTENT_ENCODING": "gzip"})
    assert status == 400 and "JSON" in json.loads(body)["error"]["message"]
    assert responder.rss_kib() - before < 32 * 1024
    assert emulator.inference() == []


# --- keys ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("headers", [{"x-api-key": "another"}, {"api-key": "another"},
                                     {"x-goog-api-key": "another"}])
def test_several_keys_are_no_key(site, emulator, headers):
    answer = site.chat(headers=headers)
    assert answer.status == 401
    assert site.post("/v1/chat/completions?key=another", CHAT).status == 401
    assert emulator.inference() == []
    assert site.chat(headers={"x-api-key": harness.KEY}).status == 200  # the same one twice


# --- the process -----------------------------------------------------------------------------------

def test_it_leaves_no_core_and_no_open_file(responder):  # noqa: F811
    pid = responder.process.pid
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        umask = [line.split()[1] for line in status if line.startswith("Umask:")]
    assert umask == ["0077"]
    assert responder.connect().ask(body=CHAT)[0] == 200
    state = responder.config.parent / "state"
    for folder, _, files in os.walk(state):
        assert os.stat(folder).st_mode & 0o077 == 0
        for name in files:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0
