"""Ceilings: at each there is a clear answer, and what has begun ends as it should."""
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import urllib.parse

import pytest

import harness
from harness import BUILD, CLAUDE, GPT, KEY, wait_for
from test_fastcgi import CHAT, SLOW, STDOUT, responder, start  # noqa: F401 (fixtures)

MIB = 1 << 20


def begin_stream(responder, body=SLOW):  # noqa: F811
    """A stream whose first bytes have come: the records that follow."""
    connection = responder.connect()
    connection.send(body=body)
    records = connection.records()
    next(records)
    return records


def is_whole(records):
    text = b"".join(content for kind, content in records if kind == STDOUT)
    return text.rstrip().endswith(b"data: [DONE]")


def check_busy(answer, code=503):
    """An error that says when to come back."""
    status, headers, body, ended = answer
    assert status == code and ended, answer
    assert int(headers["Retry-After"]) >= 1
    assert json.loads(body)["error"]["message"]


def served(responder):  # noqa: F811
    return responder.connect().ask(body=CHAT)[0] == 200


# --- sizes -------------------------------------------------------------------------------------------

DIALECTS = {
    "/v1/chat/completions": lambda e: e["error"]["type"] == "invalid_request_error",
    "/v1/responses": lambda e: e["error"]["type"] == "invalid_request_error",
    "/v1/messages": lambda e: e["type"] == "error" and e["error"]["type"] == "request_too_large",
    f"/v1beta/models/{GPT}:generateContent": lambda e: e["error"]["code"] == 413,
    "/v1/embeddings": lambda e: e["error"]["type"] == "invalid_request_error",
}


def test_body_in_the_words_of_each_api(start, emulator):  # noqa: F811
    responder = start(limits={"body_bytes": 10000})  # noqa: F811
    for path, fits in DIALECTS.items():
        status, _, body, _ = responder.connect().ask(path=path, body=b" " * 10001)
        assert status == 413 and fits(json.loads(body)), (path, status, body)
        status, _, body, _ = responder.connect().ask(path=path, body=b" " * 10000)
        assert status == 400, (path, status, body)
    assert emulator.inference() == []


def test_an_event_that_never_ends(start, emulator):  # noqa: F811
    """A stream whose first event is larger than any may be: the caller gets an error, we stay small."""
    emulator.fault("status", times=-1, match={"path": "/v2/inference/"}, code=200,
                   content_type="text/event-stream", body="data: " + "x" * (17 * MIB))
    responder = start(timeouts={"first_sign_seconds": 0, "hold_seconds": 60})  # noqa: F811
    before = responder.rss_kib()
    status, _, body, _ = responder.connect().ask(body={**CHAT, "stream": True})
    assert status == 502 and "too large" in json.loads(body)["error"]["message"]
    if not harness.SANITIZED:
        assert responder.rss_kib() - before < 100 * 1024
    emulator.reset()
    assert served(responder)


# --- how many, for each key --------------------------------------------------------------------------

OTHER = "sk-test-another-one"


@pytest.fixture
def keyed(gateway, settings, directory):
    """Two processes; alice may have two requests at the same time, others one."""
    state = directory / f"keyed.{os.getpid()}.{id(gateway)}"
    config = settings(state_dir=str(state), limits={"streams_per_key": 1}, api_keys=[
        {"name": "alice", "key": KEY, "streams": 2}, {"name": "bob", "key": OTHER}])
    del config["secret_authentication_tokens"]
    return gateway("lighttpd", config, processes=2)


LONG = "{{emu: chunks=200 delay_ms=50}} a long answer"


def in_flight(site):
    """{name of the key: requests}, as administrators see it"""
    out = subprocess.run([BUILD / "src" / "corelay", "status", "--json", "--config", site.config],
                         check=True, capture_output=True, text=True).stdout
    return {k["key"]: k["in_flight"] for k in json.loads(out)["keys"]}


def test_streams_per_key(keyed, emulator):
    assert keyed.chat().status == 200
    streams = [keyed.chat_stream(LONG) for _ in range(2)]
    assert [s.status for s in streams] == [200, 200]
    wait_for(lambda: in_flight(keyed) == {"alice": 2}, 10, "both to be counted")
    answer = keyed.chat()
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
    assert answer.json["error"]["code"] == "rate_limit_exceeded"
    answer = keyed.messages()
    assert answer.status == 429 and answer.json["error"]["type"] == "rate_limit_error"
    assert keyed.get("/v1/models").status == 200  # no request to a model
    assert len(emulator.inference()) == 3
    bobs = keyed.chat_stream(LONG, key=OTHER)
    assert bobs.status == 200 and keyed.chat(key=OTHER).status == 429
    bobs.hang_up()
    wait_for(lambda: keyed.chat(key=OTHER).status == 200, 10, "bob's room")
    for stream in streams:
        stream.hang_up()
    wait_for(lambda: keyed.chat().status == 200, 10, "room again")


def test_streams_of_the_dead_do_not_count(keyed, emulator):
    streams = [keyed.chat_stream(LONG) for _ in range(2)]
    assert [s.status for s in streams] == [200, 200] and keyed.chat().status == 429
    port = urllib.parse.urlsplit(emulator.url).port
    load = harness.connections_to(port, keyed.responders())
    os.kill(max(load, key=load.get), signal.SIGKILL)
    wait_for(lambda: keyed.chat().status == 200, 10, "what the dead had to be taken back")
    for stream in streams:
        stream.hang_up()


# --- descriptors -------------------------------------------------------------------------------------

def test_few_descriptors(start, emulator):  # noqa: F811
    """A quarter is kept, each request may need two: with 100 there is room for 37."""
    responder = start(within=["prlimit", "--nofile=100:100"])  # noqa: F811
    assert served(responder)
    emulator.reset()
    connections = [responder.connect() for _ in range(60)]
    for connection in connections:
        connection.send(body=harness.chat_body("{{emu: chunks=4 delay_ms=400}} hi", stream=True))
    answers = [connection.answer() for connection in connections]
    good = [a for a in answers if a[0] == 200]
    assert len(good) >= 15  # some room goes to those who are being refused
    assert all(a[2].rstrip().endswith(b"data: [DONE]") for a in good)
    for answer in answers:
        if answer[0] != 200:
            check_busy(answer)
    assert len(emulator.inference()) == len(good) < 60
    assert served(responder)
    assert b"room for 37 requests" in responder.log()


def test_silent_connections_leave_descriptors(start):  # noqa: F811
    """Whoever connects and says nothing takes none from those who have a request."""
    responder = start(within=["prlimit", "--nofile=100:100"], timeouts={"request_seconds": 2})  # noqa: F811
    kept = responder.connect()
    assert kept.ask(body=CHAT, keep=True)[0] == 200
    stream = begin_stream(responder)  # has the only connection to upstream
    silent = [responder.connect() for _ in range(120)]
    wait_for(lambda: b"no request on them" in responder.log(), 10, "a closed door")
    assert kept.ask(body=CHAT, keep=True)[0] == 200
    stream.close()
    for connection in silent:
        connection.close()
    wait_for(lambda: served(responder), 10, "an open door")


def test_no_descriptor_for_upstream(start, emulator):  # noqa: F811
    """Nobody else is to blame: one clear answer, and the target is as good as before."""
    responder = start()  # noqa: F811
    assert served(responder)
    stream = begin_stream(responder)  # has the only connection
    used = len(os.listdir(f"/proc/{responder.process.pid}/fd"))
    limits = resource.prlimit(responder.process.pid, resource.RLIMIT_NOFILE)
    connection = responder.connect()
    wait_for(lambda: len(os.listdir(f"/proc/{responder.process.pid}/fd")) == used + 1)
    taken = {int(fd) for fd in os.listdir(f"/proc/{responder.process.pid}/fd")}
    free = next(fd for fd in range(len(taken) + 1) if fd not in taken)
    resource.prlimit(responder.process.pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    emulator.reset()
    connection.send(body=CHAT)
    check_busy(connection.answer())
    resource.prlimit(responder.process.pid, resource.RLIMIT_NOFILE, limits)
    assert emulator.inference() == []
    record = responder.records()[-1]
    assert record["error"] == "overloaded" and record["attempts"] == 1
    assert is_whole(stream)
    assert served(responder)
    out = subprocess.run([BUILD / "src" / "corelay", "status", "--json", "--config",
                          responder.config], check=True, capture_output=True, text=True).stdout
    assert [t["failed"] for t in json.loads(out)["targets"]] == [0]


def test_connections_that_nobody_can_take(start):  # noqa: F811
    """Kept connections have taken all descriptors: others wait, the log is not flooded."""
    responder = start(within=["prlimit", "--nofile=64:64"])  # noqa: F811
    assert served(responder)
    kept = []
    for _ in range(64):
        connection = responder.connect()
        connection.socket.settimeout(1)
        try:
            status, *_ = connection.ask(body=CHAT, keep=True)
        except (socket.timeout, BrokenPipeError):
            break
        assert status in (200, 503)
        kept.append(connection)
    assert len(kept) > 30
    assert responder.log().count(b"cannot accept") <= 2
    for connection in responder.connections:
        connection.close()
    wait_for(lambda: served(responder), 10, "descriptors again")


# --- memory ------------------------------------------------------------------------------------------

def test_memory_of_all_together(start, emulator):  # noqa: F811
    responder = start(limits={"memory_bytes": 2 * MIB})  # noqa: F811
    large = {**SLOW, "messages": [{"role": "system", "content": "x" * 3 * MIB}, *SLOW["messages"]]}
    stream = begin_stream(responder, large)
    emulator.reset()
    for path, model in (("/v1/chat/completions", GPT), ("/v1/messages", CLAUDE)):
        check_busy(responder.connect().ask(path=path, body=harness.messages_body("hello", model)))
    assert emulator.inference() == []
    assert responder.connect().ask(method="GET", path="/health", key=None)[0] == 200
    assert is_whole(stream)
    wait_for(lambda: served(responder), 10, "room again")


@pytest.mark.skipif(harness.SANITIZED, reason="sanitizers take address space without end")
def test_no_memory_left(start):  # noqa: F811
    responder = start()  # noqa: F811
    assert served(responder)
    pid = responder.process.pid
    stream = begin_stream(responder)
    size = int(pathlib.Path(f"/proc/{pid}/status").read_text().split("VmSize:")[1].split()[0]) * 1024
    limits = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (size + 8 * MIB, limits[1]))
    large = {**CHAT, "metadata": {"x": "y" * 40 * MIB}}
    for _ in range(3):
        check_busy(responder.connect().ask(body=large))
    assert served(responder)  # small ones go on
    resource.prlimit(pid, resource.RLIMIT_AS, limits)
    assert is_whole(stream)
    assert served(responder)
