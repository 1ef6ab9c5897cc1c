"""corelay client: what it prints is what lies in examples/clients, filled in."""
import json
import os
import pathlib
import re
import subprocess

import pytest

import harness

CORELAY = pathlib.Path(os.environ.get("CORELAY", harness.BUILD / "src" / "corelay"))
FOLDER = harness.ROOT / "examples" / "clients"
ROWS = [line.split("|") for line in (FOLDER / "clients.list").read_text().splitlines()
        if not line.startswith("#")]
NAMES = list(dict.fromkeys(row[0] for row in ROWS))
URL = "https://llm.example.org/ai"


def client(*arguments, code=0):
    done = subprocess.run([CORELAY, "client", *arguments], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == code, (arguments, done)
    return done.stdout if code == 0 else done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_prints_the_files(name):
    said = json.loads(client(name, "--url", URL, "--key-env", "MY_KEY", "--model", "m-1", "--json"))
    rows = [row for row in ROWS if row[0] == name]
    assert (said["client"], said["title"], said["model"]) == (name, rows[0][1], "m-1")
    assert [(f["file"], f["where"]) for f in said["files"]] == [(row[2], row[3]) for row in rows]
    text = client(name, "--url", URL, "--key-env", "MY_KEY", "--model", "m-1")
    for file in said["files"]:
        source = (FOLDER / file["file"]).read_text()
        assert file["text"] == (source.replace("@URL@", URL).replace("@KEY_ENV@", "MY_KEY")
                                .replace("@MODEL@", "m-1"))
        assert file["text"] in text
        if file["file"].endswith(".json"):
            json.loads(file["text"])


def test_says_what_it_takes_unless_told():
    for name, _, _, where, model in ROWS:
        said = client(name)
        assert model in said or name == "gemini-cli"
        assert "https://llm.example.com" in said
        assert where == "by hand" or "CORELAY_KEY" in said


def test_lists():
    text = client("--list")
    assert all(re.search(f"^{name} ", text, re.M) for name in NAMES)
    assert [row["client"] for row in json.loads(client("--list", "--json"))] == NAMES


def test_refuses_what_it_does_not_know():
    assert "no such client; corelay client --list" in client("emacs", code=2)
    assert "expected CLIENT or --list" in client(code=2)


# Each would end a text, or begin a command, in one file or another.
@pytest.mark.parametrize("option,value", [
    ("--url", "llm.example.com"), ("--url", "https://"), ("--url", 'https://a"b'),
    ("--url", "https://a/$(reboot)"), ("--url", "https://a b"), ("--url", "https://" + "a" * 2000),
    ("--key-env", "1KEY"), ("--key-env", "KEY;reboot"), ("--key-env", ""),
    ("--model", "a'b"), ("--model", "a`b`"), ("--model", "")])
def test_refuses_what_would_need_quotes(option, value):
    assert option in client("codex", option, value, code=2)


def test_a_slash_behind_the_address_is_left_out():
    assert client("codex", "--url", URL + "/") == client("codex", "--url", URL)


def test_the_readme_names_the_versions_that_are_tested():
    text = (FOLDER / "README.md").read_text()
    tests = harness.ROOT / "tests" / "clients"
    npm = json.loads((tests / "package.json").read_text())["dependencies"]
    python = dict(line.split("==") for line in (tests / "requirements.txt").read_text().splitlines()
                  if "==" in line)
    named = re.findall(r"((?:@[\w-]+/)?[\w-]+) (\d+\.\d+\.\d+)(?: \(npm\))?", text)
    assert len(named) >= 12
    for package, version in named:
        assert version in (npm.get(package), python.get(package)), (package, version)
    for name in NAMES:
        files = [row[2] for row in ROWS if row[0] == name]
        assert all(f"]({file})" in text for file in files), name
