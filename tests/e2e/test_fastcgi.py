"""The responder at its own door: FastCGI records by hand, without a web server between.

What web servers do rarely, or never at the same time: keep connections, send an abort record, read
slowly, announce a length and send another, hang up at any point.
"""
import json
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

import harness

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = 1, 2, 3, 4, 5, 6


def record(kind, content=b"", request=1):
    return struct.pack("!BBHHBx", 1, kind, request, len(content), 0) + content


def pair(name, value):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack("!I", n | 0x80000000)
    name, value = name.encode(), value.encode()
    return length(len(name)) + length(len(value)) + name + value


class Connection:
    """One connection to the responder."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30 * harness.PATIENCE)
        self.socket.connect(str(path))

    def close(self):
        self.socket.close()

    def send(self, method="POST", path="/v1/chat/completions", body=b"", keep=False, length=None,
             key=harness.KEY, params=None, finish=True):
        self.socket.sendall(self.encode(method, path, body, keep, length, key, params, finish))

    @staticmethod
    def encode(method="POST", path="/v1/chat/completions", body=b"", keep=False, length=None,
               key=harness.KEY, params=None, finish=True):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        wanted = {"REQUEST_METHOD": method, "REQUEST_URI": path, "SCRIPT_NAME": path,
                  "GATEWAY_INTERFACE": "CGI/1.1",
                  "CONTENT_LENGTH": str(len(body) if length is None else length)}
        if key:
            wanted["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        wanted.update(params or {})
        encoded = b"".join(pair(k, v) for k, v in wanted.items())
        out = [record(BEGIN, struct.pack("!HB5x", 1, 1 if keep else 0))]
        for at in range(0, len(encoded), 65000):
            out.append(record(PARAMS, encoded[at:at + 65000]))
        out.append(record(PARAMS))
        for at in range(0, len(body), 65000):
            out.append(record(STDIN, body[at:at + 65000]))
        if finish:
            out.append(record(STDIN))
        return b"".join(out)

    def records(self):
        """(kind, content) of each record until the end of the request or the connection."""
        while True:
            head = self._exactly(8)
            if not head:
                return
            _, kind, _, length, padding = struct.unpack("!BBHHBx", head)
            content = self._exactly(length)
            self._exactly(padding)
            yield kind, content
            if kind == END:
                return

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                return b""
            data += more
        return data

    def answer(self):
        """(status, headers, body, ended by an END record)"""
        out, ended = b"", False
        for kind, content in self.records():
            out += content if kind == STDOUT else b""
            ended |= kind == END
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return int(headers.get("Status", "0").split()[0]), headers, body, ended

    def ask(self, **more):
        self.send(**more)
        return self.answer()

    def closed_by_peer(self, seconds=5.0):
        ready, _, _ = select.select([self.socket], [], [], seconds * harness.PATIENCE)
        return bool(ready) and self.socket.recv(1) == b""


class Responder:
    """corelay.fcgi --listen, and what it logs."""

    def __init__(self, place, config, within=()):
        self.path = place / "sock"
        self.within = within  # a command that runs it
        self.connections = []
        self.config = place / "config.json"
        self.write(config)
        self.log_path = place / "log"
        with open(self.log_path, "wb") as errors:
            self._start(errors)

    def _start(self, errors):
        self.process = subprocess.Popen([*self.within, str(harness.responder_path()), "--config",
                                         str(self.config), "--listen", str(self.path)],
                                        stdin=subprocess.DEVNULL, stderr=errors)
        harness.wait_for(self.path.exists, what="the socket")
        harness.wait_for(lambda: b"is ready" in self.log(), what="the responder")

    def write(self, config):
        fresh = self.config.with_suffix(".new")
        fresh.write_text(json.dumps(config))
        fresh.chmod(0o600)
        fresh.rename(self.config)

    def connect(self):
        self.connections.append(Connection(self.path))
        return self.connections[-1]

    def log(self):
        return self.log_path.read_bytes()

    def records(self):
        found = [line for line in self.log().decode(errors="replace").splitlines()
                 if line.startswith("{")]
        return [json.loads(line) for line in found]

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def start(directory, settings, emulator, tmp_path_factory):
    """start(**changes of the configuration) -> Responder; all end well with the test."""
    running = []

    def begin(within=(), **changes):
        place = pathlib.Path(tmp_path_factory.mktemp("r"))
        config = settings(state_dir=str(place / "state"), **changes)
        running.append(Responder(place, config, within))
        return running[-1]
    yield begin
    for responder in running:
        for connection in responder.connections:
            connection.close()
    assert [r.end() for r in running] == [0] * len(running)


@pytest.fixture
def responder(start):
    return start()


CHAT = harness.chat_body("hello")
SLOW = harness.chat_body("{{emu: chunks=200 delay_ms=20}} hello", stream=True)


def test_plain_request(responder):
    status, headers, body, ended = responder.connect().ask(body=CHAT)
    assert status == 200 and ended
    assert json.loads(body)["choices"][0]["message"]["content"].startswith("Hello from")
    assert headers["X-Corelay-Attempts"] == "1"


def test_connection_is_closed_unless_kept(responder):
    connection = responder.connect()
    assert connection.ask(body=CHAT)[0] == 200
    assert connection.closed_by_peer()


def test_kept_connection_serves_many(responder):
    connection = responder.connect()
    for i in range(20):
        status, headers, body, ended = connection.ask(body=CHAT, keep=True,
                                                      params={"HTTP_X_REQUEST_ID": f"n-{i}"})
        assert (status, ended, headers["X-Request-Id"]) == (200, True, f"n-{i}")
    status, *_ = connection.ask(body=CHAT, keep=False)
    assert status == 200 and connection.closed_by_peer()


def test_idle_kept_connections_pin_no_thread(start):
    """More kept connections than acceptors, all of them alive."""
    responder = start(acceptors=2)
    connections = [responder.connect() for _ in range(20)]
    for _ in range(2):
        for connection in connections:
            assert connection.ask(body=CHAT, keep=True)[0] == 200
    for connection in connections:
        connection.close()


def test_kept_connections_do_not_hold_up_the_end(responder):
    connection = responder.connect()
    assert connection.ask(body=CHAT, keep=True)[0] == 200
    began = time.monotonic()
    assert responder.end() == 0
    assert time.monotonic() - began < 5 * harness.PATIENCE
    assert connection.closed_by_peer()


@pytest.mark.parametrize("how", ["close", "abort"])
def test_caller_who_leaves_stops_upstream(responder, emulator, how):
    connection = responder.connect()
    connection.send(body=SLOW)
    for kind, content in connection.records():
        if b"data:" in content:
            break
    if how == "close":
        connection.close()
    else:
        connection.socket.sendall(record(ABORT))
    harness.wait_for(lambda: any(r["outcome"] == "client_closed" for r in emulator.inference()),
                     what="the upstream transfer to end")
    harness.wait_for(lambda: any(r["outcome"] == "cancelled" for r in responder.records()),
                     what="the record")


def test_slow_reader_pauses_upstream_and_nobody_else(start, emulator):
    """8 MB for a caller who does not read: they stay upstream, not in our memory."""
    responder = start()
    responder.connect().ask(body=CHAT)
    before = responder.rss_kib()
    slow = responder.connect()
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.send(body=harness.chat_body("{{emu: bytes=8000000}}", stream=True))
    time.sleep(1.0)
    for _ in range(5):
        assert responder.connect().ask(body=CHAT)[0] == 200
    if not harness.SANITIZED:
        assert responder.rss_kib() - before < 3 * 1024
    status, _, body, ended = slow.answer()
    assert status == 200 and ended
    text = "".join(json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
                   for line in body.decode().split("\n")
                   if line.startswith("data: {"))
    assert len(text) >= 8000000
    assert body.rstrip().endswith(b"data: [DONE]")


def test_body_shorter_than_announced(responder):
    status, _, body, _ = responder.connect().ask(body=b'{"model":', length=1000)
    assert status == 400
    assert b"ended before" in body


def test_body_longer_than_announced(responder):
    """What was announced counts; the rest is no second request."""
    text = json.dumps(CHAT).encode()
    status, _, _, ended = responder.connect().ask(body=text + b"GET / HTTP/1.1", length=len(text))
    assert status == 200 and ended


def test_masses_of_small_values(responder):
    """20 MB that would become a gigabyte of tree."""
    body = b'{"model":"gpt-4.1","messages":[' + b"1," * 10_000_000 + b"1]}"
    status, _, body, _ = responder.connect().ask(body=body)
    assert status == 413 and b"memory" in body
    assert responder.connect().ask(body=CHAT)[0] == 200
    if not harness.SANITIZED:
        assert responder.rss_kib() < 200 * 1024


def test_length_that_is_no_number(responder):
    status, *_ = responder.connect().ask(body=json.dumps(CHAT).encode(), length="0x10")
    assert status in (200, 400)


def test_body_that_never_comes(start):
    responder = start(timeouts={"request_seconds": 1})
    connection = responder.connect()
    connection.send(body=b'{"mod', length=1000, finish=False)
    status, _, body, _ = connection.answer()
    assert status == 408, body


def test_parameters_that_never_come(start):
    responder = start(timeouts={"request_seconds": 1}, acceptors=1)
    stuck = responder.connect()
    stuck.socket.sendall(record(BEGIN, struct.pack("!HB5x", 1, 0)))
    assert responder.connect().ask(body=CHAT)[0] == 200
    assert stuck.closed_by_peer(10)


def test_request_in_pieces(start):
    """However it is cut, and on a kept connection as well."""
    connection = start(acceptors=1).connect()
    whole = connection.encode(body=CHAT, keep=True)
    for cut in (1, 8, 16, 24, 200, len(whole) - 9, len(whole) - 8, len(whole) - 1):
        connection.socket.sendall(whole[:cut])
        time.sleep(0.02)
        connection.socket.sendall(whole[cut:])
        status, _, _, ended = connection.answer()
        assert (status, ended) == (200, True), cut


def test_padding_where_libfcgi_forgets_it(start):
    """It takes it for a header, and waits for more: nobody else may have to."""
    responder = start(timeouts={"request_seconds": 1}, acceptors=1)
    connection = responder.connect()
    begin = struct.pack("!BBHHBx", 1, BEGIN, 1, 8, 8) + struct.pack("!HB5x", 1, 0)
    begin += struct.pack("!BBHHBx", 1, PARAMS, 1, 60000, 0)
    connection.socket.sendall(begin + record(PARAMS) + record(STDIN))
    assert responder.connect().ask(body=CHAT)[0] == 200
    assert connection.closed_by_peer(10)


@pytest.mark.parametrize("role, params", [(7, b""), (1, b"\x05\x7fshort")], ids=["role", "params"])
def test_nobody_waits_for_the_end_of_what_is_refused(responder, role, params):
    """libfcgi half-closes such a connection, and stays two seconds for the peer to close it."""
    connection = responder.connect()
    begin = record(BEGIN, struct.pack("!HB5x", role, 0))
    connection.socket.sendall(begin + (record(PARAMS, params) if params else b"") + record(PARAMS) +
                              record(STDIN))
    with pytest.raises(OSError):
        if connection.closed_by_peer(10):
            connection.socket.sendall(b"x")
    assert responder.connect().ask(body=CHAT)[0] == 200


def test_connections_that_stay_silent(start):
    responder = start(timeouts={"request_seconds": 1}, acceptors=1)
    silent = [responder.connect() for _ in range(20)]
    assert responder.connect().ask(body=CHAT)[0] == 200
    for connection in silent:
        assert connection.closed_by_peer(10)


def test_whoever_is_connected_is_served_before_the_end(start):
    responder = start(timeouts={"grace_seconds": 30, "request_seconds": 30})
    new = responder.connect()
    assert responder.connect().ask(body=CHAT)[0] == 200  # so it has been let in
    part = responder.connect()
    whole = part.encode(body=CHAT)
    part.socket.sendall(whole[:100])
    assert responder.connect().ask(body=CHAT)[0] == 200
    responder.process.send_signal(signal.SIGTERM)
    harness.wait_for(lambda: b"ending: " in responder.log(), 10, "the end")
    time.sleep(0.2)
    assert new.ask(body=CHAT)[0] == 200
    part.socket.sendall(whole[100:])
    assert part.answer()[0] == 200
    assert responder.process.wait(20) == 0


def test_headers_too_large(start):
    responder = start(limits={"header_bytes": 4096})
    status, _, body, _ = responder.connect().ask(body=CHAT, params={"HTTP_X_PADDING": "x" * 9000})
    assert status == 431 and b"headers" in body


def test_too_many_at_once(start):
    responder = start(limits={"streams": 2})
    busy = [responder.connect() for _ in range(2)]
    for connection in busy:
        connection.send(body=SLOW)
        next(connection.records())
    status, headers, body, _ = responder.connect().ask(body=CHAT)
    assert status == 503 and headers["Retry-After"] == "5"
    assert json.loads(body)["error"]["type"] == "server_error"
    for connection in busy:
        connection.close()
    harness.wait_for(lambda: responder.connect().ask(body=CHAT)[0] == 200, what="room again")


@pytest.mark.parametrize("noise", [b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x01\x01\x00\x01\xff\xff",
                                   random.Random(1).randbytes(4096)],
                         ids=["zeros", "http", "header", "noise"])
def test_noise_harms_nobody(responder, noise):
    connection = responder.connect()
    connection.socket.sendall(noise)
    connection.close()
    assert responder.connect().ask(body=CHAT)[0] == 200


def test_streams_end_within_the_grace_time(start):
    responder = start(timeouts={"grace_seconds": 20})
    connection = responder.connect()
    connection.send(body=SLOW)
    records = connection.records()
    next(records)
    responder.process.send_signal(signal.SIGTERM)
    text = b"".join(content for kind, content in records if kind == STDOUT)
    assert text.rstrip().endswith(b"data: [DONE]")
    assert responder.process.wait(20) == 0


def test_streams_are_cut_behind_the_grace_time(start):
    responder = start(timeouts={"grace_seconds": 1})
    connection = responder.connect()
    connection.send(body=SLOW)
    next(connection.records())
    began = time.monotonic()
    assert responder.end() == 0
    assert time.monotonic() - began < 4 * harness.PATIENCE


@pytest.mark.parametrize("how", ["signal", "by itself"])
def test_reload_drops_no_stream(start, settings, how):
    responder = start()
    connection = responder.connect()
    connection.send(body=SLOW)
    records = connection.records()
    next(records)
    fresh = json.loads(responder.config.read_text())
    fresh["secret_authentication_tokens"] = ["sk-test-another-one"]
    responder.write(fresh)
    if how == "signal":
        responder.process.send_signal(signal.SIGHUP)
    harness.wait_for(lambda: b"configuration reloaded" in responder.log(), 10, "the reload")
    assert responder.connect().ask(body=CHAT)[0] == 401
    assert responder.connect().ask(body=CHAT, key="sk-test-another-one")[0] == 200
    text = b"".join(content for kind, content in records if kind == STDOUT)
    assert text.rstrip().endswith(b"data: [DONE]")


def test_broken_configuration_is_refused(responder):
    good = json.loads(responder.config.read_text())
    responder.write({**good, "no_such_key": 1})
    responder.process.send_signal(signal.SIGHUP)
    harness.wait_for(lambda: b"the old one stays" in responder.log(), 10, "the refusal")
    assert b"no_such_key" in responder.log()
    assert responder.connect().ask(body=CHAT)[0] == 200


def test_several_reactors(start):
    responder = start(reactors=3)
    connections = [responder.connect() for _ in range(30)]
    for connection in connections:
        connection.send(body=harness.chat_body("{{emu: chunks=5 delay_ms=20}} hi", stream=True))
    for connection in connections:
        status, _, body, ended = connection.answer()
        assert status == 200 and ended and body.rstrip().endswith(b"data: [DONE]")
