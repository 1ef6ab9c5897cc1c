"""Command lines from the npm registry at work, set up as `corelay client` says: each with models of three
vendors reads a file, edits it, and runs a command. Behind lighttpd alone: that the web servers pass
the same bytes is shown by the SDKs.
"""
import hashlib
import json
import os

import pytest

import client_jobs
import clients
import harness
from client_jobs import ALL, AFTER, BEFORE

pytestmark = pytest.mark.skipif(not os.environ.get("CORELAY_TEST_CLIENTS"),
                                reason="needs --clients")


def element(name, model):
    key = client_jobs.key_of(name, model)
    return {"name": client_jobs.key_name(name, model),
            "sha256": hashlib.sha256(key.encode()).hexdigest()}


@pytest.fixture(scope="module")
def jobs(request, npm_clients, long_lived, settings, emulator_process, tmp_path_factory):
    """All jobs of the tests that were chosen, begun at once; they share a gateway, not a key."""
    wanted = [(item.callspec.params["name"], item.callspec.params["model"])
              for item in request.session.items
              if item.originalname == "test_reads_edits_and_runs"]
    emulator_process.reset()
    site = long_lived("lighttpd", settings(aliases=client_jobs.ALIASES,
                                           api_keys=[element(*job) for job in ALL]))
    all_jobs = client_jobs.Jobs(wanted, tmp_path_factory.mktemp("jobs"), site, emulator_process)
    yield all_jobs
    all_jobs.end()


def check_thinking(name, model, outcome):
    """Signatures of Gemini 3 come back, also through clients that know nothing of them; Gemini CLI
    keeps nothing of Claude's thinking but what its calls carry."""
    if clients.family_of(model) == "Gemini" and "2.5" not in model:
        assert clients.signatures_lost(outcome.bodies[-1:]) == 0
    if name == "Gemini CLI" and "claude" in model:
        kinds = [[block["type"] for block in message["content"]]
                 for message in outcome.bodies[-1]["messages"] if message["role"] == "assistant"]
        assert kinds == [["thinking", "tool_use"]] * 3


@pytest.mark.parametrize("name,model", ALL, ids=[client_jobs.key_name(*job) for job in ALL])
def test_reads_edits_and_runs(jobs, record_property, name, model):
    outcome = jobs.outcome(name, model)
    record_property("cell", (name, clients.family_of(model), f"{outcome.seconds:.0f} s"))
    said = outcome.done.stdout + outcome.done.stderr
    assert outcome.done.returncode == 0, said[-4000:]
    assert "It is blue." in outcome.done.stdout, said[-4000:]
    assert outcome.file == AFTER, said[-4000:]
    assert outcome.size.strip() == str(len(AFTER.encode())), said[-4000:]
    api = client_jobs.CLIENTS[name].api
    mine = [r for r in outcome.records if r.get("outcome")]
    assert len(mine) >= 4 and all(r["outcome"] == "done" for r in mine)
    assert {r["dialect"] for r in mine} == {api}
    check_thinking(name, model, outcome)
    # What it had read came to the model as the result of its call.
    assert any(BEFORE.strip() in str(body) for body in outcome.bodies)


# --- Claude Code ---------------------------------------------------------------------------------

def claude_code(site, place, model, key, *arguments, seconds=120):
    home, work = place / "home", place / "work"
    home.mkdir()
    work.mkdir(exist_ok=True)
    return clients.run_set_up("claude-code", ["claude", *arguments], home, work, site.url, model,
                              key, seconds=seconds)


def test_claude_code_runs_parallel_tools_and_shows_thinking(npm_clients, gateway, emulator, tmp_path):
    """With a GPT: its reasoning is shown as thinking, and comes back to it with both results."""
    (tmp_path / "work").mkdir()
    files = [tmp_path / "work" / name for name in ("one.txt", "two.txt")]
    for file, colour in zip(files, ("red", "green")):
        file.write_text(colour)
    emulator.control("POST", "/scripts", {"match": "compare them", "steps": [
        {"think": "I need both.",
         "tool_calls": [client_jobs.call("Read", file_path=str(file)) for file in files]},
        {"think": "Two colours.", "text": "They differ."}]})
    done = claude_code(gateway("lighttpd"), tmp_path, "gpt-5.5", harness.KEY, "-p", "compare them",
                       "--allowedTools", "Read", "--output-format", "stream-json", "--verbose")
    assert done.returncode == 0, done.stdout + done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    blocks = [block for line in said if line["type"] in ("assistant", "user")
              for block in line["message"]["content"]]
    assert [b["type"] for b in blocks] == ["thinking", "tool_use", "tool_use", "tool_result",
                                           "tool_result", "thinking", "text"]
    assert blocks[0]["thinking"] == "I need both." and blocks[5]["thinking"] == "Two colours."
    # They end in any order.
    results = {block["tool_use_id"]: block["content"] for block in blocks[3:5]}
    assert "red" in results[blocks[1]["id"]] and "green" in results[blocks[2]["id"]]
    last = json.loads(emulator.inference()[-1]["body"])
    kinds = [item.get("type", "message") for item in last["input"]]
    assert kinds[-5:] == ["reasoning", "function_call", "function_call", "function_call_output",
                          "function_call_output"]


def test_claude_code_stops_at_a_wrong_key(npm_clients, gateway, emulator, tmp_path):
    """Without x-should-retry it goes on for minutes."""
    site = gateway("lighttpd")
    done = claude_code(site, tmp_path, "claude-sonnet-4-5", "wrong", "-p", "hello", seconds=60)
    assert done.returncode != 0
    assert sum(r.get("status") == 401 for r in site.records()) == 1
