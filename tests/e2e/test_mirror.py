"""Copies of requests: they are sent, and nobody notices.

Behind lighttpd alone: none of it depends on the web server.
"""
import time

import pytest

import harness
from harness import CLAUDE, GPT, wait_for

MODEL, OTHER = "gpt-5", "gpt-5-mini"
CALLS = {"path": "/v2/inference/"}


def calls(emulator, model):
    return [r for r in emulator.inference() if r["model"] == model]


def copies(site):
    """Their lines of the access record."""
    return [r for r in site.records() if r.get("mirror")]


def all_ended(site, count):
    return wait_for(lambda: len(copies(site)) >= count and copies(site), 10, f"{count} copies")


@pytest.fixture
def site(gateway, settings, emulator):
    """Each request for one model goes to another as well."""
    site = gateway("lighttpd", settings(models={MODEL: {"mirror": {"percent": 100, "model": OTHER}},
                                                CLAUDE: {"mirror": {"percent": 100, "model": GPT}}}))
    assert site.get("/v1/models").status == 200
    return site


def test_a_copy_is_sent_and_its_answer_thrown_away(site, emulator):
    answer = site.chat("hello", MODEL)
    assert answer.status == 200 and f"Hello from {MODEL}" in answer.text
    assert answer.headers["x-corelay-attempts"] == "1"
    (copy,) = all_ended(site, 1)
    assert copy["outcome"] == "done" and copy["model"] == MODEL and copy["usage"]["output"] > 0
    assert copy["id"] == answer.headers["x-request-id"] + ".copy"
    (first,), (second,) = calls(emulator, MODEL), calls(emulator, OTHER)
    assert first["body"] == second["body"]
    # What the model does not answer in the caller's words is translated, streamed or not.
    for stream in (site.chat_stream("hi", MODEL), site.messages_stream("hi", CLAUDE)):
        assert any("Hello from" in payload or "delta" in payload for _, payload in stream.data())
    assert [c["outcome"] for c in all_ended(site, 3)] == ["done"] * 3
    originals = [r for r in site.records() if r.get("target") and not r.get("mirror")]
    assert len(originals) == 3


def test_what_becomes_of_a_copy_is_not_the_callers_business(site, emulator):
    for kind, more in (("status", {"code": 500}), ("status", {"code": 429}), ("reset", {}),
                       ("status", {"code": 404}), ("cut", {}), ("hang", {})):
        emulator.reset()
        emulator.fault(kind, times=-1, match={"model": OTHER, **CALLS}, **more)
        began = time.monotonic()
        answer = site.chat("hello", MODEL)
        assert answer.status == 200 and answer.headers["x-corelay-attempts"] == "1", (kind, answer)
        assert time.monotonic() - began < 2 * harness.PATIENCE, kind
        assert len(calls(emulator, OTHER)) <= 1, kind  # once, if at all
    emulator.reset()


def test_no_copy_where_there_is_no_quota(site, emulator):
    emulator.fault("status", times=1, match={"model": OTHER, **CALLS}, code=429,
                   headers={"Retry-After": "60"})
    assert site.chat("hello", MODEL).status == 200
    all_ended(site, 1)
    for _ in range(3):
        assert site.chat("hello", MODEL).status == 200
    outcomes = [c["outcome"] for c in all_ended(site, 4)]
    assert outcomes == ["failed"] + ["skipped"] * 3
    assert len(calls(emulator, OTHER)) == 1


def test_there_are_never_many(site, emulator):
    emulator.fault("hang", times=-1, match={"model": OTHER, **CALLS})
    answers = harness.together(40, lambda i: site.chat(f"caller {i}", MODEL).status)
    assert answers == [200] * 40
    assert len(calls(emulator, OTHER)) <= 16


def test_a_deployment_that_only_gets_copies(gateway, settings, emulator):
    first, second = [d["id"] for d in emulator.control("GET", "/deployments")["deployments"]
                     if d["tenant"] == "alpha" and d["group"] == "default" and d["model"] == MODEL
                     and d["running"]]
    site = gateway("lighttpd", settings(models={
        MODEL: {"mirror": {"percent": 100, "deployment": second}}}))
    answers = [site.chat(f"turn {i}", MODEL) for i in range(6)]
    assert {a.headers["x-corelay-target"] for a in answers} == {f"alpha/{first}"}
    assert {c["target"] for c in all_ended(site, 6)} == {f"alpha/{second}"}
    emulator.fault("status", times=-1, match={"deployment": first, **CALLS}, code=500)
    answer = site.chat("hello", MODEL)
    assert answer.status == 200 and answer.headers["x-corelay-target"] == f"alpha/{second}"


def test_what_is_not_copied(gateway, settings, site, emulator):
    answer = site.post("/v1/responses", {"model": MODEL, "input": "hello", "store": False})
    assert answer.status == 200
    assert site.post("/v1/messages/count_tokens", harness.messages_body("hi", CLAUDE)).status == 200
    time.sleep(0.5)
    assert copies(site) == [] and calls(emulator, OTHER) == []
