"""The older completions API, which no model behind SAP AI Core has of its own.

Behind lighttpd alone: none of it depends on the web server.
"""
import json

import pytest

from harness import CLAUDE, GEMINI, GPT

MODELS = [GPT, CLAUDE, GEMINI, "amazon--nova-lite", "mistralai--mistral-large-instruct"]


@pytest.fixture
def site(gateway):
    return gateway("lighttpd")


@pytest.mark.parametrize("model", MODELS)
def test_answers_whole(site, model):
    answer = site.post("/v1/completions", {"model": model, "prompt": "def f():", "max_tokens": 50})
    assert answer.status == 200, answer.text
    assert answer.json["object"] == "text_completion" and answer.json["model"] == model
    assert answer.json["id"].startswith("cmpl-")
    (choice,) = answer.json["choices"]
    assert "def f():" in choice["text"]  # the emulator says what it was asked
    assert choice["finish_reason"] == "stop" and choice["logprobs"] is None
    assert answer.json["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_answers_in_pieces(site, model):
    stream = site.stream("/v1/completions", {"model": model, "prompt": ["def f():"], "stream": True,
                                          "echo": True, "stream_options": {"include_usage": True}})
    assert stream.status == 200
    pieces = [line[6:] for _, line in stream.lines() if line.startswith("data: ")]
    assert pieces.pop() == "[DONE]"
    chunks = [json.loads(piece) for piece in pieces]
    assert chunks.pop()["usage"]["total_tokens"] > 0
    assert {c["object"] for c in chunks} == {"text_completion"}
    assert "".join(c["choices"][0]["text"] for c in chunks).startswith("def f():")
    assert [c["choices"][0]["finish_reason"] for c in chunks[-2:]] == [None, "stop"]


def test_refuses_what_a_chat_cannot_do(site, emulator):
    for field, value in (("suffix", "}"), ("prompt", ["a", "b"]), ("prompt", [15, 16])):
        answer = site.post("/v1/completions", {"model": GPT, "prompt": "a", field: value})
        assert answer.status == 400 and answer.json["error"]["param"] == field
    assert emulator.inference() == []
