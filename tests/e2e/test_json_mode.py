"""Answers in JSON without a schema: whose model wants the word "json" in the conversation says so itself.

Behind lighttpd alone: none of it depends on the web server.
"""
import json

import pytest

from harness import CLAUDE, GEMINI, GPT

THINKER = "gpt-5.5"  # behind the Responses API when it has tools
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def gateway_of_all(long_lived, settings):
    config = settings(models={"gpt-5": {"family": "orchestration"}})
    return long_lived("lighttpd", config)


@pytest.fixture
def site(gateway_of_all, emulator):
    return gateway_of_all


def chat(site, model, text, **more):
    return site.post("/v1/chat/completions", {
        "model": model, "messages": [{"role": "user", "content": text}],
        "response_format": {"type": "json_object"}, **more})


def responses(site, model, text, **more):
    return site.post("/v1/responses", {"model": model, "input": text, "store": False,
                                       "text": {"format": {"type": "json_object"}}, **more})


def gemini(site, model, text):
    return site.post(f"/v1beta/models/{model}:generateContent", {
        "contents": [{"parts": [{"text": text}]}],
        "generationConfig": {"responseMimeType": "application/json"}})


def said(answer):
    body = answer.json
    if "choices" in body:
        return body["choices"][0]["message"]["content"]
    if "output" in body:
        return "".join(p["text"] for i in body["output"] if i["type"] == "message" for p in i["content"])
    return body["candidates"][0]["content"]["parts"][0]["text"]


@pytest.mark.parametrize("model", (GPT, "gpt-5", THINKER))
@pytest.mark.parametrize("ask", (chat, responses, gemini))
def test_openai_wants_the_word(site, emulator, ask, model):
    """Its own complaint reaches the caller; nothing is added to what he said."""
    more = {"tools": [TOOL]} if ask is chat and model == THINKER else {}
    answer = ask(site, model, "Name a city.", **more)
    assert answer.status == 400 and "'json'" in answer.json["error"]["message"], answer
    (request,) = emulator.inference()
    assert "json_object" in request["body"] and request["body"].lower().count("json") == 1
    answer = ask(site, model, "Name a city, as JSON.", **more)
    assert answer.status == 200 and isinstance(json.loads(said(answer)), dict), answer


@pytest.mark.parametrize("model", (CLAUDE, GEMINI, "amazon--nova-lite"))
@pytest.mark.parametrize("ask", (chat, responses, gemini))
def test_others_answer_without_it(site, ask, model):
    answer = ask(site, model, 'Name a city. {{emu: text={"city":"Ulm"} }}')
    assert answer.status == 200 and isinstance(json.loads(said(answer)), dict), answer
