"""Starting the emulator and web servers, and asking them things byte by byte.

Only the standard library: the tests look at what is on the wire, and when it came.
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CORELAY_BUILD", ROOT / "build"))
SERVERS = ("lighttpd", "lighttpd-bin-path", "apache-fcgid", "apache-proxy", "nginx", "cgi",
           "apache-cgi")
ON_A_SOCKET = ("lighttpd", "apache-proxy", "nginx")
KEY = "sk-test-not-a-real-key"
GPT, CLAUDE, GEMINI = "gpt-4.1", "anthropic--claude-4.5-sonnet", "gemini-2.5-flash"
SANITIZED = bool(os.environ.get("CORELAY_TEST_SANITIZED"))
# Sanitizers make everything about three times slower; times in tests are multiplied by this.
PATIENCE = 3.0 if SANITIZED else 1.0
if os.environ.get("PYTEST_XDIST_WORKER"):
    PATIENCE *= 1.5  # others are at work beside us


def responder_path():
    return pathlib.Path(os.environ.get("CORELAY_FCGI", BUILD / "fcgi" / "corelay.fcgi"))


def servers():
    """The servers to test: all, unless the environment names some."""
    chosen = os.environ.get("CORELAY_TEST_SERVERS")
    if chosen:
        return tuple(name for name in chosen.split(",") if name)
    return ("lighttpd",) if os.environ.get("CORELAY_TEST_QUICK") else SERVERS


def wait_for(condition, seconds=10.0, what="a condition"):
    """Call until it returns something true, and return that."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


class Program:
    """A program of ours that prints "listening on URL" when it is ready."""

    def __init__(self, command, seconds=30.0, env=None):
        self.errors = tempfile.TemporaryFile()
        self.lines = {}
        # Whoever starts the tests in the background has SIGINT ignored, and a shell keeps it so.
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors, env=env,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if not self.ready.wait(seconds * PATIENCE) or "listening" not in self.lines:
            raise AssertionError(f"{command[0]} did not start: {self.end_and_say()}")
        self.url = self.lines["listening"]

    def _read(self):
        for line in self.process.stdout:
            found = re.match(rb"(\w+) on (\S+)", line)
            if found:
                self.lines[found[1].decode()] = found[2].decode()
            if b"listening" in line:
                # What else it has to announce comes with the same write.
                threading.Timer(0.2, self.ready.set).start()
        self.ready.set()

    def end_and_say(self):
        """End it; what it has written to standard error."""
        copy = os.dup(self.errors.fileno())
        self.end()
        with os.fdopen(copy, "rb") as errors:
            errors.seek(0)
            return errors.read().decode(errors="replace")

    def end(self, seconds=40.0):
        """SIGTERM, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()
        self.errors.close()
        return status


class Emulator(Program):
    """The emulated SAP AI Core, and its control port."""

    def __init__(self, directory, *options):
        self.keys = pathlib.Path(directory)
        super().__init__([os.environ.get("AICORE_EMULATOR",
                                         BUILD / "tests" / "emulator" / "aicore-emulator"),
                          "--write-keys", self.keys, *options])
        self.control_url = self.lines["control"]

    def control(self, method, path, body=None):
        answer = Site(self.control_url).ask(method, path, body, key=None)
        assert answer.status == 200, answer.text
        return answer.json

    def reset(self):
        self.control("POST", "/reset", {})

    def fault(self, kind, times=1, match=None, skip=0, **more):
        self.control("POST", "/faults", {"match": match or {}, "times": times, "skip": skip,
                                         "fault": {"kind": kind, **more}})

    def settings(self, **changes):
        self.control("POST", "/settings", changes)

    def counters(self):
        return self.control("GET", "/counters")

    def requests(self, path=None):
        found = self.control("GET", "/requests")["requests"]
        return [r for r in found if path is None or path in r["path"]]

    def inference(self):
        """The calls of models that were logged."""
        return self.requests("/v2/inference/")


class Answer:
    """A whole answer. `text`, `json` are views of `body`; header names are lower case."""

    def __init__(self, response, body):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:2000]!r}>"


class Stream:
    """An answer that is read line by line, with the time of each."""

    def __init__(self, connection, began):
        self.connection = connection
        self.began = began
        self.response = connection.getresponse()
        self.status = self.response.status
        self.headers = {k.lower(): v for k, v in self.response.getheaders()}

    def lines(self):
        """(seconds since the request, line without its end) for each line."""
        while True:
            line = self.response.readline()
            if not line:
                return
            yield time.monotonic() - self.began, line.decode("utf-8", "replace").rstrip("\r\n")

    def data(self):
        """(seconds, payload) for each data: line."""
        for at, line in self.lines():
            if line.startswith("data:"):
                yield at, line[5:].strip()

    def hang_up(self):
        """Close as a client does that has gone away. The response holds the socket open, too."""
        self.response.close()
        self.connection.close()


class Site:
    """A base URL to ask."""

    def __init__(self, url):
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.prefix = parts.hostname, parts.port, parts.path

    def send(self, method, path, body, headers=None, key=KEY, seconds=60.0):
        """Send a request; the connection that its answer will come on, and when it was sent."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds * PATIENCE)
        all_headers = {"Connection": "close"}
        if key:
            all_headers["Authorization"] = f"Bearer {key}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            all_headers["Content-Type"] = "application/json"
        all_headers.update(headers or {})
        began = time.monotonic()
        chunked = "chunked" in all_headers.get("Transfer-Encoding", "")
        connection.request(method, self.prefix + path, body, all_headers, encode_chunked=chunked)
        return connection, began

    def ask(self, method, path, body=None, headers=None, key=KEY, seconds=60.0):
        connection, _ = self.send(method, path, body, headers, key, seconds)
        try:
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body, **more):
        return self.ask("POST", path, body, **more)

    def stream(self, path, body, headers=None, key=KEY, seconds=60.0):
        return Stream(*self.send("POST", path, body, headers, key, seconds))

    # The two dialects, as short as a test can say it.
    def chat(self, text="hello", model=GPT, **more):
        return self.post("/v1/chat/completions", chat_body(text, model), **more)

    def chat_stream(self, text="hello", model=GPT, **more):
        return self.stream("/v1/chat/completions", chat_body(text, model, stream=True), **more)

    def messages(self, text="hello", model=CLAUDE, **more):
        return self.post("/v1/messages", messages_body(text, model), **more)

    def messages_stream(self, text="hello", model=CLAUDE, **more):
        return self.stream("/v1/messages", messages_body(text, model, stream=True), **more)


def chat_body(text, model=GPT, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def messages_body(text, model=CLAUDE, **more):
    return {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": text}],
            **more}


class Gateway(Program, Site):
    """A web server with Corelay behind it, started by examples/serve."""

    def __init__(self, directory, config, server="lighttpd", processes=1, prefix="", env=None,
                 responder=None, within=()):
        """`responder`: a program in the responder's place that ends by running it; `within`: a
        command that runs the whole, as unshare does."""
        self.server = server
        self.directory = pathlib.Path(directory)
        self.log = self.directory / "log"
        self.config = self.directory / "config.json"
        self.config.write_text(json.dumps(config))
        self.config.chmod(0o600)
        command = [*within, ROOT / "examples" / "serve", "--server", server, "--config", self.config,
                   "--processes", processes, "--log", self.log, "--responder",
                   responder or responder_path()]
        if prefix:
            command += ["--prefix", prefix]
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("AICORE_", "CORELAY_CONFIG", "VCAP_"))
                       and not k.lower().endswith("_proxy")}
        # Token files would make tests depend on each other; the log must hold what each says.
        environment.setdefault("CORELAY_STATE_DIR", "")
        if not environment["CORELAY_STATE_DIR"]:
            del environment["CORELAY_STATE_DIR"]
        environment.update(env or {})
        try:
            Program.__init__(self, command, env=environment)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_text()}") from None
        Site.__init__(self, self.url)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def records(self):
        """The JSON lines of the log."""
        found = []
        for line in self.log_text().splitlines():
            start = line.find("{")
            try:
                found.append(json.loads(line[start:]) if start >= 0 else None)
            except ValueError:
                pass
        return [r for r in found if isinstance(r, dict)]

    def responders(self):
        """Process ids of the responders of this gateway."""
        wanted = str(responder_path()).encode()
        found = []
        for proc in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (proc / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == wanted and str(self.config).encode() in words:
                found.append(int(proc.name))
        return found


def connections_to(port, pids):
    """{pid: how many connections it has to this TCP port}. The table is read once and hardly looked at:
    beside other tests it has tens of thousands of lines."""
    established = f":{port:04X} 01 "
    with open("/proc/net/tcp", encoding="ascii") as table:
        sockets = {f"socket:[{line.split()[9]}]" for line in table if established in line}
    found = dict.fromkeys(pids, 0)
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found[pid] += os.readlink(fd) in sockets
    return found


def together(count, work):
    """Run work(i) in so many threads at once; the results, exceptions among them, in order."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        try:
            results[i] = work(i)
        except Exception as error:  # pylint: disable=broad-except
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
