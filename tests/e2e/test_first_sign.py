"""A model that thinks before its answer has a head: the caller of a stream is given signs of life."""
import pytest

import harness
from harness import CLAUDE, GEMINI, GPT

TIMEOUTS = {"first_sign_seconds": 0.3, "keep_alive_seconds": 0.3}
GEMINI_STREAM = "/v1beta/models/" + GEMINI + ":streamGenerateContent"
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "tell me"}]}]}


@pytest.fixture(scope="module")
def patient(long_lived, settings):
    return long_lived("lighttpd", settings(("alpha", "beta"), timeouts=TIMEOUTS))


def slow(emulator):
    emulator.fault("slow", ms=int(1500 * min(harness.PATIENCE, 2)), match={"path": "/v2/inference/"})


STREAMS = {
    "chat": (lambda site: site.chat_stream("tell me"), ":", "[DONE]"),
    "messages, lane": (lambda site: site.messages_stream("tell me", CLAUDE), "event: ping", "message_stop"),
    "messages, translated": (lambda site: site.messages_stream("tell me", GPT), "event: ping",
                             "message_stop"),
    "gemini": (lambda site: site.stream(GEMINI_STREAM + "?alt=sse", GEMINI_BODY), "", "STOP"),
    "gemini, array": (lambda site: site.stream(GEMINI_STREAM, GEMINI_BODY), "", "]"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_signs_before_the_answer(patient, emulator, name):
    ask, sign, end = STREAMS[name]
    slow(emulator)
    stream = ask(patient)
    assert stream.status == 200 and "x-corelay-target" not in stream.headers
    lines = list(stream.lines())
    assert lines[0][1] == sign and lines[0][0] < lines[-1][0] - 0.7, lines
    assert sum(line == sign for at, line in lines if at < lines[-1][0] - 0.4) >= 2, lines
    assert any(end in line for _, line in lines[-4:]), lines
    assert len(emulator.inference()) == 1


def test_another_is_asked_behind_a_sign(patient, emulator):
    emulator.settings(latency_ms=800)
    emulator.fault("status", code=500, match={"path": "/v2/inference/"})
    stream = patient.chat_stream("tell me")
    assert stream.status == 200
    lines = [line for _, line in stream.lines()]
    assert lines[0] == ":" and lines[-2] == "data: [DONE]", lines
    assert not any("error" in line for line in lines) and len(emulator.inference()) == 2


def test_what_fails_behind_a_sign_is_told_in_the_stream(patient, emulator):
    emulator.settings(latency_ms=800)
    emulator.fault("status", code=400, message="no such thing", match={"path": "/v2/inference/"})
    stream = patient.messages_stream("tell me", CLAUDE)
    lines = [line for _, line in stream.lines()]
    assert stream.status == 200 and lines[0] == "event: ping"
    assert "event: error" in lines and "no such thing" in lines[lines.index("event: error") + 1], lines
    asked = stream.headers["x-request-id"]
    [record] = harness.wait_for(lambda: [r for r in patient.records() if r.get("id") == asked], 10,
                                "its record")
    assert (record["status"], record["outcome"]) == (200, "failed"), record


def test_who_wants_it_whole_waits(patient, emulator):
    slow(emulator)
    assert patient.chat("tell me").status == 200
