"""examples/serve itself: words, errors, and that nothing is left behind."""
import os
import pathlib
import signal
import subprocess
import time

import pytest

import harness
from harness import ROOT, wait_for

SERVE = ROOT / "examples" / "serve"


def serve(*words, **more):
    return subprocess.run([str(SERVE), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, **more)


@pytest.mark.parametrize("words", [
    [], ["--server", "iis"], ["--server"], ["--server", "cgi", "--port", "x"], ["--nothing", "1"],
    ["--server", "cgi", "--prefix", "ai"], ["--server", "cgi", "--prefix", "/a b"],
    ["--server", "nginx", "--processes", "0"], ["more"]])
def test_wrong_words(words):
    ended = serve(*words)
    assert ended.returncode == 2 and "serve: " in ended.stderr and ended.stdout == ""


def test_help():
    ended = serve("--help")
    assert ended.returncode == 0 and "--server" in ended.stdout


def test_missing_files():
    assert serve("--server", "lighttpd", "--config", "/nonexistent.json").returncode == 1
    assert serve("--server", "lighttpd", "--responder", "/nonexistent.fcgi").returncode == 1


def test_missing_server(directory):
    """With nothing in PATH but the tools of a shell, the message names the package."""
    tools = directory / "tools"
    tools.mkdir()
    for name in ("dirname", "cat"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    text = SERVE.read_text().replace(":/usr/sbin:/sbin", "")
    copy = directory / "serve"
    copy.write_text(text)
    copy.chmod(0o755)
    ended = subprocess.run([str(copy), "--server", "nginx", "--responder", "/bin/true"],
                           env={"PATH": str(tools)}, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 3 and "apt install" in ended.stderr, ended


def children(pid):
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"\nPPid:\t{pid}\n" in (proc / "status").read_text():
                found.append(int(proc.name))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("server", harness.servers())
def test_nothing_is_left(server, directory, gateway):
    temporary = directory / f"left.{server}"
    temporary.mkdir(mode=0o755)
    processes = 3 if server in harness.ON_A_SOCKET else 1
    site = gateway(server, processes=processes, env={"TMPDIR": str(temporary)})
    assert site.get("/health", key=None).status == 200
    if processes > 1:
        assert len(site.responders()) == processes
    mine = children(site.process.pid) + site.responders()
    began = time.monotonic()
    assert gateway.end(site) == 0
    assert time.monotonic() - began < 15 * harness.PATIENCE
    assert list(temporary.iterdir()) == []
    wait_for(lambda: not [pid for pid in mine if os.path.exists(f"/proc/{pid}/exe")], 5, "all to end")


def test_interrupt(gateway):
    site = gateway("lighttpd")
    pids = site.responders()
    assert pids
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(20) == 0
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")]
