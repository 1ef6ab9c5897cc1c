"""The Responses API's memory: earlier responses at Azure, and in the gateway's own store."""
import json
import os
import time

import pytest

import harness
from harness import CLAUDE, GEMINI, GPT

OTHER_KEY = "sk-test-of-somebody-else"
REASONER = "gpt-5"
READ = {"type": "function", "name": "read", "description": "read a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
PATCH = {"type": "custom", "name": "apply_patch", "description": "patch",
         "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}


@pytest.fixture
def state(directory):
    place = directory / f"state.{time.monotonic_ns()}"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def make(gateway, settings, state):
    """make(keep, processes) starts a gateway with two keys and its own state."""
    def start(keep=False, processes=1, server="lighttpd", accounts=("alpha",), **changes):
        config = settings(accounts=accounts, state_dir=str(state), **changes)
        config["secret_authentication_tokens"].append(OTHER_KEY)
        if keep:
            config["responses"] = {"store": True, **(keep if isinstance(keep, dict) else {})}
        return gateway(server, config, processes=processes)
    return start


def create(site, model, text, key=harness.KEY, **more):
    answer = site.post("/v1/responses", {"model": model, "input": text, **more}, key=key)
    assert answer.status == 200, answer
    return answer.json


def text_of(response):
    return "".join(p["text"] for i in response["output"] if i["type"] == "message"
                   for p in i["content"])


def kept(state):
    return [p for p in (state / "responses").glob("*.json")]


def not_found(answer, response_id):
    assert answer.status == 404, answer
    assert answer.json["error"] == {
        "message": f"Response with id '{response_id}' not found.",
        "type": "invalid_request_error", "param": None, "code": None}


def previous_not_found(answer, response_id):
    assert answer.status == 400, answer
    assert answer.json["error"] == {
        "message": f"Previous response with id '{response_id}' not found.",
        "type": "invalid_request_error", "param": "previous_response_id",
        "code": "previous_response_not_found"}


def everything(site, response_id, key=harness.KEY):
    """All that can be asked about a response."""
    path = f"/v1/responses/{response_id}"
    return [site.get(path, key=key), site.get(path + "/input_items", key=key),
            site.post(path + "/cancel", None, key=key), site.ask("DELETE", path, key=key)]


# --- Azure's --------------------------------------------------------------------------------------

@pytest.mark.parametrize("prefix", ["/v1/responses", "/openai/v1/responses", "/openai/responses"])
def test_azure_answers_about_its_own(site, emulator, prefix):
    answer = site.post("/v1/responses", {"model": GPT, "input": f"about {prefix}"})
    made, path = answer.json, f"{prefix}/{answer.json['id']}"
    got = site.get(path)
    assert got.status == 200 and got.body == answer.body
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-corelay-target"] == answer.headers["x-corelay-target"]
    items = site.get(path + "/input_items?limit=5&order=asc").json
    assert items["object"] == "list" and items["data"][0]["content"] == f"about {prefix}"
    assert emulator.inference()[-1]["path"].endswith("/input_items")
    cancel = site.post(path + "/cancel", None)
    assert cancel.status == 400
    assert cancel.json["error"]["message"] == "Cannot cancel a synchronous response."
    gone = site.ask("DELETE", path)
    assert gone.json == {"deleted": True, "id": made["id"], "object": "response.deleted"}
    not_found(site.get(path), made["id"])


def test_methods_of_stored_responses(site):
    answer = site.post("/v1/responses/resp_1", {})
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD, DELETE, OPTIONS"
    assert site.get("/v1/responses/resp_1/cancel").status == 405
    assert site.get("/v1/responses/resp_1", key=None).status == 401


@pytest.mark.parametrize("odd", ["..%2f..%2fadmin", "a%20b", "x?y".replace("?", "%3f"), "%00",
                                 "a" * 600])
def test_odd_ids_go_nowhere(site, emulator, odd):
    assert site.get(f"/v1/responses/{odd}").status in (400, 403, 404, 414)
    assert emulator.inference() == []


def test_the_callers_query_is_sifted(site, emulator):
    made = create(site, GPT, "sifted")
    answer = site.get(f"/v1/responses/{made['id']}?include[]=a.b&key=x&api-version=y&stream=false",
                      key=None, headers={"X-Api-Key": harness.KEY})
    assert answer.status == 401  # two keys; the right one alone
    answer = site.get(f"/v1/responses/{made['id']}?include[]=a%26b&key={harness.KEY}"
                      "&api-version=y&stream=false", key=None)
    assert answer.status == 200, answer
    sent = emulator.inference()[-1]
    text = json.dumps(sent)
    assert harness.KEY not in text and "api-version=y" not in text


def test_azure_places_hold_for_all_processes(make, emulator):
    site = make(processes=4, accounts=("alpha", "beta"))
    made = [create(site, REASONER, f"hello {i}", reasoning={"effort": "low"}) for i in range(6)]
    before = len(emulator.inference())
    for response in made:
        answer = site.post("/v1/responses", {"model": REASONER, "input": "again",
                                             "previous_response_id": response["id"]})
        assert answer.status == 200 and answer.json["previous_response_id"] == response["id"]
        assert answer.headers["x-corelay-attempts"] == "1"
        got = site.get(f"/v1/responses/{response['id']}")
        assert got.status == 200 and got.headers["x-corelay-attempts"] == "1"
    assert len(emulator.inference()) == before + 12  # nobody was asked in vain


def test_a_place_without_the_target_is_asked_nowhere_else(make, emulator):
    site = make(accounts=("alpha", "beta"))
    made = create(site, REASONER, "only here")
    emulator.fault("status", times=-1, status=503, match={"path": "/v2/inference/"})
    before = len(emulator.inference())
    answer = site.post("/v1/responses", {"model": REASONER, "input": "again",
                                         "previous_response_id": made["id"]})
    assert answer.status in (502, 503), answer
    targets = {r["path"].split("/")[4] for r in emulator.inference()[before:]}
    assert len(targets) == 1


def test_unknown_to_us_is_looked_for(make, state, emulator):
    site = make(accounts=("alpha", "beta"))
    made = [create(site, REASONER, f"hello {i}") for i in range(4)]
    for path in (state / "response-places").glob("*.json"):
        path.unlink()
    for response in made:
        assert site.get(f"/v1/responses/{response['id']}").status == 200
        answer = site.post("/v1/responses", {"model": REASONER, "input": "again",
                                             "previous_response_id": response["id"]})
        assert answer.status == 200, answer
    not_found(site.get("/v1/responses/resp_nowhere"), "resp_nowhere")


def test_azure_responses_of_another_key_do_not_exist(make, emulator):
    site = make(processes=2, accounts=("alpha", "beta"))
    made = create(site, GPT, "mine alone")
    before = len(emulator.inference())
    for answer in everything(site, made["id"], key=OTHER_KEY):
        not_found(answer, made["id"])
    previous_not_found(site.post("/v1/responses", {
        "model": GPT, "input": "x", "previous_response_id": made["id"]}, key=OTHER_KEY), made["id"])
    assert len(emulator.inference()) == before
    assert site.get(f"/v1/responses/{made['id']}").status == 200


def test_places_hold_no_content(make, state):
    site = make()
    made = create(site, GPT, "a very private question")
    files = [p for p in state.rglob("*") if p.is_file()]
    text = b"".join(p.read_bytes() for p in files)
    assert made["id"].encode() in text
    assert b"private question" not in text and harness.KEY.encode() not in text
    assert not (state / "responses").exists()


def test_not_stored_has_no_place(make, state):
    site = make()
    create(site, GPT, "forget it", store=False)
    assert list((state / "response-places").glob("*.json")) == []


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"{" * 99),
                                    lambda p: p.write_bytes(os.urandom(4096)),
                                    lambda p: p.write_text('{"corelay_place":1,"id":"resp_x"}'),
                                    lambda p: p.chmod(0o644), lambda p: (p.unlink(), p.mkdir())])
def test_damaged_places_are_not_there(make, state, damage):
    site = make()
    made = create(site, GPT, "hello")
    for path in list((state / "response-places").glob("*.json")):
        damage(path)
    assert site.get(f"/v1/responses/{made['id']}").status == 200  # looked for
    assert "treated as if it were not there" in site.log_text()


def test_another_model_cannot_go_on_from_azures(make):
    site = make()
    made = create(site, GPT, "hello")
    for model in (REASONER, CLAUDE):
        answer = site.post("/v1/responses", {"model": model, "input": "x",
                                             "previous_response_id": made["id"]})
        assert answer.status == 400, answer
        assert answer.json["error"]["param"] == "previous_response_id"
        assert GPT in answer.json["error"]["message"]


def test_background(make, emulator):
    site = make(accounts=("alpha", "beta"), processes=2)
    made = create(site, REASONER, "take your time", background=True)
    assert made["status"] == "queued"
    path = f"/v1/responses/{made['id']}"
    seen = [site.get(path).json["status"] for _ in range(3)]
    assert seen == ["in_progress", "completed", "completed"]
    made = create(site, REASONER, "never mind", background=True)
    assert site.post(f"/v1/responses/{made['id']}/cancel", None).json["status"] == "cancelled"
    answer = site.post("/v1/responses", {"model": CLAUDE, "input": "x", "background": True})
    assert answer.status == 400 and answer.json["error"]["param"] == "background"


def test_background_is_counted_once(make):
    """With the first request that brings its usage, whoever asks how often."""
    site = make(accounts=("alpha", "beta"), processes=2)
    made = create(site, REASONER, "take your time", background=True)
    path = f"/v1/responses/{made['id']}"
    answers = [site.get(path).json for _ in range(4)]
    assert [a["status"] for a in answers] == ["in_progress"] + 3 * ["completed"]
    body = {"model": REASONER, "input": "now", "background": True, "stream": True}
    events = [json.loads(p) for _, p in site.stream("/v1/responses", body).data()]
    streamed = f"/v1/responses/{events[0]['response']['id']}"
    site.get(streamed)
    site.get(f"{streamed}?stream=true")
    whole = create(site, REASONER, "in front")
    site.get(f"/v1/responses/{whole['id']}")
    counted = [(r["path"], r.get("usage", {}).get("output")) for r in site.records()
               if "/responses" in r.get("path", "")]
    used = answers[-1]["usage"]["output_tokens"]
    assert counted[:5] == [("/v1/responses", None), (path, None), (path, used), (path, None), (path, None)]
    assert [bool(n) for _, n in counted[5:]] == [True, False, False, True, False], counted


def test_background_stream_is_taken_up_again(site):
    body = {"model": REASONER, "input": "in the background", "background": True, "stream": True}
    first = [json.loads(p) for _, p in site.stream("/v1/responses", body).data()]
    response_id = first[0]["response"]["id"]
    again = site.get(f"/v1/responses/{response_id}?stream=true&starting_after=2")
    assert again.headers["content-type"].startswith("text/event-stream")
    frames = [f.split("\n") for f in again.text.split("\n\n") if f]
    events = [json.loads(lines[-1][5:]) for lines in frames]
    assert [e["sequence_number"] for e in events] == [e["sequence_number"] for e in first][3:]
    assert all(lines[0] == f"event: {e['type']}" for lines, e in zip(frames, events))
    whole = create(site, REASONER, "in front")
    refused = site.get(f"/v1/responses/{whole['id']}?stream=true")
    assert refused.status == 400, refused


def test_compact(site):
    history = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"},
               {"role": "user", "content": "three"}]
    answer = site.post("/v1/responses/compact", {"model": REASONER, "input": history,
                                                 "tools": [READ], "parallel_tool_calls": True})
    assert answer.status == 200, answer
    assert answer.json["object"] == "response.compaction"
    assert answer.json["output"][-1]["type"] == "compaction"
    more = create(site, REASONER, answer.json["output"] + [{"role": "user", "content": "four"}])
    assert "four" in text_of(more)
    for model in (CLAUDE, GEMINI):
        refused = site.post("/v1/responses/compact", {"model": model, "input": history})
        assert refused.status == 400 and refused.json["error"]["param"] == "model"
        refused = site.post("/v1/responses", {"model": model, "input": answer.json["output"]})
        assert refused.status == 400 and refused.json["error"]["param"].endswith("].encrypted_content")


# --- our own --------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_nothing_is_kept_unless_it_is_asked_for(make, state, model):
    site = make()
    answer = site.post("/v1/responses", {"model": model, "input": "hello"})
    assert answer.json["store"] is False
    not_found(site.get(f"/v1/responses/{answer.json['id']}"), answer.json["id"])
    previous_not_found(site.post("/v1/responses", {
        "model": model, "input": "x", "previous_response_id": answer.json["id"]}),
        answer.json["id"])
    site = make(keep=True)
    assert create(site, model, "not this", store=False)["store"] is False
    assert kept(state) == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_kept_answers_over_processes(make, state, emulator, model, stream):
    site = make(keep=True, processes=4)
    body = {"model": model, "input": "first question", "metadata": {"a": "b"}}
    if stream:
        events = [json.loads(p) for _, p in
                  site.stream("/v1/responses", {**body, "stream": True}).data()]
        assert events[0]["response"]["store"] is True
        first = events[-1]["response"]
    else:
        answer = site.post("/v1/responses", {**body, "store": True})
        assert "x-corelay-dropped" not in answer.headers
        first = answer.json
    assert first["store"] is True and first["previous_response_id"] is None
    for _ in range(4):
        assert site.get(f"/v1/responses/{first['id']}").json == first
    second = create(site, model, "second question", previous_response_id=first["id"],
                    instructions="Be brief.")
    assert second["previous_response_id"] == first["id"] and second["id"] != first["id"]
    sent = emulator.inference()[-1]["body"]
    assert sent.index("first question") < sent.index("You said: first") < sent.index("second question")
    third = create(site, model, [{"role": "user", "content": "third"}],
                   previous_response_id=second["id"])
    sent = emulator.inference()[-1]["body"]
    assert "Be brief." not in sent  # instructions are not carried over
    items = site.get(f"/v1/responses/{third['id']}/input_items?order=asc").json
    texts = [p["text"] for i in items["data"] for p in i["content"]]
    assert texts == ["first question", text_of(first), "second question", text_of(second), "third"]
    assert [i["type"] for i in items["data"]] == ["message"] * 5
    assert len({i["id"] for i in items["data"]}) == 5
    assert items["first_id"] == items["data"][0]["id"] and items["has_more"] is False
    page = site.get(f"/v1/responses/{third['id']}/input_items?limit=2").json
    assert page["has_more"] is True
    assert [p["text"] for i in page["data"] for p in i["content"]] == ["third", text_of(second)]
    page = site.get(f"/v1/responses/{third['id']}/input_items?limit=2&after={page['last_id']}").json
    assert [p["text"] for i in page["data"] for p in i["content"]] == ["second question",
                                                                       text_of(first)]
    cancel = site.post(f"/v1/responses/{first['id']}/cancel", None)
    assert cancel.status == 400
    assert cancel.json["error"]["message"] == "Cannot cancel a synchronous response."
    assert site.ask("DELETE", f"/v1/responses/{first['id']}").json == {
        "id": first["id"], "object": "response.deleted", "deleted": True}
    not_found(site.get(f"/v1/responses/{first['id']}"), first["id"])
    previous_not_found(site.post("/v1/responses", {  # its beginning is gone
        "model": model, "input": "x", "previous_response_id": second["id"]}), first["id"])


@pytest.mark.parametrize("model", [CLAUDE, "gemini-3.5-flash", REASONER])
def test_tools_and_thinking_go_on_from_what_is_kept(make, emulator, model):
    """Signatures, encrypted reasoning and free-form calls are in the store as they came."""
    site = make(keep=True, processes=2)
    tools = [READ, PATCH]
    options = {"tools": tools, "reasoning": {"effort": "low", "summary": "auto"},
               "include": ["reasoning.encrypted_content"]}
    emulator.control("POST", "/scripts", {"match": "fix it", "steps": [
        {"tool_calls": [{"name": "read", "args": {"path": "a"}},
                        {"name": "apply_patch", "args": {"input": "*** é"}}]},
        {"tool_calls": [{"name": "read", "args": {"path": "b"}}]}, {"text": "all done"}]})
    response = create(site, model, "fix it", **options)
    for _ in range(2):
        calls = [i for i in response["output"] if i["type"].endswith("_call")]
        assert calls and response["store"] is True
        outputs = [{"type": c["type"] + "_output", "call_id": c["call_id"], "output": "ok"}
                   for c in calls]
        response = create(site, model, outputs, previous_response_id=response["id"], **options)
    assert text_of(response) == "all done"


def test_references_to_kept_items(make):
    site = make(keep=True)
    first = create(site, CLAUDE, "remember the word abracadabra")
    answer = site.post("/v1/responses", {"model": CLAUDE, "input": [
        {"role": "user", "content": "hello"},
        *[{"type": "item_reference", "id": i["id"]} for i in first["output"]],
        {"role": "user", "content": "again"}]})
    assert answer.status == 200, answer
    stolen = site.post("/v1/responses", {"model": CLAUDE, "input": [
        {"type": "item_reference", "id": first["output"][0]["id"]}]}, key=OTHER_KEY)
    assert stolen.status == 400


def test_kept_answers_of_another_key_do_not_exist(make, emulator):
    site = make(keep=True, processes=2)
    made = create(site, CLAUDE, "mine alone")
    before = len(emulator.inference())
    for answer in everything(site, made["id"], key=OTHER_KEY):
        not_found(answer, made["id"])
    previous_not_found(site.post("/v1/responses", {
        "model": CLAUDE, "input": "x", "previous_response_id": made["id"]}, key=OTHER_KEY),
        made["id"])
    assert len(emulator.inference()) == before


def test_a_kept_conversation_moves_to_azure(make, emulator):
    site = make(keep=True)
    first = create(site, CLAUDE, "say something", reasoning={"effort": "low"})
    second = create(site, REASONER, "go on", previous_response_id=first["id"])
    sent = emulator.inference()[-1]["body"]
    assert "say something" in sent and "You said" in sent and "previous_response_id" not in sent
    third = create(site, REASONER, "and on", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"]


@pytest.mark.parametrize("damage", [
    lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), lambda p: p.write_bytes(b""),
    lambda p: p.write_bytes(os.urandom(4096)), lambda p: p.chmod(0o644),
    lambda p: p.write_text('{"corelay_answer":1,"id":"resp_x","owner":"o","input":[],"response":{}}'),
    lambda p: (p.unlink(), p.symlink_to("/etc/hostname")), lambda p: (p.unlink(), p.mkdir())])
def test_damaged_answers_are_not_there(make, state, damage):
    site = make(keep=True)
    made = create(site, CLAUDE, "hello")
    path, = kept(state)
    damage(path)
    not_found(site.get(f"/v1/responses/{made['id']}"), made["id"])
    assert "treated as if it were not there" in site.log_text()
    assert create(site, CLAUDE, "goes on")["store"] is True


def test_what_is_kept_is_private_and_bounded(make, state):
    site = make(keep={"store_bytes": 1 << 20})
    made = [create(site, CLAUDE, f"{i} " + "x" * 100_000) for i in range(20)]
    files = kept(state)
    assert 3 < len(files) < 12
    assert sum(p.stat().st_size for p in files) < (1 << 20) * 17 // 16
    assert {oct(p.stat().st_mode & 0o777) for p in files} == {"0o600"}
    assert oct((state / "responses").stat().st_mode & 0o777) == "0o700"
    assert site.get(f"/v1/responses/{made[-1]['id']}").status == 200
    not_found(site.get(f"/v1/responses/{made[0]['id']}"), made[0]["id"])


def test_what_is_kept_ages(make, state):
    site = make(keep={"store_seconds": 3600})
    made = create(site, CLAUDE, "hello")
    path, = kept(state)
    os.utime(path, (time.time() - 3000,) * 2)
    create(site, CLAUDE, "again", previous_response_id=made["id"])
    assert time.time() - path.stat().st_mtime < 600  # it is used, so it lasts
    os.utime(path, (time.time() - 4000,) * 2)
    not_found(site.get(f"/v1/responses/{made['id']}"), made["id"])


def test_broken_streams_are_kept_as_failed(make, emulator):
    site = make(keep=True)
    emulator.fault("cut", after_events=6, match={"path": "/v2/inference/"})
    events = [json.loads(p) for _, p in site.stream("/v1/responses", {
        "model": CLAUDE, "input": "{{emu: bytes=400}}", "stream": True}).data()]
    failed = events[-1]["response"]
    assert failed["status"] == "failed"
    assert site.get(f"/v1/responses/{failed['id']}").json == failed


def test_a_repeated_request_id_does_not_overwrite(make):
    site = make(keep=True)
    headers = {"X-Request-Id": "always-the-same"}
    ids = {site.post("/v1/responses", {"model": CLAUDE, "input": f"{i}"}, headers=headers).json["id"]
           for i in range(3)}
    assert len(ids) == 3
    assert all(site.get(f"/v1/responses/{i}").status == 200 for i in ids)


def test_a_conversation_that_is_too_large(make):
    site = make(keep=True, limits={"body_bytes": 200_000})
    response = create(site, CLAUDE, "x" * 90_000)
    answer = None
    for _ in range(4):
        answer = site.post("/v1/responses", {"model": CLAUDE, "input": "x" * 90_000,
                                             "previous_response_id": response["id"]})
        if answer.status != 200:
            break
        response = answer.json
    assert answer.status == 413, answer
