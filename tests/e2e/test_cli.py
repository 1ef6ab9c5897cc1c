"""The corelay command, against the emulated SAP AI Core and a web server."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import harness
from harness import CLAUDE, GEMINI, GPT

CORELAY = pathlib.Path(os.environ.get("CORELAY", harness.BUILD / "src" / "corelay"))
COMMANDS = (["check"], ["doctor"], ["models"], ["chat"], ["client"], ["request"], ["key", "new"],
            ["key", "hash"], ["token", "list"], ["token", "clear"], ["version"])


@pytest.fixture
def place(tmp_path, emulator, settings):
    """A folder with a configuration, its service keys and a state folder of its own."""
    for key in emulator.keys.glob("*.json"):
        shutil.copy(key, tmp_path)
        (tmp_path / key.name).chmod(0o600)
    config = settings(accounts=("alpha", "beta"), state_dir="state")
    for name, account in config["subAccounts"].items():
        account["service_key_json"] = f"{name}.json"
    write_config(tmp_path, config)
    return tmp_path


def write_config(place, config):
    (place / "c.json").write_text(json.dumps(config))
    (place / "c.json").chmod(0o600)


def change_config(place, **changes):
    config = json.loads((place / "c.json").read_text())
    config.update(changes)
    write_config(place, config)


@pytest.fixture
def corelay(place):
    """corelay("check", code=0, text="") runs it; what it has printed, with `errors` beside it."""
    def run(*arguments, code=0, text="", env=None):
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith(("AICORE_", "CORELAY_", "VCAP_"))}
        environment.update({"CORELAY_CONFIG": str(place / "c.json")}, **(env or {}))
        done = subprocess.run([CORELAY, *map(str, arguments)], input=text, capture_output=True,
                              encoding="utf-8", timeout=60, cwd=place, env=environment)
        assert done.returncode == code, (arguments, done)
        for name in ("alpha", "beta"):
            secret = json.loads((place / f"{name}.json").read_text())["clientsecret"]
            assert secret not in done.stdout + done.stderr
        run.errors = done.stderr
        return done.stdout
    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_and_usage(corelay, command):
    said = corelay(*command, "--help")
    assert said.startswith(f"Usage: corelay {' '.join(command)} ")
    assert "Exit status: 0 good, 1 a problem was found, 2 wrong usage" in said
    corelay(*command, "--no-such-option", code=2)
    corelay(*command, "one", "two", "three", code=2)


def test_no_command_is_wrong_usage(corelay):
    corelay(code=2)
    corelay("chek", code=2)
    corelay("key", code=2)
    corelay("token", "burn", code=2)
    assert "doctor" in corelay("--help")
    assert corelay("--version") == corelay("version")
    assert json.loads(corelay("version", "--json"))["version"] in corelay("version")


def test_check(corelay, place):
    assert corelay("check") == f"{place}/c.json: good: 2 accounts, 1 key, state in {place}/state\n"
    assert not (place / "state").exists(), "check makes nothing"
    change_config(place, reactor=1, strict="yes")
    assert corelay("check", "c.json", code=1).splitlines() == [
        "c.json: reactor: unknown key; did you mean \"reactors\"?",
        "c.json: strict: is a string; expected true or false"]
    said = json.loads(corelay("check", "--json", code=1))
    assert said["ok"] is False and len(said["errors"]) == 2 and said["warnings"] == []
    corelay("check", place / "none.json", code=1)


def test_keys(corelay, place, emulator):
    made = json.loads(corelay("key", "new", "--name", "alice", "--json"))
    key, element = made["key"], made["element"]
    assert element == {"name": "alice", "sha256": hashlib.sha256(key.encode()).hexdigest()}
    assert json.loads(corelay("key", "hash", "--name", "alice", text=key + "\n")) == element
    assert made["key"] != json.loads(corelay("key", "new", "--json"))["key"]
    change_config(place, api_keys=[element])
    assert "2 keys" in corelay("check")
    for bad in ("", "\n", "two words\n"):
        corelay("key", "hash", text=bad, code=1)


def test_models(corelay, place):
    change_config(place, aliases={"fast": GPT})
    rows = {line.split()[0]: line.split()[1:] for line in corelay("models").splitlines()}
    assert rows[GPT][0] == "azure-openai"
    assert rows[CLAUDE][0] == "bedrock-invoke"
    assert rows[GEMINI][0] == "vertex-gemini"
    assert rows["fast"] == ["is", GPT]
    found = {m["model"]: m for m in json.loads(corelay("models", "--json"))}
    assert {t["account"] for t in found[GPT]["targets"]} <= {"alpha", "beta"}
    assert len(found[GPT]["targets"]) == int(rows[GPT][1])


def test_models_say_which_rule_they_follow(corelay, place):
    rule = {"model": CLAUDE[:-2] + "*", "traits": ["thinking"], "evidence": "tried it",
            "date": "2026-10"}
    (place / "rules.json").write_text(json.dumps([rule]))
    change_config(place, model_rules="rules.json", models={"gpt-*": {"traits": {"no_tools": True}}})
    found = {m["model"]: m for m in json.loads(corelay("models", "--json"))}
    assert found[CLAUDE]["rule"] == {"model": rule["model"], "evidence": "tried it",
                                     "date": "2026-10", "source": f"{place}/rules.json: [0]"}
    assert found[GPT]["rule"]["source"].startswith("built-in[")
    lines = corelay("models", "--rules").splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith(GPT + " "))
    assert lines[row].endswith(" no_tools") and "OpenAI" in lines[row + 1] + lines[row]
    assert "rules.json: [0]: tried it" in "\n".join(lines)


def test_matrix_of_models(corelay, place):
    change_config(place, models={"gpt-5.5": {"traits": {"no_tools": True}}})
    found = {m["model"]: m["matrix"] for m in json.loads(corelay("models", "--matrix", "--json"))}
    for model, apis in found.items():
        assert set(apis) == {"openai-chat", "openai-responses", "anthropic-messages",
                             "gemini-generate", "openai-completions", "openai-embeddings",
                             "gemini-embeddings", "cohere-rerank", "predict"}, model
        words = {w for features in apis.values() for w in features.values()}
        assert words <= {"lossless", "emulated", "refused", "none"}
        purpose = next((p for kind, p in {"embed": "embed", "rerank": "rerank", "rpt": "predict"}.items()
                        if kind in model), "")
        assert words != {"none"}, model
        for api, features in apis.items():
            wanted = next((p for p in ("embed", "rerank", "predict") if p in api), "")
            assert (set(features.values()) != {"none"}) == (wanted == purpose), (model, api)
    assert found[CLAUDE]["anthropic-messages"]["thinking"] == "lossless"
    assert found[CLAUDE]["openai-chat"]["image.address"] == "refused"
    assert found[GEMINI]["openai-responses"]["free-form-tool"] == "emulated"
    assert "free-form-tool" not in found[GEMINI]["openai-chat"]
    assert found[GPT]["openai-chat"]["thinking"] == "none"
    assert found["gpt-5"]["openai-chat"]["stop-sequence"] == "emulated"
    assert found["gpt-5.5"]["openai-chat"]["parallel-tools"] == "none"
    assert found["gpt-5.5"]["openai-chat"]["image"] == "lossless"
    assert found["o3-mini"]["openai-chat"]["image"] == "refused"
    assert found["o3-mini"]["openai-chat"]["one-tool"] == "lossless"
    assert found["amazon--titan-embed-text"]["openai-embeddings"]["embed.several"] == "emulated"
    assert found["amazon--titan-embed-text"]["gemini-embeddings"]["embed.image"] == "refused"
    assert found["amazon--titan-embed-image"]["gemini-embeddings"]["embed.image"] == "lossless"
    assert found["text-embedding-ada-002"]["openai-embeddings"]["embed.dimensions"] == "refused"
    assert found["sap-rpt-1-small"]["predict"]["predict.file"] == "lossless"
    rows = [line.split(None, 3) for line in corelay("models", "--matrix").splitlines()[1:]]
    assert {tuple(r[:3]): r[3].split(", ") for r in rows}[GEMINI, "anthropic-messages",
                                                          "emulated"].count("tool-image") == 1
    assert {(m, a, f): w for m, a, w, fs in rows for f in fs.split(", ")} == {
        (m, a, f): w for m in found for a in found[m] for f, w in found[m][a].items()}


def test_tokens(corelay):
    assert corelay("token", "list").startswith("no token in ")
    corelay("models")
    listed = json.loads(corelay("token", "list", "--json"))
    assert {t["account"] for t in listed} == {"alpha", "beta"}
    assert all(t["usable"] for t in listed)
    corelay("token", "clear", "0123456789abcdef", code=1)
    assert json.loads(corelay("token", "clear", listed[0]["id"], "--json")) == {"cleared": 1}
    assert corelay("token", "clear") == "1 token cleared\n"
    assert json.loads(corelay("token", "list", "--json")) == []


def test_request_shows_what_goes_upstream(corelay, place, emulator):
    body = {"model": "x", "max_tokens": 20, "system": "Be brief.",
            "messages": [{"role": "user", "content": "hello"}]}
    (place / "r.json").write_text(json.dumps(body))
    said = corelay("request", "--upstream", "--model", GEMINI, "r.json")
    upstream, answer = said.split("\n\n", 1)
    url, sent = upstream.split("\n", 1)
    call = emulator.inference()[-1]
    assert url.startswith("POST http://127.0.0.1:") and url.endswith(call["path"])
    assert sent == call["body"]
    assert json.loads(answer)["type"] == "message"
    lane = '{"model":"%s","seed":12345678901234567, "messages":[{"role":"user","content":"a"}]}' % GPT
    said = json.loads(corelay("request", "--json", "-", text=lane))
    assert said["status"] == 200 and said["answer"]["object"] == "chat.completion"
    assert '"seed":12345678901234567' in emulator.inference()[-1]["body"]
    assert json.loads(corelay("request", "-", text='{"model":"text-embedding-3-small","input":"a"}'))
    assert corelay("request", "--model", "no-such-model", "r.json", code=1) == ""
    assert "HTTP 404" in corelay.errors
    corelay("request", "none.json", code=1)
    corelay("request", "-", text="[1", code=1)


def test_chat_keeps_its_history(corelay, emulator):
    said = corelay("chat", "--model", CLAUDE, "--system", "Be brief.",
                   text="first question\nsecond question\n/new\nthird question\n/quit\nnever\n")
    assert said.count("You said:") == 3
    bodies = [json.loads(call["body"]) for call in emulator.inference()]
    texts = [[m["role"] for m in b["messages"]] for b in bodies]
    assert texts == [["user"], ["user", "assistant", "user"], ["user"]]
    assert all("Be brief." in json.dumps(b["system"]) for b in bodies)
    assert corelay("chat", "--model", GPT, "one question").endswith("one question\n")
    chosen = corelay("chat", text="hello\n/model\n").splitlines()[-1].strip("()")
    assert chosen in corelay("models")
    corelay("chat", "--model", "no-such-model", "hello", code=1)


def test_chat_forgets_what_failed(corelay, emulator):
    emulator.fault("status", code=400, message="no", match={"family": "azure-openai"})
    corelay("chat", "--model", GPT, text="bad question\ngood question\n", code=1)
    last = json.loads(emulator.inference()[-1]["body"])
    assert [m["content"] for m in last["messages"]] == ["good question"]


def verdicts(said):
    return [(step["step"], step["verdict"]) for step in json.loads(said)]


def test_doctor(corelay, place):
    steps = verdicts(corelay("doctor", "--json"))
    assert {verdict for _, verdict in steps} == {"OK"}
    assert [name for name, _ in steps].count("answer") == 6, "one for each family that talks or embeds"
    assert corelay("doctor").endswith("Everything works.\n")


def test_doctor_names_what_is_wrong(corelay, place, emulator):
    key = json.loads((place / "alpha.json").read_text())
    config = json.loads((place / "c.json").read_text())
    del config["subAccounts"]["beta"]
    write_config(place, config)
    (place / "alpha.json").write_text(json.dumps({**key, "clientsecret": "fake-and-wrong"}))
    steps = verdicts(corelay("doctor", "--json", code=1))
    assert ("token", "FAILED") in steps
    (place / "alpha.json").write_text(json.dumps(key))
    config["subAccounts"]["alpha"]["resource_group"] = "nowhere"
    write_config(place, config)
    said = corelay("doctor", code=1)
    assert "there is no resource group nowhere" in said
    write_config(place, {**config, "nonsense": 1})
    assert "nonsense: unknown key" in corelay("doctor", code=1)
    assert ("configuration", "FAILED") in verdicts(corelay("doctor", "--json", code=1))


def test_doctor_through_the_web_server(corelay, gateway, emulator):
    site = gateway()
    emulator.settings(chunk_delay_ms=60)
    env = {"CORELAY_API_KEY": harness.KEY}
    for url in (site.url, site.url + "/v1/"):
        steps = verdicts(corelay("doctor", "--json", "--only-url", "--url", url, env=env))
        assert steps == [("key", "OK"), ("stream", "OK")]
    assert corelay("chat", "--url", site.url, "--model", GPT, "hello", env=env).endswith("hello\n")
    steps = verdicts(corelay("doctor", "--json", "--only-url", "--url", site.url, "--key", "wrong",
                             code=1))
    assert steps == [("key", "FAILED")]
    said = corelay("doctor", "--only-url", "--url", "http://127.0.0.1:1", code=1)
    assert "does the web server run" in said


@pytest.mark.skipif(not shutil.which("lighttpd", path=os.environ.get("PATH", "") + ":/usr/sbin"),
                    reason="lighttpd is not installed")
def test_doctor_finds_a_buffering_web_server(corelay, place, emulator):
    """lighttpd without server.stream-response-body holds a stream back until its end."""
    port = free_port()
    (place / "buffering.conf").write_text(f'''
server.document-root = "{place}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ( "mod_fastcgi" )
fastcgi.server = ( "/" => (( "socket" => "{place}/s", "check-local" => "disable" )) )
''')
    emulator.settings(chunk_delay_ms=120)
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    responder = subprocess.Popen([harness.responder_path(), "--config", place / "c.json",
                                  "--listen", place / "s"], stderr=subprocess.DEVNULL)
    server = subprocess.Popen([shutil.which("lighttpd", path=path), "-D", "-f",
                               place / "buffering.conf"], stderr=subprocess.DEVNULL)
    try:
        harness.wait_for(lambda: answers(port), what="lighttpd")
        said = json.loads(corelay("doctor", "--json", "--only-url", "--url",
                                  f"http://127.0.0.1:{port}", code=1,
                                  env={"CORELAY_API_KEY": harness.KEY}))
        assert said[-1]["step"] == "stream" and said[-1]["verdict"] == "FAILED"
        assert "stream-response-body" in said[-1]["hint"]
    finally:
        for process in (server, responder):
            process.terminate()
            process.wait(10)


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        return harness.Site(f"http://127.0.0.1:{port}").get("/health").status == 200
    except OSError:
        return False
