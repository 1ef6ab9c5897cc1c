"""Documents in order: Cohere's rerank, in both versions of its API."""
import pytest

import harness

MODEL = "cohere-reranker-35"
DOCUMENTS = ["red apples", "the capital of France is Paris", "France"]


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank", "/cohere/v2/rerank"])
def test_documents_come_back_in_order(gateway, path):
    site = gateway("lighttpd", prefix="/ai")
    answer = site.post(path, {"model": MODEL, "query": "capital of France", "documents": DOCUMENTS})
    assert answer.status == 200, answer
    results = answer.json["results"]
    assert [one["index"] for one in results] == [1, 2, 0]
    assert results[0]["relevance_score"] > results[1]["relevance_score"]
    assert all(set(one) == {"index", "relevance_score"} for one in results)
    assert answer.json["meta"]["billed_units"]["search_units"] == 1
    assert answer.json["usage"]["total_tokens"] > 0 and answer.json["id"]
    record = [r for r in site.records() if r.get("path", "").endswith("rerank")][-1]
    assert record["family"] == "cohere-rerank" and record["usage"]["input"] > 0


def test_documents_may_be_objects(site, emulator):
    documents = [{"text": "red apples", "id": 12345678901234567890},
                 {"title": "Paris", "text": "the capital of France"}, "F\u00e9lix \"quoted\""]
    answer = site.post("/v2/rerank", {
        "model": MODEL, "query": "capital of France", "documents": documents, "top_n": 2,
        "return_documents": True})
    assert [one["document"] for one in answer.json["results"]] == [documents[1], documents[0]]
    assert "12345678901234567890" in answer.text
    fields = site.post("/v1/rerank", {
        "model": MODEL, "query": "Paris", "rank_fields": ["title", "n"], "max_chunks_per_doc": 3,
        "documents": [{"title": "Rome", "n": 1}, {"title": "Paris", "n": 2}]})
    assert [one["index"] for one in fields.json["results"]] == [1, 0]
    assert fields.headers["x-corelay-dropped"] == "max_chunks_per_doc"
    sent = emulator.inference()[-1]["body"]
    assert '"title: Paris\\nn: 2"' in sent


def test_top_n_beyond_the_documents(site):
    answer = site.post("/v2/rerank", {"model": MODEL, "query": "x", "documents": ["a"], "top_n": 9})
    assert answer.status == 200 and len(answer.json["results"]) == 1


@pytest.mark.parametrize("change, word", [
    ({"documents": []}, "documents"), ({"documents": None}, "documents"), ({"query": ""}, "query"),
    ({"documents": ["a", ""]}, "documents[1]"), ({"documents": [{"title": "x"}]}, "text"),
    ({"top_n": 0}, "top_n"), ({"model": harness.CLAUDE}, "order documents"), ({"model": None}, "model"),
    ({"rank_fields": [1]}, "rank_fields"), ({"return_documents": "yes"}, "return_documents")])
def test_errors_are_cohere_s(site, emulator, change, word):
    body = {"model": MODEL, "query": "x", "documents": ["a"], **change}
    answer = site.post("/v2/rerank", body)
    assert answer.status == 400, answer
    assert set(answer.json) == {"id", "message"} and word in answer.json["message"], answer
    assert emulator.inference() == []


def test_other_errors(site, emulator):
    body = {"model": MODEL, "query": "x", "documents": ["a"]}
    assert "message" in site.post("/v2/rerank", body, key=None).json
    assert site.post("/v2/rerank", {**body, "model": "none"}).status == 404
    emulator.fault("status", code=429, times=-1, match={"model": MODEL})
    answer = site.post("/v2/rerank", body)
    assert answer.status == 429 and "message" in answer.json
    emulator.reset()
    chat = site.chat(model=MODEL)
    assert chat.status == 400 and "chat" in chat.json["error"]["message"]
