"""Real clients from the npm registry: the official SDKs behind every web server, Claude Code, Codex,
and Gemini CLI.

Run with tests/run --clients. The versions are in tests/clients/package.json.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness

HERE = pathlib.Path(__file__).resolve().parent.parent / "clients"

pytestmark = pytest.mark.skipif(not os.environ.get("CORELAY_TEST_CLIENTS"),
                                reason="needs --clients")


@pytest.fixture(scope="session")
def clients():
    """Where the clients are installed; kept in the build directory from run to run."""
    place = harness.BUILD / "clients"
    wanted = (HERE / "package.json").read_text()
    done = place / "installed.json"
    if not done.exists() or done.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        shutil.copy(HERE / "package.json", place)
        install = subprocess.run(["npm", "install", "--no-audit", "--no-fund",
                                  "--no-package-lock"], cwd=place, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=600)
        assert install.returncode == 0, install.stderr[-2000:]
        done.write_text(wanted)
    return place


def run(clients, command, cwd, seconds=300, **variables):
    """Run a program of the installed clients with an environment that names no service of its own."""
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(("ANTHROPIC_", "OPENAI_", "CLAUDE_", "GEMINI_", "GOOGLE_",
                                        "NODE_OPTIONS"))
                   and not k.lower().endswith("_proxy")}
    environment["PATH"] = f"{clients}/node_modules/.bin:{environment['PATH']}"
    environment.update(variables)
    return subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds * harness.PATIENCE)


def test_sdks(clients, site, emulator, record_property):
    """Chat, messages, contents, streams, tools, images, embeddings, models, counted tokens, error
    classes: for a GPT, a Claude and a Gemini model."""
    files = ["sdk.test.mjs", "google.test.mjs"]
    for name in files:
        shutil.copy(HERE / name, clients)
    done = run(clients, ["node", "--test", "--test-reporter=tap", *files], clients,
               CORELAY_URL=site.url, CORELAY_KEY=harness.KEY)
    passed = re.search(r"^# pass (\d+)", done.stdout, re.M)
    failures = re.findall(r"^not ok .*?(?=^(?:not )?ok |^# tests)", done.stdout, re.M | re.S)
    assert not failures, "\n".join(failures)[:6000]
    assert done.returncode == 0 and passed, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(passed[1]) > 90
    record_property("passed", int(passed[1]))


def test_sdk_with_stored_responses(clients, gateway, settings, directory, record_property):
    """Retrieve, go on, list, delete, cancel, compact: over several processes."""
    state = directory / "sdk.state"
    state.mkdir(mode=0o700, exist_ok=True)
    config = settings(accounts=("alpha", "beta"), state_dir=str(state), responses={"store": True})
    config["secret_authentication_tokens"].append("sk-test-of-somebody-else")
    site = gateway("lighttpd", config, processes=3)
    shutil.copy(HERE / "stored.test.mjs", clients)
    done = run(clients, ["node", "--test", "--test-reporter=tap", "stored.test.mjs"], clients,
               CORELAY_URL=site.url, CORELAY_KEY=harness.KEY,
               CORELAY_OTHER_KEY="sk-test-of-somebody-else")
    passed = re.search(r"^# pass (\d+)", done.stdout, re.M)
    failures = re.findall(r"^not ok .*?(?=^(?:not )?ok |^# tests)", done.stdout, re.M | re.S)
    assert not failures, "\n".join(failures)[:6000]
    assert done.returncode == 0 and passed, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(passed[1]) >= 15
    record_property("passed", int(passed[1]))


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gpt-5", "gemini-2.5-pro",
                                   "gemini-3.5-flash", "anthropic--claude-4.8-opus"])
def test_claude_code_edits_a_file(clients, gateway, emulator, tmp_path, model):
    site = gateway("lighttpd")
    target = tmp_path / "colour.txt"
    target.write_text("colour = red\n")
    emulator.control("POST", "/scripts", {"match": "paint it", "steps": [
        {"tool_calls": [{"name": "Read", "args": {"file_path": str(target)}}]},
        {"tool_calls": [{"name": "Edit", "args": {"file_path": str(target), "old_string": "red",
                                                  "new_string": "blue"}}]},
        {"text": "It is blue."}]})
    done = run(clients, ["claude", "-p", "paint it", "--allowedTools", "Read,Edit",
                         "--output-format", "json"], tmp_path, HOME=str(tmp_path / "home"),
               ANTHROPIC_BASE_URL=site.url, ANTHROPIC_AUTH_TOKEN=harness.KEY,
               ANTHROPIC_MODEL=model, ANTHROPIC_DEFAULT_HAIKU_MODEL="claude-haiku-4-5",
               CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_TELEMETRY="1",
               DISABLE_ERROR_REPORTING="1", DISABLE_AUTOUPDATER="1")
    assert done.returncode == 0, done.stdout + done.stderr + site.log_text()[-3000:]
    answer = json.loads(done.stdout)
    assert answer["result"] == "It is blue." and answer["num_turns"] == 3
    assert target.read_text() == "colour = blue\n"
    records = [r for r in site.records() if r.get("client") == "Claude Code"]
    assert len(records) >= 3 and all(r["outcome"] == "done" for r in records)


def test_claude_code_stops_at_a_wrong_key(clients, gateway, emulator, tmp_path):
    """Without x-should-retry it goes on for minutes."""
    site = gateway("lighttpd")
    done = run(clients, ["claude", "-p", "hello", "--output-format", "json"], tmp_path, seconds=20,
               HOME=str(tmp_path / "home"), ANTHROPIC_BASE_URL=site.url,
               ANTHROPIC_AUTH_TOKEN="wrong", ANTHROPIC_MODEL="claude-sonnet-4-5",
               CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_TELEMETRY="1",
               DISABLE_ERROR_REPORTING="1", DISABLE_AUTOUPDATER="1")
    assert done.returncode != 0
    assert sum(r.get("status") == 401 for r in site.records()) == 1


# What Gemini CLI knows by name it may replace by a newer one: the alias is a name of its own.
@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-three", "claude-sonnet-4-5",
                                   "anthropic--claude-4.8-opus", "gpt-5"])
def test_gemini_cli_edits_a_file(clients, gateway, settings, emulator, tmp_path, model):
    site = gateway("lighttpd", settings(aliases={"gemini-three": "gemini-3.5-flash"}))
    home, work = tmp_path / "home", tmp_path / "work"
    (home / ".gemini").mkdir(parents=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps({
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}))
    work.mkdir()
    target = work / "colour.txt"
    target.write_text("colour = red\n")
    emulator.control("POST", "/scripts", {"match": "paint it", "steps": [
        {"think": "First I look.", "tool_calls": [
            {"name": "read_file", "args": {"file_path": str(target)}}]},
        {"think": "Now I paint.", "tool_calls": [
            {"name": "replace", "args": {"file_path": str(target), "instruction": "Paint it.",
                                         "old_string": "red", "new_string": "blue"}}]},
        {"text": "It is blue."}]})
    done = run(clients, ["gemini", "-m", model, "--yolo", "-p", "paint it"], work,
               HOME=str(home), GEMINI_API_KEY=harness.KEY, GOOGLE_GEMINI_BASE_URL=site.url,
               GEMINI_CLI_TRUST_WORKSPACE="true")
    assert done.returncode == 0, done.stdout + done.stderr + site.log_text()[-3000:]
    assert "It is blue." in done.stdout
    assert target.read_text() == "colour = blue\n"
    records = [r for r in site.records() if r.get("client") == "Gemini CLI"]
    assert len(records) == 3 and all(r["outcome"] == "done" for r in records)
    if "claude" in model:
        # The client keeps nothing of the thinking but what its calls carry.
        last = json.loads(emulator.inference()[-1]["body"])
        kinds = [[block["type"] for block in m["content"]] for m in last["messages"]
                 if m["role"] == "assistant"]
        assert kinds == [["thinking", "tool_use"]] * 2


# For a model that it knows (gpt-5.5) Codex edits with its free-form tool, for others with a command.
@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5", "anthropic--claude-4.5-sonnet",
                                   "anthropic--claude-4.8-opus", "gemini-2.5-pro",
                                   "gemini-3.5-flash"])
def test_codex_edits_a_file(clients, gateway, emulator, tmp_path, model):
    site = gateway("lighttpd")
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    target = work / "colour.txt"
    target.write_text("colour = red\n")
    (home / "config.toml").write_text(
        f'model = "{model}"\nmodel_provider = "corelay"\n[model_providers.corelay]\n'
        f'name = "Corelay"\nbase_url = "{site.url}/v1"\nenv_key = "CORELAY_KEY"\n'
        'wire_api = "responses"\n')
    patch = ("*** Begin Patch\n*** Update File: colour.txt\n@@\n-colour = red\n+colour = bl\u00fc\n"
             "*** End Patch\n")
    edit = {"name": "exec_command", "args": {"cmd": "sed -i s/red/bl\u00fc/ colour.txt"}}
    if model == "gpt-5.5":
        edit = {"name": "apply_patch", "args": {"input": patch}}
    emulator.control("POST", "/scripts", {"match": "paint it", "steps": [
        {"think": "First I look.", "text": "I look.", "tool_calls": [
            {"name": "exec_command", "args": {"cmd": "cat colour.txt"}}]},
        {"think": "Now I paint.", "tool_calls": [edit]},
        {"tool_calls": [{"name": "exec_command", "args": {"cmd": "wc -l colour.txt > lines"}}]},
        {"text": "It is blue."}]})
    done = run(clients, ["codex", "exec", "--skip-git-repo-check",
                         "--dangerously-bypass-approvals-and-sandbox", "paint it"], work,
               HOME=str(home), CODEX_HOME=str(home), CORELAY_KEY=harness.KEY)
    assert done.returncode == 0, done.stdout + done.stderr + site.log_text()[-3000:]
    assert "It is blue." in done.stdout
    assert target.read_text() == "colour = bl\u00fc\n" and (work / "lines").exists()
    records = [r for r in site.records() if r.get("dialect") == "openai-responses"]
    assert len(records) == 4 and all(r["outcome"] == "done" for r in records)
