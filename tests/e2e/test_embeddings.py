"""Embeddings of every family, and one request in several calls."""
import base64
import struct

import pytest

import harness

TITAN, TITAN_IMAGE = "amazon--titan-embed-text", "amazon--titan-embed-image"
GEMINI, NVIDIA = "gemini-embedding", "nvidia--llama-3.2-nv-embedqa-1b"
AZURE, ADA = "text-embedding-3-small", "text-embedding-ada-002"
ALL = (AZURE, TITAN, GEMINI, NVIDIA)
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
         "gg==")


def embed(site, model, inputs, **more):
    return site.post("/v1/embeddings", {"model": model, "input": inputs, **more})


def floats(text):
    raw = base64.b64decode(text, validate=True)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def alone(site, model, text):
    return embed(site, model, text).json["data"][0]["embedding"]


@pytest.mark.parametrize("model", ALL)
def test_several_inputs_come_back_in_order(site, emulator, model):
    texts = [f"text number {i}" for i in range(20)]
    answer = embed(site, model, texts)
    assert answer.status == 200, answer
    data = answer.json["data"]
    assert [one["index"] for one in data] == list(range(20))
    assert [one["embedding"] for one in data] == [alone(site, model, t) for t in texts]
    assert answer.json["model"] == model
    tokens = sum((len(t) + 3) // 4 for t in texts)
    assert answer.json["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


@pytest.mark.parametrize("model", (TITAN, GEMINI))  # the others make it themselves
def test_base64_is_the_same_numbers(site, model):
    numbers = embed(site, model, ["one", "two"]).json["data"]
    coded = embed(site, model, ["one", "two"], encoding_format="base64").json["data"]
    for a, b in zip(numbers, coded):
        assert [struct.unpack("<f", struct.pack("<f", n))[0] for n in a["embedding"]] == \
            floats(b["embedding"])


@pytest.mark.parametrize("model", (TITAN, GEMINI))
def test_one_call_for_each_input(site, emulator, model):
    assert embed(site, model, ["a", "b", "c"], dimensions=256).status == 200
    calls = emulator.inference()
    assert len(calls) == 3 and all('"c"' in c["body"] or '"b"' in c["body"] or '"a"' in c["body"]
                                   for c in calls)
    emulator.reset()
    assert embed(site, AZURE, ["a", "b", "c"]).status == 200
    assert embed(site, NVIDIA, [f"{i}" for i in range(51)]).status == 200
    assert len(emulator.inference()) == 3  # one, and 50 and 1


@pytest.mark.parametrize("model", (TITAN, GEMINI))
def test_a_part_that_fails_is_tried_again(gateway, emulator, model):
    site = gateway("lighttpd")
    emulator.fault("status", code=503, match={"model": model}, skip=1)
    answer = embed(site, model, ["a", "b", "c", "d"])
    assert answer.status == 200, answer
    assert answer.headers["x-corelay-attempts"] == "5"
    record = [r for r in site.records() if r.get("path", "").endswith("/embeddings")]
    assert len(record) == 1 and record[0]["status"] == 200 and record[0]["attempts"] == 5, record
    assert record[0]["usage"]["input"] == 4, record


def test_a_failure_ends_the_rest(gateway, emulator):
    site = gateway("lighttpd")
    emulator.settings(latency_ms=300)
    emulator.fault("status", code=400, message="no", match={"model": TITAN})
    answer = embed(site, TITAN, [f"text {i}" for i in range(40)])
    assert answer.status == 400 and answer.json["error"]["type"] == "invalid_request_error"
    assert len(emulator.inference()) <= 9  # those that were under way, and hardly more
    record = [r for r in site.records() if r.get("path", "").endswith("/embeddings")]
    assert len(record) == 1 and record[0]["status"] == 400, record


def test_at_most_eight_at_once(site, emulator):
    emulator.settings(latency_ms=150)
    assert embed(site, TITAN, [f"text {i}" for i in range(24)]).status == 200
    calls = emulator.inference()
    at_once = max(sum(o["time_ms"] <= c["time_ms"] < o["ended_ms"] for o in calls) for c in calls)
    assert len(calls) == 24 and 2 <= at_once <= 8


def test_a_caller_who_leaves_ends_all_parts(gateway, emulator):
    site = gateway("nginx")  # notices at once; others may wait until there is something to write
    emulator.fault("hang", times=-1, match={"model": TITAN})
    stream_body = {"model": TITAN, "input": [f"text {i}" for i in range(40)]}
    connection, _ = site.send("POST", "/v1/embeddings", stream_body)
    harness.wait_for(lambda: len(emulator.inference()) == 8, what="eight calls")
    connection.close()
    harness.wait_for(lambda: all(c.get("closed_ms") for c in emulator.inference()),
                     what="the end of all calls")
    assert len(emulator.inference()) == 8
    record = harness.wait_for(lambda: [r for r in site.records() if r.get("outcome") == "cancelled"],
                              what="the record")
    assert len(record) == 1 and record[0]["attempts"] == 8


def test_gemini_batches_reach_every_family(site):
    for model in (AZURE, TITAN, GEMINI, NVIDIA):
        answer = site.post(f"/v1beta/models/{model}:batchEmbedContents", {"requests": [
            {"model": f"models/{model}", "content": {"parts": [{"text": t}]},
             "taskType": "RETRIEVAL_QUERY"} for t in ("a", "b", "c")]})
        assert answer.status == 200, answer
        vectors = [one["values"] for one in answer.json["embeddings"]]
        assert vectors == [alone(site, model, t) for t in ("a", "b", "c")]
        assert answer.json["usageMetadata"]["promptTokenCount"] == 3


def test_what_a_model_has_not_is_refused_by_name(site, emulator):
    cases = ((TITAN, {"input": [1, 2, 3]}, "input"), (GEMINI, {"input": [[1], [2]]}, "input"),
             (NVIDIA, {"input": [1]}, "input"), (ADA, {"input": "a", "dimensions": 3}, "dimensions"),
             (harness.CLAUDE, {"input": "a"}, "model"), (TITAN, {"input": []}, "input"),
             (TITAN, {"input": ["a"] * 2049}, "input"))
    for model, body, param in cases:
        answer = site.post("/v1/embeddings", {"model": model, **body})
        assert answer.status == 400, (model, answer)
        assert answer.json["error"]["param"] == param, (model, answer)
    assert emulator.inference() == []
    assert embed(site, AZURE, [[1, 2], [3]]).status == 200


def test_images_become_vectors(site, emulator):
    url = f"data:image/png;base64,{PIXEL}"
    answer = embed(site, TITAN_IMAGE, ["a cat", url], dimensions=384)
    assert answer.status == 200, answer
    assert [len(one["embedding"]) for one in answer.json["data"]] == [384, 384]
    both = site.post(f"/v1beta/models/{TITAN_IMAGE}:embedContent", {"content": {"parts": [
        {"text": "a cat"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}})
    assert both.status == 200 and len(both.json["embedding"]["values"]) == 1024
    sent = emulator.inference()[-1]["body"]
    assert '"inputText":"a cat"' in sent and PIXEL in sent
    refused = site.post(f"/v1beta/models/{TITAN}:embedContent", {"content": {"parts": [
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}})
    assert refused.status == 400 and "images" in refused.json["error"]["message"]


def test_a_large_batch_of_long_vectors(site):
    """Six million numbers: a tree of them would not fit in the memory that a request may take."""
    answer = embed(site, "text-embedding-3-large", [f"text {i}" for i in range(2000)])
    assert answer.status == 200 and len(answer.json["data"]) == 2000
