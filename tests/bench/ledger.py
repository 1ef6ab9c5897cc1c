"""Counts that do not wobble: instructions (callgrind), allocations (memcheck) and heap (massif) of the
responder.

A count for one request is the difference between two runs that differ in nothing but the number of
requests; for one event of a stream, in the number of events; for what a stream holds, in the number of
streams at a time. All hold everything that the process does, libcurl and libfcgi too.
"""
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import tempfile

import bodies
import servers

FILE = pathlib.Path(__file__).resolve().parent / "ledger.json"
LIMIT = 0.03
TRIES = 3
TOOLS = {"instructions": ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
         "allocations": ["--tool=memcheck", "--undef-value-errors=no"],
         "heap": ["--tool=massif", "--peak-inaccuracy=0", "--depth=1"]}


def valgrind(build, directory, upstream, tool, requests):
    """Let a responder under valgrind answer (path, body, count) each, for its heap all at once; the count
    of its whole life."""
    base = f"http://127.0.0.1:{upstream.port}"
    config = servers.configuration(directory, "ledger", base)
    log = directory / "valgrind.log"
    socket = directory / "ledger.sock"
    state = directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    heap = directory / "massif"
    options = TOOLS[tool] + ([f"--massif-out-file={heap}"] if tool == "heap" else [])
    process = subprocess.Popen(
        ["valgrind", *options, f"--log-file={log}", build / "fcgi/corelay.fcgi", "--config", config,
         "--listen", socket], env=os.environ | {"CORELAY_STATE_DIR": str(state)},
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    front = None
    try:
        servers.wait_for(socket.exists, 60)
        front = servers.LighttpdFastcgi(socket, directory)
        for path, body, count in requests:
            command = [build / "tests/bench/load", "--to", f"127.0.0.1:{front.port}{path}",
                       "--body", body, "--requests", count,
                       "--connections", count if tool == "heap" else 1,
                       "--header", f"Authorization: Bearer {servers.KEY}"]
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"ledger: {path}: {done.stdout}{done.stderr}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if front:
            front.end()
    if tool == "heap":
        return max(int(n) for n in re.findall(r"mem_heap_B=(\d+)", heap.read_text()))
    text = log.read_text()
    found = (re.search(r"Collected : (\d+)", text) or
             re.search(r"total heap usage: ([\d,]+) allocs", text))
    return int(found[1].replace(",", ""))


class Counts:
    """What is counted: a name, and a way to count it (once more)."""

    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.upstream = servers.Upstream(build)
        self.least = {}

        def body(name, text):
            path = directory / name
            path.write_bytes(text)
            return path

        chat, messages = "/v1/chat/completions", "/v1/messages"
        small = body("small", bodies.small("gpt-4o"))
        lane = body("lane", bodies.messages("anthropic--claude-4.5-sonnet", 100_000))
        across = body("across", bodies.messages("gpt-4o", 100_000))
        models = ("gpt-4o", "gpt-4.1-mini")  # 20 and 2,000 events
        short, long = (body(f"lane-{m}", bodies.small(m, stream=True)) for m in models)
        brief, broad = (body(f"across-{m}", bodies.messages(m, 1000, stream=True)) for m in models)
        self.ways = {}
        for tool in ("instructions", "allocations"):
            self.ways |= {
                f"small request, {tool}": (tool, chat, (small, 10), (small, 110), 100),
                f"100 KB request, lane, {tool}": (tool, messages, (lane, 5), (lane, 25), 20),
                f"100 KB request, translated, {tool}": (tool, messages, (across, 5), (across, 25), 20),
                f"event, lane, {tool}": (tool, chat, (short, 5), (long, 5), 5 * (2000 - 20)),
                f"event, translated, {tool}": (tool, messages, (brief, 5), (broad, 5), 5 * (2000 - 20)),
            }
        slow = body("slow", bodies.small("gpt-5", stream=True))  # 4 s: all are there at once
        self.ways["stream, bytes of heap"] = ("heap", chat, (slow, 20), (slow, 120), 100)

    def run(self, tool, path, warm, load):
        """The least count of all such runs so far: what else goes on only ever adds to it."""
        count = valgrind(self.build, self.directory, self.upstream, tool, [(path, warm, 10), (path, *load)])
        key = (tool, path, *load)
        self.least[key] = min(count, self.least.get(key, count))
        return self.least[key]

    def count(self, name):
        tool, path, few, many, times = self.ways[name]
        less = self.run(tool, path, few[0], few)
        return (self.run(tool, path, few[0], many) - less) / times


def host():
    """What the counts depend on besides our own code."""
    def first(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.partition("\n")[0]
    return {"libc": " ".join(platform.libc_ver()), "libcurl": first("pkg-config", "--modversion", "libcurl"),
            "compiler": first("gcc", "-dumpfullversion"), "valgrind": first("valgrind", "--version"),
            "avx2": " avx2" in pathlib.Path("/proc/cpuinfo").read_text()}


def worse(value, known):
    # Less than one allocation is a matter of chance: when a buffer grows, how bytes arrive.
    return value > known * (1 + LIMIT) and value - known > 0.5


def compare(counts, known):
    """How many are worse. What seems so is counted again: on a busy machine bytes arrive in other pieces."""
    bad = 0
    for name in counts.ways:
        value = counts.count(name)
        for _ in range(TRIES - 1):
            if worse(value, known[name]):
                value = counts.count(name)
        bad += worse(value, known[name])
        print(f"{'WORSE' if worse(value, known[name]) else 'ok':5}  {name:42} {value:12,.1f}  "
              f"(known: {known[name]:,.1f})", flush=True)
    return bad


def check(build, update):
    here = host()
    known = json.loads(FILE.read_text())
    if not update and known["host"] != here:
        print(f"The ledger was made with {known['host']}, here is {here}: nothing to hold the counts to.")
        print(f"0 passed, 0 failed, {len(known) - 1} skipped")
        return 0
    with tempfile.TemporaryDirectory(prefix="corelay-ledger.") as place:
        counts = Counts(build, pathlib.Path(place))
        try:
            if update:
                known = {"host": here} | {name: round(min(counts.count(name) for _ in range(TRIES)), 2)
                                          for name in counts.ways}
                FILE.write_text(json.dumps(known, indent=1) + "\n")
                return 0
            bad = compare(counts, known)
        finally:
            counts.upstream.end()
    print(f"{len(known) - 1 - bad} passed, {bad} failed, 0 skipped")
    return 1 if bad else 0
