"""Counts that do not wobble: instructions (callgrind) and allocations (memcheck) of the responder.

A count for one request is the difference between two runs that differ in nothing but the number of
requests; for one event of a stream, in the number of events. Both hold everything that the process
does, libcurl and libfcgi too.
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


def valgrind(build, directory, upstream, tool, requests):
    """Let a responder under valgrind answer (path, body, events) each; the count of its whole life."""
    base = f"http://127.0.0.1:{upstream.port}"
    config = servers.configuration(directory, "ledger", base)
    log = directory / "valgrind.log"
    socket = directory / "ledger.sock"
    state = directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    options = (["--tool=callgrind", "--callgrind-out-file=/dev/null"] if tool == "instructions"
               else ["--tool=memcheck", "--undef-value-errors=no"])
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
                       "--header", f"Authorization: Bearer {servers.KEY}"]
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"ledger: {path}: {done.stdout}{done.stderr}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if front:
            front.end()
    text = log.read_text()
    found = (re.search(r"Collected : (\d+)", text) or
             re.search(r"total heap usage: ([\d,]+) allocs", text))
    return int(found[1].replace(",", ""))


def measure(build):
    with tempfile.TemporaryDirectory(prefix="corelay-ledger.") as place:
        directory = pathlib.Path(place)
        upstream = servers.Upstream(build)

        def body(name, text):
            path = directory / name
            path.write_bytes(text)
            return path

        def per(path, body, few, many, tool):
            counts = [valgrind(build, directory, upstream, tool, [(path, body, 10), (path, body, n)])
                      for n in (few, many)]
            return (counts[1] - counts[0]) / (many - few)

        small = body("small", bodies.small("gpt-4o"))
        lane = body("lane", bodies.messages("anthropic--claude-4.5-sonnet", 100_000))
        across = body("across", bodies.messages("gpt-4o", 100_000))
        chat, messages = "/v1/chat/completions", "/v1/messages"
        streams = {name: (path, [body(f"{name}-{m}", text(m)) for m in models])
                   for name, path, models, text in (
            ("event, lane", chat, ("gpt-4o", "gpt-4.1-mini"),
             lambda m: bodies.small(m, stream=True)),
            ("event, translated", messages, ("gpt-4o", "gpt-4.1-mini"),
             lambda m: bodies.messages(m, 1000, stream=True)))}
        found = {}
        for tool in ("instructions", "allocations"):
            found[f"small request, {tool}"] = per(chat, small, 10, 110, tool)
            found[f"100 KB request, lane, {tool}"] = per(messages, lane, 5, 25, tool)
            found[f"100 KB request, translated, {tool}"] = per(messages, across, 5, 25, tool)
            for name, (path, (few, many)) in streams.items():
                counts = [valgrind(build, directory, upstream, tool, [(path, few, 10), (path, b, 5)])
                          for b in (few, many)]
                found[f"{name}, {tool}"] = (counts[1] - counts[0]) / 5 / (2000 - 20)
        upstream.end()
    return found


def host():
    """What the counts depend on besides our own code."""
    def first(*command):
        return subprocess.run(command, capture_output=True, text=True).stdout.partition("\n")[0]
    return {"libc": " ".join(platform.libc_ver()), "libcurl": first("pkg-config", "--modversion", "libcurl"),
            "compiler": first("gcc", "-dumpfullversion"), "valgrind": first("valgrind", "--version"),
            "avx2": " avx2" in pathlib.Path("/proc/cpuinfo").read_text()}


def check(build, update):
    subprocess.run(["make", "-s", "-C", build, "all", "bench-programs"], check=True)
    found = measure(build)
    if update:
        FILE.write_text(json.dumps({"host": host()} | {k: round(v, 2) for k, v in found.items()},
                                   indent=1) + "\n")
    known = json.loads(FILE.read_text())
    comparable = known["host"] == host()
    worse = 0
    for name, value in found.items():
        change = value / known[name] - 1 if known.get(name) else 0
        # Less than one allocation is a matter of chance: when a buffer grows, how bytes arrive.
        bad = change > LIMIT and value - known[name] > 0.5
        worse += bad
        print(f"{'WORSE' if bad else 'ok':5}  {name:42} {value:12,.1f}  {change:+7.1%}")
    if not comparable:
        print(f"The ledger was made with {known['host']}, here is {host()}: nothing to hold them to.")
        print(f"0 passed, 0 failed, {len(found)} skipped")
        return 0
    print(f"{len(found) - worse} passed, {worse} failed, 0 skipped")
    return 1 if worse else 0
