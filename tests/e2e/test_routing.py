"""Accounts, models, failover: what the caller sees, and how often upstream was asked.

Behind lighttpd alone: none of it depends on the web server.
"""
import itertools
import json
import pathlib
import shutil
import subprocess
import time

import pytest

import harness
from harness import CLAUDE, GEMINI, GPT

# One model of each of the families that both subaccounts have.
MODELS = [GPT, CLAUDE, GEMINI]
CALLS = {"path": "/v2/inference/"}  # not the token service, not discovery
ALPHA = {"tenant": "alpha", **CALLS}


@pytest.fixture
def two(gateway, settings):
    """A gateway with two subaccounts."""
    return gateway("lighttpd", settings(accounts=("alpha", "beta")))


def target_of(answer):
    return answer.headers["x-corelay-target"].split("/")[0]


# --- balancing and failover ------------------------------------------------------------------------

def test_round_robin_over_subaccounts(two):
    targets = [target_of(two.chat()) for _ in range(6)]
    assert sorted(targets) == ["alpha"] * 3 + ["beta"] * 3
    assert all(a != b for a, b in zip(targets, targets[1:]))


def test_messages_take_turns_as_well(two):
    """Each with its own subaccount's token: the emulator refuses that of another."""
    answers = [two.messages() for _ in range(4)]
    assert [answer.status for answer in answers] == [200] * 4
    assert sorted(target_of(answer) for answer in answers) == ["alpha"] * 2 + ["beta"] * 2


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("code", [408, 429, 500, 502, 503])
def test_failure_is_followed_by_the_next_subaccount(two, emulator, model, code):
    for _ in range(2):  # whoever's turn it is
        emulator.fault("status", times=-1, match=ALPHA, code=code)
        answer = two.chat(model=model)
        assert answer.status == 200 and target_of(answer) == "beta", answer
        assert int(answer.headers["x-corelay-attempts"]) in (1, 2)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("fault", [{"kind": "late_throttle"}, {"kind": "reset"}, {"kind": "empty_200"},
                                   {"kind": "reset", "at": "after_headers"}])
def test_failure_before_the_first_content_is_not_seen(two, emulator, model, fault):
    for _ in range(2):
        emulator.fault(times=-1, match=ALPHA, **fault)
        for stream in (two.chat_stream(model=model), two.messages_stream(model=model)):
            text = "".join(payload for _, payload in stream.data())
            assert stream.status == 200
            assert stream.headers["x-corelay-target"].startswith("beta/")
            assert "error" not in text and ("[DONE]" in text or "message_stop" in text)
            stream.hang_up()


def test_the_callers_fault_is_final(two, emulator):
    emulator.fault("status", times=-1, match=CALLS, code=400, message="No such thing.")
    answer = two.chat()
    assert answer.status == 400 and "No such thing." in answer.text
    assert len(emulator.inference()) == 1


def test_all_throttled(two, emulator):
    emulator.fault("status", times=-1, match=CALLS, code=429, headers={"Retry-After": "7"})
    answer = two.chat()
    assert answer.status == 429 and answer.headers["retry-after"] == "7"
    assert answer.json["error"]["code"] == "rate_limit_exceeded"
    answer = two.messages()
    assert answer.status == 429 and answer.json["error"]["type"] == "rate_limit_error"
    hosts = {r["tenant"] for r in emulator.inference()}
    assert hosts == {"alpha", "beta"}


def test_one_target_is_tried_once_more(gateway, settings, emulator):
    site = gateway("lighttpd", settings())
    emulator.fault("status", times=1, match=CALLS, code=503)
    answer = site.chat(model="gpt-4.1")
    assert answer.status == 200 and answer.headers["x-corelay-attempts"] == "2"


def test_attempts_have_a_limit(gateway, settings, emulator):
    site = gateway("lighttpd", settings(accounts=("alpha", "beta"), routing={"max_attempts": 2}))
    emulator.fault("status", times=-1, match=CALLS, code=503)
    answer = site.chat()
    assert answer.status in (502, 503)
    assert len(emulator.inference()) == 2


@pytest.mark.parametrize("kind", ["cut", "reset", "error_event"])
@pytest.mark.parametrize("model", MODELS)
def test_failure_in_mid_stream_is_an_error_event(two, emulator, model, kind):
    """What has begun is not sent twice, and not ended as if it were whole."""
    at = {"at": "events"} if kind == "reset" else {}
    text = "{{emu: chunks=20 delay_ms=30}} a long story about a river that never ends"
    for stream, terminator in ((two.chat_stream(text, model), "[DONE]"),
                               (two.messages_stream(text, model), "message_stop")):
        stream.hang_up()
        emulator.reset()
        emulator.fault(kind, times=-1, after_events=8, **at)
        stream = (two.chat_stream if terminator == "[DONE]" else two.messages_stream)(text, model)
        payloads = [payload for _, payload in stream.data()]
        stream.hang_up()
        assert stream.status == 200
        errors = [json.loads(p) for p in payloads if p.startswith("{") and '"error"' in p]
        assert len(errors) == 1, payloads[-3:]
        assert not any(terminator in p for p in payloads)
        assert len(emulator.inference()) == 1


# --- tokens ----------------------------------------------------------------------------------------

def test_rejected_token_is_replaced_once(gateway, settings, emulator):
    site = gateway("lighttpd", settings())
    assert site.chat().status == 200
    emulator.control("POST", "/tokens/revoke", {})
    answer = site.chat()
    assert answer.status == 200 and answer.headers["x-corelay-attempts"] == "1"


def test_upstream_refusal_is_not_the_callers(gateway, settings, emulator):
    site = gateway("lighttpd", settings())
    emulator.fault("status", times=-1, match={"family": "azure-openai"}, code=403,
                   body="RBAC: access denied", content_type="text/plain")
    for answer in (site.chat(), site.messages(model=GPT)):
        assert answer.status == 502
        assert "RBAC" not in answer.text


def test_refused_credential_is_remembered(gateway, settings, emulator, directory):
    config = settings()
    key = json.loads((emulator.keys / "alpha.json").read_text())
    key["clientsecret"] = "wrong"
    config["subAccounts"]["alpha"] = {"service_key": key}
    site = gateway("lighttpd", config)
    before = emulator.counters()
    for _ in range(5):
        answer = site.chat()
        assert answer.status in (502, 503) and "wrong" not in answer.text
    asked = [r for r in emulator.requests("/oauth/token")]
    assert len(asked) <= 2, asked
    assert before is not None


def test_x509(gateway, settings, directory, tmp_path_factory):
    """Mutual TLS to the token service."""
    place = pathlib.Path(tmp_path_factory.mktemp("tls"))
    place.chmod(0o711)

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=place, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=Test CA", "-days", "2")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={name}")
        (place / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")
    keys = place / "keys"
    keys.mkdir(mode=0o711)
    emulator = harness.Emulator(keys, "--tls-port", "0", "--tls-cert", place / "server.pem",
                                "--tls-key", place / "server.key", "--tls-client-ca",
                                place / "ca.pem", "--client-cert", place / "client.pem",
                                "--client-key", place / "client.key")
    try:
        key = json.loads((keys / "alpha-x509.json").read_text())
        assert "clientsecret" not in key
        site = gateway("lighttpd", {"subAccounts": {"alpha": {"service_key": key}},
                                    "secret_authentication_tokens": [harness.KEY],
                                    "http": {"ca_file": shutil.copy(place / "ca.pem", directory)}})
        assert site.chat().status == 200
        assert emulator.counters()["token_fetches"] == 1
    finally:
        emulator.end()


# --- models ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("asked,name", [
    ("claude-sonnet-4-5", "anthropic--claude-4.5-sonnet"),
    ("claude-sonnet-4-5-20250929", "anthropic--claude-4.5-sonnet"),
    ("4.5-sonnet", "anthropic--claude-4.5-sonnet"),
    ("anthropic/claude-sonnet-4.5", "anthropic--claude-4.5-sonnet"),
    ("gemini-2.5-pro-latest", "gemini-2.5-pro"),
    ("gpt-o3-mini", "o3-mini"),
    ("gpt-5-2025-08-07", "gpt-5"),
])
def test_other_spellings(site, emulator, asked, name):
    assert site.chat(model=asked).status == 200
    assert emulator.inference()[-1]["model"] == name


def test_unknown_model_names_the_nearest(site):
    answer = site.chat(model="claude-sonet-4.5")
    assert answer.status == 404
    error = answer.json["error"]
    assert error["code"] == "model_not_found" and "anthropic--claude-4.5-sonnet" in error["message"]


def test_aliases_and_fallbacks(gateway, settings, emulator):
    site = gateway("lighttpd", settings(
        aliases={"fast": "gpt-5-mini"},
        models={"gpt-6": {"fallback": ["no-such-model", "gpt-5"]}}))
    assert site.chat(model="fast").status == 200
    assert emulator.inference()[-1]["model"] == "gpt-5-mini"
    assert site.chat(model="gpt-6").status == 200
    assert emulator.inference()[-1]["model"] == "gpt-5"
    assert "fast" in {m["id"] for m in site.get("/v1/models").json["data"]}
    assert site.get("/v1/models/fast").json["id"] == "fast"


def test_a_deployment_that_vanished(gateway, settings, emulator):
    """A 404 of a deployment that discovery knew: look again, then say so."""
    site = gateway("lighttpd", settings())
    assert site.chat().status == 200
    emulator.fault("status", times=1, code=404, match={"family": "azure-openai"})
    answer = site.chat()
    assert answer.status == 200


# --- the configurations of others --------------------------------------------------------------------

def deployment_urls(emulator, site, model):
    """The URLs of a model's deployments, as an administrator would copy them."""
    site.chat(model=model)
    path = emulator.inference()[-1]["path"].split("?")[0]
    return [emulator.url + path[:path.index("/", len("/v2/inference/deployments/"))]]


def test_configuration_of_the_old_proxy(gateway, settings, emulator):
    urls = {m: deployment_urls(emulator, gateway("lighttpd", settings()), m)
            for m in (GPT, CLAUDE, GEMINI)}
    named = {"gpt-4.1": urls[GPT], "4.5-sonnet": urls[CLAUDE], "gemini-2.5-flash": urls[GEMINI]}
    forms = [
        {"subAccounts": {"alpha": {"resource_group": "default", "service_key_json": "alpha.json",
                                   "deployment_models": named}},
         "secret_authentication_tokens": [harness.KEY], "port": 3001, "host": "127.0.0.1"},
        {"service_key_json": "alpha.json", "deployment_models": named, "resource_group": "default",
         "secret_authentication_tokens": [harness.KEY], "port": 3001, "host": "127.0.0.1"},
    ]
    for form in forms:
        site = gateway("lighttpd", form)
        for model in named:
            assert site.chat(model=model).status == 200, (form, model)
            assert site.messages(model=model).status == 200, (form, model)
        assert {m["id"] for m in site.get("/v1/models").json["data"]} == set(named)
    assert not [r for r in emulator.requests("/v2/lm/") if r["time_ms"] > time.time() * 1000]


def test_no_account_in_the_file_but_in_the_environment(gateway, emulator):
    key = (emulator.keys / "alpha.json").read_text()
    site = gateway("lighttpd", {"secret_authentication_tokens": [harness.KEY]},
                   env={"AICORE_SERVICE_KEY": key})
    assert site.chat().status == 200


def test_strict_mode_refuses_what_would_be_dropped(gateway, settings):
    site = gateway("lighttpd", settings(strict=True))
    answer = site.post("/v1/chat/completions", harness.chat_body("hi", CLAUDE, seed=7))
    assert answer.status == 400 and "seed" in answer.json["error"]["message"]
    assert CLAUDE in answer.json["error"]["message"]


def test_what_is_dropped_is_declared(site):
    answer = site.post("/v1/chat/completions", harness.chat_body("hi", CLAUDE, seed=7))
    assert answer.status == 200 and answer.headers["x-corelay-dropped"] == "seed"


# --- the lane ----------------------------------------------------------------------------------------

def test_lane_keeps_bytes(site, emulator):
    """Large integers, NUL, escapes, spacing and unknown members inside a tool's input."""
    odd = '{ "n" : 12345678901234567890123, "z":"a\\u0000b\\u00e9", "e":1E+2, "\\u0061":[ 1 , 2.50 ] }'
    body = ('{"model":"%s","max_tokens":100,"messages":[{"role":"user","content":"hi"},'
            '{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":%s}]},'
            '{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}],'
            '"tools":[{"name":"f","input_schema":{"type":"object","properties":{"x":{"maximum":'
            '12345678901234567890}}}}]}' % (CLAUDE, odd))
    answer = site.post("/v1/messages", body, headers={"Content-Type": "application/json"})
    assert answer.status == 200, answer
    sent = emulator.inference()[-1]["body"]
    assert odd in sent and '"maximum":12345678901234567890' in sent


# --- time ----------------------------------------------------------------------------------------

def test_limits_of_time_are_a_models_own(gateway, settings, emulator):
    """Each of them, at a model that has it; the others have all the time that is usual."""
    site = gateway("lighttpd", settings(routing={"max_attempts": 1}, models={
        GPT: {"timeouts": {"first_byte_seconds": 1}},
        CLAUDE: {"timeouts": {"idle_seconds": 1}},
        GEMINI: {"timeouts": {"total_seconds": 2}}}))
    slow = "{{emu: chunks=3 delay_ms=20000}} one two three"
    drip = "{{emu: chunks=100 delay_ms=200}} " + "word " * 100
    for model, text, least, fault in ((GPT, "hello", 1, "hang"), (CLAUDE, slow, 1, None),
                                      (GEMINI, drip, 2, None)):
        assert site.chat(model=model).status == 200
        emulator.reset()
        if fault:
            emulator.fault(fault, match={"model": model, **CALLS})
        began = time.monotonic()
        stream = site.chat_stream(text, model)
        assert b"did not answer in time" in stream.response.read(), model
        took = time.monotonic() - began
        stream.hang_up()
        assert least - 0.1 < took < least + 8 * harness.PATIENCE, (model, took)
        assert len(emulator.inference()) == 1


@pytest.mark.parametrize("unread, outcome", [(1, "cancelled"), (0, "done")])
def test_who_leaves_with_the_whole_answer_has_not_cancelled(two, emulator, unread, outcome):
    """Clients close when they have read the last event, which may be before upstream has closed."""
    said = len(list(two.chat_stream("hello").data())) - unread
    emulator.reset()
    # Two events are not for the caller: Azure's first, and the usage that only we asked for.
    emulator.fault("hang", match=CALLS, at="events", after_events=2 + said)
    stream = two.chat_stream("hello")
    assert len(list(itertools.islice(stream.data(), said))) == said
    stream.hang_up()
    asked = stream.headers["x-request-id"]
    [record] = harness.wait_for(lambda: [r for r in two.records() if r.get("id") == asked], 20, "its record")
    assert record["outcome"] == outcome, record
