"""The fault table: each of the faults in faults.py behind lighttpd and Apache, what the caller saw,
how often upstream was asked, and what the access record said. Written to fault-table.md in the build
directory as it was seen; doc/faults.md shows what is promised.
"""
import concurrent.futures
import dataclasses
import http.client
import json
import os
import pathlib
import pwd
import shlex
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

import faults
import harness
from conftest import Gateways
from harness import CLAUDE, GPT, wait_for

SERVERS = [name for name in harness.servers() if name in ("lighttpd", "apache-fcgid")]
DIALECTS = {"chat": GPT, "messages": CLAUDE}
FAMILIES = {"chat": "azure-openai", "messages": "bedrock-invoke"}
AT_ONCE = 16
HELLO = "hello from the fault table"


# --- a case ------------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One request while a fault lasts."""
    row: faults.Row
    dialect: str
    streamed: bool
    targets: int

    @property
    def id(self):
        way = "stream" if self.streamed else "whole"
        return f".{self.row.name}.{self.dialect}.{way}.{self.targets}"

    @property
    def model(self):
        """A model of its own: none has to suffer for what happened to another."""
        return DIALECTS[self.dialect] + self.id

    @property
    def answer(self):
        """What the emulator says to it when nothing is wrong."""
        return f"Hello from {DIALECTS[self.dialect]}. You said: {HELLO}"


@dataclasses.dataclass
class Seen:
    """What came of a case."""
    caller: str
    headers: dict
    seconds: float
    calls: int = 0
    record: dict = None


def cases_of(row, targets=(1, 2)):
    return [Case(row, dialect, streamed, n) for dialect in DIALECTS for streamed in (False, True)
            for n in targets if row.seen(streamed, n) != faults.NONE]


# --- what the caller sees, in the words of faults.py -------------------------------------------------

def check_error(case, error):
    """An error object as the caller's API has it: no page of a server, nothing internal."""
    if case.dialect == "messages":
        assert error["type"] == "error" and error["request_id"] == "case" + case.id, error
    else:
        assert set(error["error"]) == {"message", "type", "param", "code"}, error
    error = error["error"]
    assert error["type"] and error["message"], error
    text = json.dumps(error)
    assert "<" not in text and "127.0.0.1" not in text and "://" not in text, error


def text_of(case, answer):
    if case.dialect == "messages":
        return "".join(block["text"] for block in answer["content"])
    return answer["choices"][0]["message"]["content"]


def read_plain(case, status, headers, body):
    assert headers["content-type"].startswith("application/json"), headers
    assert headers["x-request-id"] == "case" + case.id, headers
    answer = json.loads(body)
    if status == 200:
        assert text_of(case, answer) == case.answer
        return faults.ANSWER
    check_error(case, answer)
    return faults.error(status, "retry-after" in headers)


def delta_of(case, event):
    if case.dialect == "messages":
        return event.get("delta", {}).get("text", "")
    return event["choices"][0]["delta"].get("content") or "" if event["choices"] else ""


def read_events(case, events):
    """Pieces of the answer, each once; then its end, or an error event that is the last."""
    text, ended = "", False
    for at, data in enumerate(events):
        event = {"done": True} if data == "[DONE]" else json.loads(data)
        if "error" in event:
            check_error(case, event)
            assert at == len(events) - 1 and not ended
            assert case.answer.startswith(text)
            return faults.BROKEN_OFF if text else faults.ERROR_EVENT
        ended |= "done" in event or event.get("type") == "message_stop"
        text += "" if ended else delta_of(case, event)
    assert ended and text == case.answer, (ended, text)
    return faults.ANSWER


def ask(site, case):
    """(what the caller sees, the answer's headers)"""
    headers = {"X-Request-Id": "case" + case.id}
    if not case.streamed:
        send = site.chat if case.dialect == "chat" else site.messages
        answer = send(HELLO, case.model, headers=headers)
        return read_plain(case, answer.status, answer.headers, answer.body), answer.headers
    send = site.chat_stream if case.dialect == "chat" else site.messages_stream
    stream = send(HELLO, case.model, headers=headers)
    if stream.status != 200:
        body = "".join(line for _, line in stream.lines())
        return read_plain(case, stream.status, stream.headers, body), stream.headers
    assert stream.headers["content-type"].startswith("text/event-stream")
    return read_events(case, [data for _, data in stream.data()]), stream.headers


def run(site, case):
    began = time.monotonic()
    try:
        caller, headers = ask(site, case)
    except (AssertionError, OSError, ValueError, KeyError) as error:
        caller, headers = f"{type(error).__name__}: {error}", {}
    return Seen(caller, headers, time.monotonic() - began)


def account_for(site, emulator, seen):
    """Add what upstream and the access record say to {case: Seen}."""
    for call in emulator.inference():
        for case, s in seen.items():
            s.calls += call["headers"].get("x-request-id") == "case" + case.id

    def records():
        found = {r["id"]: r for r in site.records() if "outcome" in r}
        return found if all("case" + case.id in found for case in seen) else None
    found = wait_for(records, 10, "all access records")
    for case, s in seen.items():
        s.record = found["case" + case.id]


def run_all(site, emulator, cases):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        seen = dict(zip(cases, pool.map(lambda case: run(site, case), cases)))
    account_for(site, emulator, seen)
    return seen


# --- the promise -------------------------------------------------------------------------------------

def check_record(case, s):
    """The access record tells the same as the caller's headers, and names the trouble."""
    done = s.caller == faults.ANSWER
    assert s.record["outcome"] == ("done" if done else "failed"), s
    assert s.record.get("error", "done") == \
        (case.row.recorded(case.streamed) if case.targets == 1 or not done else "done"), s
    assert done or s.record["detail"], s
    assert str(s.record["attempts"]) == s.headers.get("x-corelay-attempts", "0"), s
    assert s.record["stream"] == case.streamed, s


def check_calls(case, s):
    """Upstream is asked as often as the record says: nothing is sent twice behind our back."""
    if case.row.fault:
        assert s.record["attempts"] == s.calls, s
    if case.targets == 1:
        assert s.calls == case.row.asked(case.streamed), s
    elif s.caller == faults.ANSWER and case.row.asked(case.streamed) != 1:
        assert s.calls == (2 if case.row.fault else 1), s


def check(case, s):
    assert s.caller == case.row.seen(case.streamed, case.targets), s
    check_record(case, s)
    check_calls(case, s)


@pytest.fixture(scope="module", name="observed")
def observed_table():
    """{server: {case: Seen}}; in the end a table of what was seen."""
    everything = {server: {} for server in SERVERS}
    yield everything
    lines = ["| case | server | caller | calls | attempts | record | s |", "|---|---|---|---|---|---|---|"]
    for server, seen in everything.items():
        for case, s in seen.items():
            r = s.record or {}
            lines.append(f"| {case.id[1:]} | {server} | {s.caller} | {s.calls} | {r.get('attempts')} | "
                         f"{r.get('outcome')} {r.get('error', '')} | {s.seconds:.2f} |")
    (harness.BUILD / "fault-table.md").write_text("\n".join(lines) + "\n")


# --- what upstream does ------------------------------------------------------------------------------

class Listener:
    """A port that is bound, where `serve(connection)` decides what happens."""

    def __init__(self, serve):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.serve, self.kept = serve, []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
                self.kept.append(self.serve(connection))
            except OSError:
                if self.socket.fileno() < 0:
                    return

    def close(self):
        self.socket.close()


@pytest.fixture(scope="module")
def untrusted(directory):
    """A TLS server with a certificate that nobody vouches for."""
    place = directory / "untrusted"
    place.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                    place / "key.pem", "-out", place / "cert.pem", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place / "cert.pem", place / "key.pem")

    def shake_hands(connection):
        connection.settimeout(10)
        context.wrap_socket(connection, server_side=True).close()
    listener = Listener(shake_hands)
    yield listener
    listener.close()


def closed_port():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def deployment_urls(emulator, tenant):
    """{dialect: URL of a deployment}"""
    found = emulator.control("GET", "/deployments")["deployments"]
    urls = {d["model"]: d["url"] for d in found
            if d["tenant"] == tenant and d["group"] == "default" and d["running"]}
    return {dialect: urls[model] for dialect, model in DIALECTS.items()}


def model_settings(cases):
    models = {DIALECTS[d] + "*": {"family": family} for d, family in FAMILIES.items()}
    for case in cases:
        if case.row.timeouts:
            models[case.model] = {"family": FAMILIES[case.dialect], "timeouts": case.row.timeouts}
    return models


def configuration(settings, emulator, cases, places):
    """Each case's model has a deployment in the subaccount of its row, and another one in beta if it
    has two targets. `places`: more subaccounts, {name: (what is changed in the key, URL of all
    deployments)}."""
    config = settings(accounts=("alpha", "beta"))
    accounts = config["subAccounts"]
    key = json.loads((emulator.keys / "alpha.json").read_text())
    urls = {"alpha": deployment_urls(emulator, "alpha"), "beta": deployment_urls(emulator, "beta")}
    for place, (changes, url) in places.items():
        accounts[place] = {"service_key": {**key, **changes}}
        urls[place] = dict.fromkeys(DIALECTS, url) if url else urls["alpha"]
    beta = accounts.pop("beta")
    accounts["beta"] = beta  # the last one in the order
    for name, account in accounts.items():
        account["deployment_models"] = {
            case.model: urls[name][case.dialect] for case in cases
            if name == case.row.place or (name == "beta" and case.targets == 2)} or None
        if not account["deployment_models"] or name in ("unlisted", "silent"):
            del account["deployment_models"]
    config.update(models=model_settings(cases), timeouts={"hold_seconds": faults.HOLD},
                  routing={"strategy": "ordered", "wait_seconds": 0.2,
                           "retry_budget": {"minimum": 100000}})
    return config


@pytest.fixture(scope="module", params=SERVERS, name="server")
def each_server(request):
    """All tests with one server before those with the next."""
    return request.param


@pytest.fixture(scope="module")
def start(directory, settings, emulator_process, server):
    """start(cases, places, **more) -> a gateway that serves these cases; ends with the module."""
    gateways = Gateways(directory, settings, emulator_process)

    def begin(cases, places=None, changes=None, **more):
        config = configuration(settings, emulator_process, cases, places or {})
        return gateways(server, {**config, **(changes or {})}, **more)
    yield begin
    assert all(status == 0 for _, status in gateways.end_all())


def rows(*names):
    return [row for row in faults.ROWS if row.name in names]


@pytest.fixture(scope="module")
def upstream(server, start, emulator_process, untrusted, observed):
    """(gateway, {case: Seen}) of all that upstream does, all at once, each with models of its own."""
    emulator = emulator_process
    emulator.reset()
    cases = [case for row in faults.UPSTREAM for case in cases_of(row)]
    nobody = closed_port()
    places = {"refused": ({"clientsecret": "wrong"}, None),
              "down": ({"url": f"http://127.0.0.1:{nobody}/auth/alpha"}, None),
              "nowhere": ({}, "https://nobody.invalid/v2/inference/deployments/d0"),
              "closed": ({}, f"http://127.0.0.1:{nobody}/v2/inference/deployments/d0"),
              "untrusted": ({}, f"https://127.0.0.1:{untrusted.port}/v2/inference/deployments/d0")}
    for row in faults.UPSTREAM:
        if row.fault:
            fault = dict(row.fault)
            emulator.fault(fault.pop("kind"), times=-1,
                           match={"tenant": "alpha", "request_id": f".{row.name}."}, **fault)
    site = start(cases + [case for row in rows("revoked") for case in cases_of(row)], places)
    seen = run_all(site, emulator, cases)
    observed[server].update(seen)
    emulator.reset()
    return site, seen


@pytest.mark.parametrize("row", faults.UPSTREAM, ids=lambda row: row.name)
def test_upstream(upstream, row):
    mine = {case: s for case, s in upstream[1].items() if case.row is row}
    assert mine
    for case, s in mine.items():
        check(case, s)


def one_by_one(site, emulator, observed, server, cases):
    seen = {case: run(site, case) for case in cases}
    account_for(site, emulator, seen)
    observed[server].update(seen)
    for case, s in seen.items():
        check(case, s)


def each_dialect(name):
    """Each dialect once, one of them streamed."""
    (row,) = rows(name)
    return [Case(row, "chat", False, 1), Case(row, "messages", True, 1)]


# --- tokens ------------------------------------------------------------------------------------------
# One request each: a token that is rejected soon after it was fetched anew is not replaced again.

def test_token_revoked(upstream, emulator, server, observed):
    emulator.control("POST", "/tokens/revoke", {"tenant": "alpha"})
    one_by_one(upstream[0], emulator, observed, server, each_dialect("revoked")[:1])


# --- lists of models ---------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def silent():
    """A port that takes connections and never says a word."""
    listener = Listener(lambda connection: connection)
    yield listener
    listener.close()


@pytest.mark.parametrize("name", ["unlisted", "silent"])
def test_list_of_models(start, emulator, silent, server, observed, name):
    """Models of another subaccount are served meanwhile, and at once."""
    (row,) = rows(name)
    port = closed_port() if name == "unlisted" else silent.port
    changes = {"serviceurls": {"AI_API_URL": f"http://127.0.0.1:{port}"}}
    site = start(cases_of(row), {name: (changes, None)})
    seen = run_all(site, emulator, cases_of(row))
    observed[server].update(seen)
    for case, s in seen.items():
        check(case, s)


# --- this host ---------------------------------------------------------------------------------------

class Clock:
    """A responder whose clock can be set: responder that is started by `program`."""

    def __init__(self, place):
        place.mkdir(mode=0o755)
        self.file, library = place / "offset", place / "clock_jump.so"
        self.set(0)
        compiler = shlex.split(os.environ.get("CC", "cc"))
        subprocess.run([*compiler, "-O1", "-shared", "-fPIC", "-o", library,
                        pathlib.Path(__file__).with_name("clock_jump.c")], check=True)
        self.program = place / "responder"
        self.program.write_text(
            f"#!/bin/sh\nexport LD_PRELOAD={library} CLOCK_JUMP_FILE={self.file}\n"
            f'export ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0"\n'
            f'exec {harness.responder_path()} "$@"\n')
        for path in (self.program, self.file, library):
            path.chmod(0o755)

    def set(self, seconds):
        self.file.write_bytes(seconds.to_bytes(8, "little", signed=True))


@pytest.fixture(scope="module")
def clock(directory, server):
    return Clock(directory / f"clock-{server}")


@pytest.fixture(scope="module")
def plain(start, clock):
    """A gateway that nothing is wrong with, yet."""
    cases = [case for row in rows("expired", "clock-on", "clock-back") for case in cases_of(row, (1,))]
    return start(cases, responder=clock.program)


DAY = 24 * 60 * 60


@pytest.mark.parametrize("name,jump", [("clock-on", DAY), ("clock-back", -DAY)])
def test_clock(plain, emulator, clock, server, observed, name, jump):
    assert run(plain, Case(*rows("clock-on"), "chat", False, 1)).caller == faults.ANSWER
    emulator.reset()
    clock.set(jump)
    try:
        one_by_one(plain, emulator, observed, server, each_dialect(name))
    finally:
        clock.set(0)
    (record, *_) = [r for r in plain.records() if f".{name}." in r.get("id", "")][-1:]
    there = time.strftime("%Y-%m-%d", time.gmtime(time.time() + jump))
    assert record["time"].startswith(there) or time.gmtime().tm_hour in (0, 23)


def test_token_expired(plain, emulator, server, observed):
    case, _ = each_dialect("expired")
    assert run(plain, case).caller == faults.ANSWER
    wait_for(lambda: plain.records()[-1]["id"].endswith(case.id), 10, "the record")
    emulator.reset()
    emulator.control("POST", "/tokens/revoke", {"tenant": "alpha", "expire": True})
    one_by_one(plain, emulator, observed, server, [case])


def user_of(server):
    """The responder's: Apache gives root up."""
    if server == "lighttpd" or os.getuid() != 0:
        return os.getuid()
    for name in ("www-data", "apache", "wwwrun", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return os.getuid()


def own_mounts():
    """A command that runs others with mounts of their own, which end with them."""
    for command in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                          capture_output=True).returncode == 0:
            return command
    return pytest.skip("no file systems can be mounted here, not even in a namespace of one's own")


def on_disk(place, server, script):
    """A command that mounts a small file system at `place`, runs `script` there, and then the rest."""
    place.mkdir()
    mount = f"mount -t tmpfs -o size=2m,mode=0700,uid={user_of(server)} none {place}"
    return [*own_mounts(), "sh", "-ec", f'{mount}; {script}; exec "$@"', "sh"]


FILL = "dd if=/dev/zero of=%s/filler bs=4k status=none 2>/dev/null || true"


@pytest.mark.parametrize("name", ["disk-full", "read-only"])
def test_state_folder(start, directory, emulator, server, observed, name):
    """What it is for is done without: tokens and lists in memory, health of this process alone."""
    place = directory / f"{name}-{server}"
    script = FILL % place if name == "disk-full" else f"mount -o remount,ro {place}"
    cases = [case for row in rows(name) for case in cases_of(row, (1,))]
    site = start(cases, changes={"state_dir": str(place)}, within=on_disk(place, server, script))
    emulator.reset()
    one_by_one(site, emulator, observed, server, each_dialect(name))
    log = site.log_text()
    assert str(place) in log and ("No space left" in log or "Read-only file system" in log), log
    assert log.count("warning") < 40 * len(cases), log
# --- responders that die -----------------------------------------------------------------------------

def children_of(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass
    return found + [grandchild for child in found for grandchild in children_of(child)]


def responders_of(site):
    """Those that a web server has started show no sign of their configuration."""
    name = harness.responder_path().name
    found = {pid for pid in children_of(site.process.pid)
             if pathlib.Path(f"/proc/{pid}/exe").exists() and
             pathlib.Path(os.readlink(f"/proc/{pid}/exe")).name == name}
    return sorted(found | set(site.responders()))


LONG = f"{{{{emu: chunks=5 delay_ms={500 * harness.PATIENCE:.0f}}}}} " + HELLO


def long_answer(case):
    return case.answer.replace(HELLO, LONG)


def ask_as(site, case, number, text=LONG):
    """What one of many sees; other than in `ask`, an answer may be cut."""
    send = {("chat", False): site.chat, ("chat", True): site.chat_stream,
            ("messages", False): site.messages, ("messages", True): site.messages_stream}
    headers = {"X-Request-Id": f"case{case.id}.{number}"}
    try:
        answer = send[case.dialect, case.streamed](text, case.model, headers=headers, seconds=30)
        if not case.streamed:
            return faults.LOST if answer.status >= 500 else text_of(case, answer.json)
        events = [data for _, data in answer.data()]
        if answer.status >= 500:
            return faults.LOST
        if not events or not ("[DONE]" in events[-1] or "message_stop" in events[-1]):
            return faults.CUT
        return "".join(delta_of(case, json.loads(e)) for e in events if e != "[DONE]")
    except (ConnectionError, http.client.HTTPException):
        return faults.CUT


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_killed_under_load(start, emulator, server, streamed):
    """Those that the dead had are lost, and say so; all others see the answer; none is sent twice."""
    cases = [Case(faults.KILLED, dialect, streamed, 1) for dialect in DIALECTS]
    site = start(cases, processes=4)
    port = urllib.parse.urlsplit(emulator.url).port
    for case in cases:
        assert ask_as(site, case, "first", HELLO) == case.answer
    emulator.reset()
    if not streamed:
        emulator.settings(latency_ms=int(4000 * harness.PATIENCE))

    def work(number):
        if number == 0:
            wait_for(lambda: sum(r["outcome"] == "open" for r in emulator.inference()) >= 4, 20,
                     "requests under way")
            load = harness.connections_to(port, responders_of(site))
            busy = sorted((pid for pid in load if load[pid]), key=load.get, reverse=True)
            # One process serves many, or each serves one and some are between two.
            for pid in busy if server == "apache-fcgid" else busy[:(len(busy) + 1) // 2]:
                os.kill(pid, signal.SIGKILL)
            return None
        return ask_as(site, cases[number % 2], number)
    answers = harness.together(13, work)
    assert not [a for a in answers if isinstance(a, Exception)], answers
    whole = [n for n, a in enumerate(answers) if a == long_answer(cases[n % 2])]
    lost = [n for n, a in enumerate(answers) if a in (faults.LOST, faults.CUT)]
    assert lost and len(whole) + len(lost) == 12, answers
    ids = [r["headers"]["x-request-id"] for r in emulator.inference()]
    assert len(ids) == len(set(ids)), ids
    emulator.reset()
    for case in cases:
        assert ask_as(site, case, "later", HELLO) == case.answer


# --- the page ----------------------------------------------------------------------------------------

def test_the_page_is_current():
    assert faults.page_parts()[1] == faults.page_table(), "tests/e2e/faults.py --write makes it anew"
