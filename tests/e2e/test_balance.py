"""Many processes, several targets: what they know of each other's failures, and who is asked next.

Behind lighttpd, and what matters most behind mod_fcgid as well, where each request has a process to itself;
none of it depends on the web server otherwise.
"""
import collections
import json
import os
import signal
import subprocess
import time

import pytest

import harness
from harness import BUILD, GPT, wait_for

PROCESSES = 8
MODEL = "gpt-5"  # two deployments and one of another group in alpha, one in beta
CALLS = {"path": "/v2/inference/"}
ALPHA, BETA = {"tenant": "alpha", **CALLS}, {"tenant": "beta", **CALLS}


def chosen(*names):
    """Those of the servers that are tested at all."""
    return [name for name in names if name in harness.servers()]


@pytest.fixture
def state(directory):
    place = directory / f"board.{time.monotonic_ns()}"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def many(gateway, settings, state):
    """A gateway of many processes over both tenants and all their groups."""
    def start(processes=PROCESSES, groups=("default", "team-b"), server="lighttpd", **changes):
        config = settings(accounts=("alpha", "beta"), state_dir=str(state), **changes)
        if server == "apache-fcgid":  # it runs as another user, for whom examples/serve has a folder
            del config["state_dir"]
        for account in config["subAccounts"].values():
            account.pop("resource_group")
            account["resource_groups"] = list(groups)
        site = gateway(server, config, processes=processes)
        assert site.get("/v1/models").status == 200
        return site
    return start


def target_of(answer):
    return answer.headers["x-corelay-target"]


def tenant_of(answer):
    return target_of(answer).split("/")[0]


def upstream(emulator):
    """Calls of models, by tenant."""
    return collections.Counter(r["tenant"] for r in emulator.inference())


def status(site):
    """What `corelay status` says."""
    out = subprocess.run([BUILD / "src" / "corelay", "status", "--json", "--config", site.config],
                         check=True, capture_output=True).stdout
    return json.loads(out)


def state_of(site, target):
    """The row of a target as X-Corelay-Target names it."""
    (row,) = [t for t in status(site)["targets"] if t["target"].split(" ")[0] == target]
    return row


# --- turns -----------------------------------------------------------------------------------------

def test_turns_are_shared_by_all_processes(many, emulator):
    site = many(groups=("default",))
    answers = [site.chat() for _ in range(60)]
    assert collections.Counter(map(tenant_of, answers)) == {"alpha": 30, "beta": 30}
    answers = harness.together(100, lambda i: site.chat())
    assert collections.Counter(map(tenant_of, answers)) == {"alpha": 50, "beta": 50}


def test_weights(gateway, settings, state):
    config = settings(accounts=("alpha", "beta"), state_dir=str(state))
    config["subAccounts"]["alpha"]["weight"] = 3
    site = gateway("lighttpd", config, processes=4)
    answers = [site.chat() for _ in range(80)]
    assert collections.Counter(map(tenant_of, answers)) == {"alpha": 60, "beta": 20}


def test_ordered_and_canary(gateway, settings, state, emulator):
    config = settings(accounts=("alpha", "beta"), state_dir=str(state),
                      routing={"strategy": "ordered"})
    site = gateway("lighttpd", config)
    assert {tenant_of(site.chat()) for _ in range(10)} == {"alpha"}
    (beta,) = [d for d in emulator.control("GET", "/deployments")["deployments"]
               if d["tenant"] == "beta" and d["model"] == GPT and d["running"]]
    config["models"] = {GPT: {"canary": {"percent": 100, "deployment": beta["id"]}}}
    gateway.end(site)
    site = gateway("lighttpd", config)
    assert {tenant_of(site.chat()) for _ in range(10)} == {"beta"}


# --- quota domains ---------------------------------------------------------------------------------

def told(counter):
    """For the table at the end."""
    return ", ".join(f"{tenant} {counter[tenant]}" for tenant in ("alpha", "beta"))


@pytest.mark.parametrize("server", chosen("lighttpd", "apache-fcgid"))
def test_nobody_sees_a_429_until_both_tenants_are_throttled(many, emulator, server, record_property):
    site = many(server=server)
    answers = harness.together(40, lambda i: site.chat(model=MODEL))
    assert [a.status for a in answers] == [200] * 40
    before = upstream(emulator)
    assert before == {"alpha": 20, "beta": 20}
    record_property("before", told(before))
    emulator.control("DELETE", "/requests")
    emulator.fault("status", times=-1, match=ALPHA, code=429, headers={"Retry-After": "60"})
    answers = harness.together(100, lambda i: site.chat(model=MODEL))
    assert [a.status for a in answers] == [200] * 100
    assert {tenant_of(a) for a in answers} == {"beta"}
    asked = upstream(emulator)
    record_property("alpha throttled, 100 at once", told(asked))
    assert asked["beta"] == 100
    # All that had begun at the same moment; the three deployments of alpha are one domain.
    assert asked["alpha"] <= 100
    emulator.control("DELETE", "/requests")
    answers = [site.chat(model=MODEL) for _ in range(40)]
    assert [a.status for a in answers] == [200] * 40
    record_property("40 more", told(upstream(emulator)))
    assert upstream(emulator) == {"beta": 40}
    emulator.fault("status", times=-1, match=BETA, code=429, headers={"Retry-After": "30"})
    answers = [site.chat(model=MODEL) for _ in range(20)]
    assert [a.status for a in answers] == [429] * 20
    assert all(20 <= int(a.headers["retry-after"]) <= 30 for a in answers)
    assert upstream(emulator) == {"beta": 41}  # the first found out for all
    record_property("both throttled, 20 more", "beta 1, 429 to all 20")
    assert site.chat(model=GPT).status == 429  # another model has a quota of its own, and finds out
    if server == "lighttpd":
        domains = {d["domain"]: d for d in status(site)["domains"]}
        assert domains[f"{MODEL} in alpha"]["state"] == "cooling"


@pytest.mark.parametrize("header,most", [({"Retry-After": "2"}, 3.5), ({"retry-after-ms": "700"}, 2),
                                         ({}, 3)])
def test_a_short_rest_is_waited_out(gateway, settings, emulator, header, most):
    site = gateway("lighttpd", settings())
    assert site.chat().status == 200
    emulator.fault("status", times=1, match=CALLS, code=429, headers=header)
    began = time.monotonic()
    answer = site.chat()
    took = time.monotonic() - began
    assert answer.status == 200 and answer.headers["x-corelay-attempts"] == "2"
    assert took >= {"2": 2, "700": 0.7}.get(next(iter(header.values()), ""), 0.8) - 0.02, took
    assert took < most * harness.PATIENCE, took


def test_a_date_is_understood_and_a_long_rest_is_passed_on(gateway, settings, emulator):
    site = gateway("lighttpd", settings(routing={"retry_after_most_seconds": 50}))
    when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 40))
    emulator.fault("status", times=1, match=CALLS, code=429, headers={"Retry-After": when})
    answer = site.chat()
    assert answer.status == 429 and 35 <= int(answer.headers["retry-after"]) <= 40
    emulator.fault("status", times=1, match=CALLS, code=429, headers={"Retry-After": "3600"})
    answer = site.chat(model=MODEL)
    assert answer.status == 429 and int(answer.headers["retry-after"]) == 50


def avoid_the_minute(seconds):
    """Neither our minutes nor those of the emulator end within the next seconds."""
    # Of two minutes that end at different times, 30 seconds are always free of both.
    seconds = min(seconds * harness.PATIENCE, 25)
    while min(60 - time.time() % 60, 60 - time.monotonic() % 60) < seconds:
        time.sleep(0.2)


def test_pacing_asks_no_more_than_is_granted(many, emulator):
    site = many(routing={"pace": True, "wait_seconds": 0})
    avoid_the_minute(12)
    emulator.settings(quota_rpm=20)
    assert site.chat().status == 200 and site.chat().status == 200  # one of each tenant

    def limits():
        return [d["limit_per_minute"] for d in status(site)["domains"] if GPT in d["domain"]]
    wait_for(lambda: limits() == [20, 20], 10, "limits of the AI API")
    answers = harness.together(60, lambda i: site.chat())
    assert collections.Counter(a.status for a in answers) == {200: 38, 429: 22}
    assert all(1 <= int(a.headers["retry-after"]) <= 60 for a in answers if a.status == 429)
    assert len(emulator.inference()) == 40
    assert {r["status"] for r in emulator.inference()} == {200}


def test_an_overloaded_service_is_left_alone_as_long_as_it_says(gateway, settings, emulator):
    site = gateway("lighttpd", settings())
    assert site.chat().status == 200
    emulator.fault("status", times=1, match=CALLS, code=503, headers={"Retry-After": "2"})
    began = time.monotonic()
    assert site.chat().status == 200
    assert time.monotonic() - began >= 1.98
    emulator.fault("status", times=1, match=CALLS, code=503, headers={"Retry-After": "40"})
    answer = site.chat()
    assert answer.status == 503 and 35 <= int(answer.headers["retry-after"]) <= 40


# --- breakers and budgets --------------------------------------------------------------------------

def test_the_breaker_opens_for_all_and_half_opens(many, emulator):
    site = many(groups=("default",), routing={"breaker": {"failures": 3, "seconds": 2}})
    emulator.fault("status", times=-1, match=ALPHA, code=500)
    end = time.monotonic() + 30
    while time.monotonic() < end:  # a shaky target is asked again only after a moment
        assert site.chat().status == 200
        if any(t["state"] == "broken" for t in status(site)["targets"]):
            break
    else:
        pytest.fail("no breaker has opened")
    failed = upstream(emulator)["alpha"]
    assert 3 <= failed <= 5
    emulator.control("DELETE", "/requests")
    answers = harness.together(60, lambda i: site.chat().status)  # in less than two seconds, mostly
    assert answers == [200] * 60
    assert upstream(emulator)["alpha"] <= 1
    emulator.control("DELETE", "/faults")

    def is_back():
        return tenant_of(site.chat()) == "alpha"
    wait_for(is_back, 20, "the target to be asked again")
    emulator.control("DELETE", "/requests")
    answers = [tenant_of(site.chat()) for _ in range(20)]
    assert collections.Counter(answers) == {"alpha": 10, "beta": 10}


def test_a_deployment_that_has_yet_to_start(gateway, settings, state, emulator):
    """Scaled to zero: everybody waits, one request at a time looks after it."""
    site = gateway("lighttpd", settings(state_dir=str(state)), processes=4)
    assert site.chat().status == 200
    emulator.control("DELETE", "/requests")
    emulator.fault("status", times=3, match=CALLS, code=503, body="no healthy upstream",
                   content_type="text/plain")
    assert site.chat().status == 200
    calls = emulator.inference()
    assert [r["status"] for r in calls] == [503, 503, 503, 200]
    assert all(b["time_ms"] - a["time_ms"] > 1500 for a, b in zip(calls, calls[1:]))
    emulator.control("DELETE", "/requests")
    emulator.fault("status", times=6, match=CALLS, code=503, body="no healthy upstream",
                   content_type="text/plain")
    answers = harness.together(5, lambda i: site.chat().status)
    assert answers == [200] * 5
    assert sum(r["status"] == 503 for r in emulator.inference()) == 6


def test_an_outage_is_not_multiplied(many, emulator):
    site = many(groups=("default",), routing={"breaker": {"failures": 1000},
                                              "retry_budget": {"minimum": 5, "percent": 10}})
    emulator.fault("status", times=-1, match=CALLS, code=500)
    answers = harness.together(100, lambda i: site.chat().status)
    assert set(answers) <= {500, 502, 503}, answers
    calls = sum(upstream(emulator).values())
    # 5 + 10 % of 100, or so again if the minute has just changed.
    assert 100 <= calls <= 100 + 2 * 15, calls


# --- conversations ---------------------------------------------------------------------------------

def turn(site, conversation, number, **more):
    """The number-th request of a conversation, known by its beginning alone."""
    messages = [{"role": "system", "content": "You are a careful assistant."},
                {"role": "user", "content": f"conversation {conversation}"}]
    for i in range(number):
        messages += [{"role": "assistant", "content": f"answer {i}"},
                     {"role": "user", "content": f"question {i}"}]
    return site.post("/v1/chat/completions", {"model": MODEL, "messages": messages, **more})


@pytest.mark.parametrize("server", chosen("lighttpd", "apache-fcgid"))
def test_a_conversation_stays_where_its_cache_is(many, emulator, server, record_property):
    site = many(server=server)
    homes = collections.defaultdict(collections.Counter)
    for number in range(6):
        answers = harness.together(40, lambda c: turn(site, c, number))
        for c, answer in enumerate(answers):
            assert answer.status == 200
            homes[c][target_of(answer)] += 1
    total = sum(sum(h.values()) for h in homes.values())
    at_home = sum(max(h.values()) for h in homes.values())
    record_property("turns", total)
    record_property("at home", at_home)
    assert at_home / total > 0.99
    spread = collections.Counter(max(h, key=h.get) for h in homes.values())
    assert len(spread) > 2 and max(spread.values()) < 34, spread
    record_property("conversations by target", sorted(spread.values()))

    # A target dies: it is left at once, and by its own conversations only.
    victim = max(homes[0], key=homes[0].get)
    emulator.fault("status", times=-1, match={"deployment": victim.split("/")[1], **CALLS}, code=503)
    emulator.control("DELETE", "/requests")
    for _ in range(3):
        for c in range(40):
            answer = turn(site, c, 3)
            assert answer.status == 200
            home = max(homes[c], key=homes[c].get)
            assert target_of(answer) == home or home == victim
            assert target_of(answer) != victim
    asked = [r for r in emulator.inference() if r["deployment"] == victim.split("/")[1]]
    record_property("calls of the dead one", len(asked))
    assert 1 <= len(asked) <= 5, len(asked)

    # And they return.
    emulator.control("DELETE", "/faults")
    wait_for(lambda: target_of(turn(site, 0, 4)) == victim, 30, "the conversation to come home")
    assert [target_of(turn(site, 0, n)) for n in range(5)] == [victim] * 5


def test_sessions_that_clients_name(many):
    site = many()
    for header in ("X-Session-Id", "X-Claude-Code-Session-Id", "Session-Id", "X-Session-Affinity"):
        targets = {target_of(site.chat(f"turn {i}", MODEL, headers={header: "a-session"}))
                   for i in range(12)}
        assert len(targets) == 1, (header, targets)
    targets = {target_of(site.post("/v1/chat/completions",
                                   harness.chat_body(f"turn {i}", MODEL, prompt_cache_key="k")))
               for i in range(12)}
    assert len(targets) == 1
    assert len({target_of(site.chat(f"turn {i}", MODEL)) for i in range(12)}) == 4


# --- other models ----------------------------------------------------------------------------------

def test_a_model_stands_in_for_one_that_fails(gateway, settings, emulator):
    site = gateway("lighttpd", settings(models={
        MODEL: {"fallback": ["gpt-5-mini"]}, "gpt-9": {"fallback": [GPT]}}))
    answer = site.chat(model=MODEL)
    assert answer.status == 200 and "model=" not in target_of(answer)
    emulator.fault("status", times=-1, match={"model": MODEL, **CALLS}, code=500)
    answer = site.chat(model=MODEL)
    assert answer.status == 200 and target_of(answer).endswith("; model=gpt-5-mini")
    assert emulator.inference()[-1]["model"] == "gpt-5-mini"
    assert target_of(site.chat(model="gpt-9")).endswith("; model=" + GPT)
    record = [r for r in site.records() if r.get("model") == "gpt-9"][-1]
    assert record["target"].endswith("; model=" + GPT)


@pytest.mark.parametrize("reasons,code", [(["context"], 200), (["failing"], 400)])
def test_a_model_stands_in_for_one_that_is_too_small(gateway, settings, emulator, reasons, code):
    site = gateway("lighttpd", settings(models={
        GPT: {"fallback": [harness.CLAUDE], "fallback_for": reasons}}))
    emulator.fault("status", times=-1, match={"model": GPT, **CALLS}, code=400, body={
        "error": {"message": "This model's maximum context length is 1000 tokens.",
                  "type": "invalid_request_error", "code": "context_length_exceeded"}})
    answer = site.chat()
    assert answer.status == code, answer
    if code == 200:
        assert target_of(answer).endswith("; model=" + harness.CLAUDE)


# What each family says of it, and in which words.
TOO_LONG = {
    GPT: "This model's maximum context length is 1000 tokens. However, your messages resulted in 2000 tokens.",
    harness.CLAUDE: "prompt is too long: 210000 tokens > 200000 maximum",
    "amazon--nova-pro": "Input is too long for requested model.",
    harness.GEMINI: "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
}


def test_every_family_says_that_a_request_is_too_long(gateway, settings, emulator):
    site = gateway("lighttpd", settings(models={
        "*": {"fallback": [MODEL], "fallback_for": ["context"]}}))
    for model, words in TOO_LONG.items():
        emulator.fault("status", times=1, match={"model": model, **CALLS}, code=400, message=words)
        for ask in (site.chat_stream, site.messages_stream):
            stream = ask(model=model)
            assert stream.status == 200, (model, stream.response.read())
            stream.hang_up()
            emulator.fault("status", times=1, match={"model": model, **CALLS}, code=400, message=words)
        emulator.control("DELETE", "/faults")
        answer = site.chat(model=model)
        assert answer.status == 200 and "model=" not in target_of(answer), model
    took_over = [r for r in emulator.inference() if r["model"] == MODEL]
    assert len(took_over) == 2 * len(TOO_LONG)


@pytest.mark.parametrize("model", [GPT, harness.CLAUDE])
def test_what_is_surely_too_long_is_not_sent(gateway, settings, emulator, model):
    site = gateway("lighttpd", settings(models={
        model: {"context_tokens": 1000, "fallback": ["gpt-5-mini", MODEL], "fallback_for": ["context"]},
        "gpt-5-mini": {"context_tokens": 1200}}))
    for ask in (site.chat, site.messages):
        emulator.control("DELETE", "/requests")
        short, long = "a few words of it " * 100, "a few words of it " * 900
        assert "model=" not in target_of(ask(short, model))
        answer = ask(long, model)
        assert answer.status == 200 and target_of(answer).endswith("; model=" + MODEL), answer
        assert answer.headers["x-corelay-attempts"] == "1"
        assert [r["model"] for r in emulator.inference()] == [model, MODEL]
    assert "too long for " + model in site.log_text()


# --- processes that die ----------------------------------------------------------------------------

def test_what_a_killed_process_had_in_flight_is_taken_back(many, emulator):
    site = many(processes=3)
    emulator.fault("hang", times=-1, match=CALLS)
    streams = [site.chat_stream for _ in range(6)]

    def ask(i):
        try:
            return streams[i]("hello", GPT, seconds=20).status
        except OSError:
            return None
    import threading
    threads = [threading.Thread(target=ask, args=(i,), daemon=True) for i in range(6)]
    for thread in threads:
        thread.start()

    def in_flight():
        return sum(t["in_flight"] for t in status(site)["targets"])
    wait_for(lambda: in_flight() == 6, 10, "six in flight")
    for pid in site.responders():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: in_flight() == 0, 10, "nothing in flight")
    emulator.control("DELETE", "/faults")
    for thread in threads:
        thread.join(30)


def test_status_without_a_scoreboard(gateway, settings, state, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(state_dir=str(state))))
    config.chmod(0o600)
    out = subprocess.run([BUILD / "src" / "corelay", "status", "--config", config], check=True,
                         capture_output=True, text=True).stdout
    assert "processes: none" in out
    (state / "scoreboard").write_bytes(b"noise")
    (state / "scoreboard").chmod(0o600)
    done = subprocess.run([BUILD / "src" / "corelay", "status", "--config", config], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 1 and "damaged" in done.stderr


def test_status_names_the_last_error(gateway, settings, state, emulator):
    site = gateway("lighttpd", settings(state_dir=str(state)))
    emulator.fault("status", times=1, match=CALLS, code=503)
    answer = site.chat()
    assert answer.status == 200
    row = state_of(site, target_of(answer))
    assert row["last_error"]["status"] == 503 and row["last_error"]["kind"] == "overloaded"
    assert row["tries"] == 2 and row["failed"] == 1 and row["in_flight"] == 0
    (token,) = status(site)["tokens"]
    assert token["account"] == "alpha" and token["usable"] and 0 <= token["age_s"] < 60
    text = subprocess.run([BUILD / "src" / "corelay", "status", "--config", site.config], check=True,
                          capture_output=True, text=True).stdout
    assert target_of(answer) in text and "503 overloaded" in text


def test_status_tells_the_budget_of_retries(gateway, settings, state, emulator):
    site = gateway("lighttpd", settings(state_dir=str(state), routing={
        "breaker": {"failures": 1000}, "retry_budget": {"minimum": 7, "percent": 200}}))

    def one_retry():
        emulator.fault("status", times=1, match=CALLS, code=503)
        assert site.chat().status == 200
        said = status(site)["this_minute"]
        return said if said["retries"] == said["requests"] else None  # else the minute has changed
    said = wait_for(one_retry, 10, "a request and its retry in one minute")
    assert said["requests"] >= 1 and said["retries_allowed"] == 7 + 2 * said["requests"]
    text = subprocess.run([BUILD / "src" / "corelay", "status", "--config", site.config], check=True,
                          capture_output=True, text=True).stdout
    assert " retries of " in text
