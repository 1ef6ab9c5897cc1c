"""Sources that the request held, cited by Claude through its own API and through Converse, and those that
Gemini found: what callers of each API get of them.

Behind lighttpd alone: none of it depends on the web server.
"""
import json

import pytest

from harness import CLAUDE, GEMINI

CONVERSE = "anthropic--claude-4.6-sonnet"
NOTES, CITY = "Zürich lies in Switzerland.", "Bern is smaller."


@pytest.fixture(scope="module")
def one_gateway(long_lived, settings):
    return long_lived("lighttpd", settings(models={CONVERSE: {"family": "bedrock-converse"}}))


@pytest.fixture
def site(one_gateway, emulator):
    return one_gateway


def document(text, cite=True):
    return {"type": "document", "title": "Notes", "citations": {"enabled": cite},
            "source": {"type": "text", "media_type": "text/plain", "data": text}}


def found(text):
    return {"type": "search_result", "source": "https://example.test/bern", "title": "Bern",
            "content": [{"type": "text", "text": text}], "citations": {"enabled": True}}


def messages(site, model, content, stream=False, **more):
    body = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": content}], **more}
    if not stream:
        answer = site.post("/v1/messages", body)
        assert answer.status == 200, answer
        return [c for b in answer.json["content"] for c in b.get("citations") or ()]
    frames = site.stream("/v1/messages", {**body, "stream": True})
    events = [json.loads(line[6:]) for _, line in frames.lines() if line.startswith("data: ")]
    assert events[-1]["type"] == "message_stop"
    return [e["delta"]["citation"] for e in events
            if e["type"] == "content_block_delta" and e["delta"]["type"] == "citations_delta"]


@pytest.mark.parametrize("stream", (False, True))
@pytest.mark.parametrize("model", (CLAUDE, CONVERSE))
def test_documents_are_cited(site, emulator, model, stream):
    content = [document(NOTES), document(CITY), {"type": "text", "text": "Where?"}]
    first, second = messages(site, model, content, stream)
    assert first["type"] == "char_location" and first["cited_text"] == NOTES
    assert (first["document_index"], first["start_char_index"], first["end_char_index"]) == (0, 0, 27)
    assert (second["document_index"], second["cited_text"]) == (1, CITY)
    assert emulator.inference()[0]["body"].count('"enabled":') == 2
    content = [document(NOTES, False), {"type": "text", "text": "Where?"}]
    assert messages(site, model, content, stream) == []


@pytest.mark.parametrize("stream", (False, True))
def test_search_results_are_cited(site, stream):
    """In the user's turn, and in what a tool found."""
    (one,) = messages(site, CLAUDE, [found(CITY), {"type": "text", "text": "Where?"}], stream)
    assert one["type"] == "search_result_location" and one["cited_text"] == CITY
    assert one["source"] == "https://example.test/bern" and one["search_result_index"] == 0
    turns = [{"role": "user", "content": "Where?"},
             {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}]},
             {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
                                           "content": [found(CITY), found(NOTES)]}]}]
    tools = [{"name": "find", "input_schema": {"type": "object"}}]
    both = messages(site, CLAUDE, None, stream, messages=turns, tools=tools)
    assert [(c["search_result_index"], c["cited_text"]) for c in both] == [(0, CITY), (1, NOTES)]


def test_citations_come_back(site):
    """A client replays what it got, citations and all."""
    content = [document(NOTES), {"type": "text", "text": "Where?"}]
    for model in (CLAUDE, CONVERSE):
        body = {"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": content}]}
        answer = site.post("/v1/messages", body)
        assert answer.json["content"][0]["citations"]
        body["messages"] += [{"role": "assistant", "content": answer.json["content"]},
                             {"role": "user", "content": "Sure?"}]
        assert site.post("/v1/messages", body).status == 200


def test_who_cannot_cite_says_so(site):
    content = [document(NOTES), {"type": "text", "text": "Where?"}]
    for model in (GEMINI, "gpt-4.1", "amazon--nova-lite"):
        answer = site.post("/v1/messages", {"model": model, "max_tokens": 500,
                                            "messages": [{"role": "user", "content": content}]})
        assert answer.status == 200, answer
        assert "document.citations" in answer.headers["x-corelay-dropped"]


def test_what_google_found(site):
    body = {"contents": [{"role": "user", "parts": [{"text": "What is new, Zürich?"}]}],
            "tools": [{"googleSearch": {}}]}
    answer = site.post(f"/v1beta/models/{GEMINI}:generateContent", body)
    (candidate,) = answer.json["candidates"]
    metadata = candidate["groundingMetadata"]
    assert metadata["groundingChunks"][0]["web"]["uri"] == "https://example.test/source"
    said = "".join(p["text"] for p in candidate["content"]["parts"])
    assert metadata["groundingSupports"][0]["segment"]["endIndex"] == len(said.encode())
    frames = site.stream(f"/v1beta/models/{GEMINI}:streamGenerateContent?alt=sse", body)
    chunks = [json.loads(line[6:]) for _, line in frames.lines() if line.startswith("data: ")]
    assert chunks[-1]["candidates"][0]["groundingMetadata"] == metadata
