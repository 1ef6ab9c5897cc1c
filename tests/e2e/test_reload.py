"""Configurations and service keys that change while requests run.

Behind lighttpd alone: none of it depends on the web server.
"""
import collections
import json
import os
import signal
import threading
import time

import pytest

import harness
from harness import GPT, wait_for

RELOADS, PROCESSES, CALLERS = 50, 2, 6
STREAM = "{{emu: chunks=5 delay_ms=20}} one two three four five"
CALLS = {"path": "/v2/inference/"}


def replace(path, value):
    """As an editor or a rotation does: written aside, then renamed."""
    aside = path.with_suffix(".new")
    aside.write_text(value if isinstance(value, str) else json.dumps(value))
    aside.chmod(0o600)
    aside.rename(path)


class Reloads:
    """A gateway whose files are replaced, and that is told so."""

    def __init__(self, site, emulator):
        self.site, self.emulator = site, emulator
        self.key = site.directory / "alpha.json"
        self.told = collections.Counter()

    def rotate(self):
        key = json.loads(self.key.read_text())
        key["clientsecret"] = self.emulator.control("POST", "/keys/rotate",
                                                    {"tenant": "alpha"})["clientsecret"]
        replace(self.key, key)

    def tell(self, word):
        """SIGHUP to all; each has to say the word once more."""
        self.told[word] += len(self.site.responders())
        for pid in self.site.responders():
            os.kill(pid, signal.SIGHUP)
        wait_for(lambda: self.site.log_text().count(word) >= self.told[word], 20, word)


class Callers:
    """Threads that ask all the time, streamed and whole; what they got."""

    def __init__(self, site):
        self.site, self.stop = site, threading.Event()
        self.outcomes = collections.Counter()
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(CALLERS)]

    def _once(self, i):
        if i % 2:
            return self.site.chat(f"caller {i}").status
        stream = self.site.chat_stream(STREAM)
        payloads = [payload for _, payload in stream.data()]
        return stream.status if payloads[-1:] == ["[DONE]"] else payloads[-1:]

    def _run(self, i):
        while not self.stop.is_set():
            try:
                outcome = self._once(i)
            except Exception as error:  # pylint: disable=broad-except
                outcome = repr(error)
            self.outcomes[str(outcome)] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def test_fifty_reloads_with_rotated_keys(gateway, settings, directory, emulator, record_property):
    state = directory / f"reload.{time.monotonic_ns()}"
    state.mkdir(mode=0o700)
    config = settings(state_dir=str(state))
    site = gateway("lighttpd", config, processes=PROCESSES)
    assert site.chat().status == 200
    reloads = Reloads(site, emulator)
    fetched = emulator.counters()["token_fetches"]
    through = site.chat_stream("{{emu: chunks=1000 delay_ms=100}} " + "word " * 1000, GPT, seconds=200)
    with Callers(site) as callers:
        for i in range(RELOADS):
            reloads.rotate()
            replace(site.config, {**config, "aliases": {f"alias-{i}": GPT}})
            reloads.tell("configuration reloaded")
            if i % 10 == 5:
                replace(site.config, '{"subAccounts": {')
                reloads.tell("the old one stays")
    assert set(callers.outcomes) == {"200"}, callers.outcomes
    assert site.chat(model=f"alias-{RELOADS - 1}").status == 200
    # A key that nobody needed a token for is not asked with: under load some are.
    assert emulator.counters()["token_fetches"] > fetched + RELOADS // 5
    # A stream from before the first of them still runs.
    lines = through.data()
    assert all("error" not in next(lines)[1] for _ in range(20))
    through.hang_up()
    record_property("reloads", RELOADS * PROCESSES)
    record_property("requests", sum(callers.outcomes.values()))
    record_property("failed", sum(n for status, n in callers.outcomes.items() if status != "200"))


@pytest.mark.parametrize("shared", [True, False], ids=["state_dir", "memory"])
def test_a_cooldown_outlives_a_reload(gateway, settings, directory, emulator, shared):
    """Also where a process has nothing but its own memory."""
    state = directory / f"reload.{time.monotonic_ns()}"
    place = str(state) if shared else "/proc/none"  # which nobody can make
    site = gateway("lighttpd", settings(accounts=("alpha", "beta")), env={"CORELAY_STATE_DIR": place})
    assert site.chat().status == 200 and state.exists() == shared
    emulator.control("DELETE", "/requests")
    reloads = Reloads(site, emulator)
    emulator.fault("status", times=-1, match={"tenant": "alpha", **CALLS}, code=429,
                   headers={"Retry-After": "100"})
    assert [site.chat().status for _ in range(4)] == [200] * 4
    assert sum(r["tenant"] == "alpha" for r in emulator.inference()) == 1
    reloads.tell("configuration reloaded")
    assert [site.chat().status for _ in range(4)] == [200] * 4
    assert sum(r["tenant"] == "alpha" for r in emulator.inference()) == 1


def test_a_changed_file_needs_no_signal(gateway, settings, emulator):
    site = gateway("lighttpd", settings())
    replace(site.config, {**json.loads(site.config.read_text()), "aliases": {"new-name": GPT}})
    wait_for(lambda: site.chat(model="new-name").status == 200, 20, "the new configuration")
    replace(site.config, "not JSON")
    wait_for(lambda: "the old one stays" in site.log_text(), 20, "the refusal")
    assert site.chat(model="new-name").status == 200
    assert harness.Site(site.url).get("/health", key=None).status == 200
