"""The Gemini dialect behind every web server: paths with a colon, both forms of a stream."""
import json

import pytest

from harness import CLAUDE, GEMINI, GPT, KEY, PATIENCE

MODELS = [GPT, CLAUDE, GEMINI]
SLOW = "{{emu: chunks=6 delay_ms=200}} one two three four five six"


def body(text, **more):
    return {"contents": [{"parts": [{"text": text}]}], **more}


def path(model, verb, version="v1beta"):
    return f"/{version}/models/{model}:{verb}"


def said(chunks):
    return "".join(part.get("text", "") for chunk in chunks
                   for part in chunk["candidates"][0]["content"].get("parts", []))


@pytest.mark.parametrize("model", MODELS)
def test_paths(site, model):
    for where in (path(model, "generateContent"), path(model, "generateContent", "v1"),
                  path(model, "generateContent").replace(":", "%3A"),
                  "/gemini" + path(model.replace("-", "%2D"), "generateContent")):
        answer = site.post(where, body("hello"))
        assert answer.status == 200, answer
        assert "hello" in said([answer.json])


def test_keys(site):
    for query, headers in (("?key=" + KEY, {}), ("", {"x-goog-api-key": KEY})):
        answer = site.post(path(GPT, "generateContent") + query, body("hello"), headers=headers,
                           key=None)
        assert answer.status == 200, answer
    answer = site.post(path(GPT, "generateContent"), body("hello"), key="wrong")
    assert answer.status == 401 and answer.json["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_pieces_arrive_while_upstream_sends(site, emulator, model, query):
    assert site.post(path(model, "generateContent"), body("hello")).status == 200
    stream = site.stream(path(model, "streamGenerateContent") + query, body(SLOW))
    wanted = "text/event-stream" if query else "application/json"
    assert stream.status == 200 and stream.headers["content-type"].startswith(wanted)
    lines = [(at, line) for at, line in stream.lines() if "candidates" in line]
    times = [at for at, _ in lines]
    assert times[0] < times[-1] - 0.5, times
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert max(gaps) < 0.2 + 0.5 * PATIENCE, gaps
    chunks = [json.loads(line.removeprefix("data: ").lstrip("[").removesuffix("]"))
              for _, line in lines]
    assert said(chunks).endswith("one two three four five six")
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("model", MODELS)
def test_an_array_is_json_whatever_happens(gateway, settings, emulator, model):
    site = gateway("lighttpd", settings(timeouts={"keep_alive_seconds": 1}))
    where = path(model, "streamGenerateContent")
    quiet = site.post(where, body("{{emu: chunks=2 delay_ms=2500}} one two"))
    assert said(quiet.json).endswith("one two")
    assert b"\n\n" in quiet.body  # it was kept alive
    broken = site.post(where, body("{{emu: error=500 at=mid}} one two three four"))
    assert broken.status == 200 and broken.headers["content-type"].startswith("application/json")
    assert broken.json[-1]["error"]["status"] in ("UNAVAILABLE", "INTERNAL")
    refused = site.post(where, body("{{emu: error=400}}"))
    assert refused.status == 400 and refused.json["error"]["status"] == "INVALID_ARGUMENT"


def test_keep_alive_is_no_data(gateway, settings, emulator):
    site = gateway("lighttpd", settings(timeouts={"keep_alive_seconds": 1}))
    stream = site.stream(path(GPT, "streamGenerateContent") + "?alt=sse",
                         body("{{emu: chunks=2 delay_ms=2500}} one two"))
    lines = [line for _, line in stream.lines()]
    assert all(line == "" or line.startswith("data: {") for line in lines), lines
    assert lines.count("") > len(lines) - lines.count("")  # more than one behind each


def test_counts_and_lists(site):
    counted = site.post(path(CLAUDE, "countTokens"),
                        {"generateContentRequest": body("hello " * 100)}).json
    assert 100 <= counted["totalTokens"] <= 200
    names, token = [], ""
    while True:
        page = site.get(f"/v1beta/models?pageSize=7&pageToken={token}").json
        names += [one["name"] for one in page["models"]]
        token = page.get("nextPageToken")
        if not token:
            break
    assert len(names) == len(set(names)) and f"models/{CLAUDE}" in names
    assert site.get(f"/v1beta/models/{CLAUDE}").json["baseModelId"] == CLAUDE
    assert site.get("/v1beta/models/none").json["error"]["status"] == "NOT_FOUND"


def test_embeds(site):
    one = site.post(path("text-embedding-3-small", "embedContent"),
                    {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4}).json
    assert len(one["embedding"]["values"]) == 4
    two = site.post(path("text-embedding-3-small", "batchEmbedContents"),
                    {"requests": [{"content": {"parts": [{"text": t}]}} for t in "ab"]}).json
    assert len(two["embeddings"]) == 2


def test_what_is_lost_is_told(site):
    """Gemini CLI sends all of this to every model."""
    answer = site.post(path(CLAUDE, "generateContent"), body(
        "hello", safetySettings=[], tools=[{"googleSearch": {}}],
        generationConfig={"temperature": 0.5, "topP": 0.9, "topK": 64, "thinkingConfig": {
            "includeThoughts": True, "thinkingBudget": 2048}}))
    assert answer.status == 200, answer
    lost = answer.headers["x-corelay-dropped"].split(", ")
    assert {"tools.googleSearch", "safetySettings", "generationConfig.topK"} <= set(lost)
    assert said([answer.json])
