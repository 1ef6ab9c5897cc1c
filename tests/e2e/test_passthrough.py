"""What passes as it is: containers of the customer's own, and tables for SAP's RPT."""
import base64
import gzip
import http.client
import json
import urllib.parse

import pytest

import harness

NAME = "fraud-detector"
SECRETS = {"Cookie": "session=secret", "X-Api-Key": harness.KEY, "X-Feature": "on",
           "AI-Resource-Group": "team-b", "X-Corelay-Evil": "1", "Proxy-Authorization": "Basic eA=="}


@pytest.fixture(scope="module", params=harness.servers())
def open_site(request, long_lived, settings):
    """A gateway that lets containers through."""
    return long_lived(request.param, settings(
        accounts=("alpha", "beta"), aliases={"fraud": NAME},
        passthrough={"deployments": ["fraud-*", "my-own-server"], "headers": ["X-Feature"]}))


@pytest.fixture
def site_open(open_site, emulator):
    return open_site


def deployments(emulator, configuration=None):
    rows = emulator.control("GET", "/deployments")["deployments"]
    return [r for r in rows if configuration is None or r.get("configuration") == configuration]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_methods_paths_and_bodies_pass(site_open, emulator, method):
    body = bytes(range(256)) if method != "GET" else None
    answer = site_open.ask(method, f"/v1/deployments/{NAME}/some/path%20x/?a=1&b=%26&c", body,
                           {"Content-Type": "application/x-thing", "If-Match": '"v0"'})
    assert answer.status == 200, answer
    told = answer.json
    assert told["method"] == method and told["query"] == "a=1&b=%26&c"
    assert told["path"] == "/some/path x/"
    assert base64.b64decode(told["body_base64"]) == (body or b"")
    sent = {k.lower(): v for k, v in told["headers"].items()}
    assert sent["if-match"] == '"v0"' and sent["content-type"] == "application/x-thing"
    assert sent["ai-resource-group"] == "default"
    assert answer.headers["x-corelay-target"].endswith(told["deployment"])
    assert answer.headers["etag"] == '"v1"' and answer.headers["x-corelay-attempts"] == "1"


def test_head_has_no_body(site_open):
    answer = site_open.ask("HEAD", f"/v1/deployments/{NAME}/x")
    assert answer.status == 200 and answer.body == b"" and answer.headers["etag"] == '"v1"'


def test_what_must_not_cross_does_not(site_open, emulator):
    answer = site_open.ask("GET", f"/v1/deployments/{NAME}/x?key={harness.KEY}&a=1", None, SECRETS)
    sent = {k.lower(): v for k, v in answer.json["headers"].items()}
    assert answer.json["query"] == "a=1" and sent["x-feature"] == "on"
    assert not {"cookie", "x-api-key", "x-corelay-evil", "proxy-authorization"} & set(sent)
    assert harness.KEY not in answer.text and sent["ai-resource-group"] == "default"
    rude = site_open.ask("GET", f"/v1/deployments/{NAME}/rude")
    assert rude.status == 200 and rude.text == "rude" and rude.headers["x-feature"] == "on"
    assert not {"set-cookie", "location", "x-hop", "x-sendfile", "x-accel-redirect"} & set(rude.headers)


@pytest.mark.parametrize("path", [
    "/../x", "/a/../../x", "/%2e%2e/x", "/%2E%2e%2fx", "/a%2fb", "/a%5cb", "//x", "/a//b", "/./x",
    "/..;/x", "/%252e%252e/x", "/%25252e%25252e/x", "/a%00b", "/%zz", "/..%3b/x", "/%252f"])
def test_no_path_leaves_the_deployment(site_open, emulator, path):
    """Some web servers refuse or mend such a path themselves; none of it may reach another place."""
    url = urllib.parse.urlsplit(site_open.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    connection.putrequest("GET", f"{url.path}/v1/deployments/{NAME}{path}", skip_host=False)
    connection.putheader("Authorization", f"Bearer {harness.KEY}")
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    calls = emulator.inference()
    if calls:  # the server in front has mended it, so that nothing was left to object to
        assert status == 200 and ".." not in calls[0]["path"] and "//" not in calls[0]["path"]
        assert calls[0]["path"].split("/")[4] == calls[0]["deployment"]
    else:
        assert status in (400, 403, 404), status


def test_balancing_and_failover(site_open, emulator):
    for _ in range(8):
        assert site_open.get(f"/v1/deployments/fraud/x").status == 200
    assert {r["tenant"] for r in emulator.inference()} == {"alpha", "beta"}
    emulator.reset()
    emulator.fault("status", code=503, match={"family": "custom"})
    answer = site_open.post(f"/v1/deployments/{NAME}/v1/models/x:predict", {"instances": [[1, 2]]})
    assert answer.status == 200 and answer.json == {"predictions": [[1, 2]]}
    assert answer.headers["x-corelay-attempts"] == "2"


def test_what_may_have_been_done_is_not_done_again(gateway, settings, emulator):
    config = settings(accounts=("alpha", "beta"), passthrough={"deployments": ["*"]})
    site = gateway("lighttpd", config)
    emulator.fault("status", code=502, match={"family": "custom"})
    assert site.post(f"/v1/deployments/{NAME}/x", {"a": 1}).status == 502
    assert len(emulator.inference()) == 1
    emulator.reset()
    emulator.fault("status", code=502, match={"family": "custom"})
    assert site.get(f"/v1/deployments/{NAME}/x").status == 200
    assert len(emulator.inference()) == 2


@pytest.mark.parametrize("code", [201, 204, 400, 403, 404, 409, 418, 500])
def test_the_container_s_own_status_comes_back(site_open, emulator, code):
    answer = site_open.post(f"/v1/deployments/{NAME}/status/{code}", {"a": 1})
    assert answer.status == code
    assert answer.text == ("" if code == 204 else "as you like")
    assert len(emulator.inference()) == 1


def test_answers_come_as_they_arrive(site_open, emulator):
    stream = site_open.stream(f"/v1/deployments/{NAME}/stream?n=4&ms=400", "")
    times = [at for at, line in stream.lines() if line.startswith("line")]
    assert stream.status == 200 and stream.headers["content-type"] == "text/x-lines"
    assert len(times) == 4 and times[-1] - times[0] > 0.8


def test_bytes_are_bytes(site_open):
    body = gzip.compress(b"x" * 1000) + bytes(range(256)) * 1000
    answer = site_open.ask("POST", f"/v1/deployments/{NAME}/bytes", body,
                           {"Content-Type": "image/x-thing"})
    assert answer.body == body and answer.headers["content-type"] == "image/x-thing"


def test_expired_tokens_are_replaced(site_open, emulator):
    emulator.control("POST", "/tokens/revoke", {})
    assert site_open.get(f"/v1/deployments/{NAME}/x").status == 200


def test_only_what_is_allowed_is_reached(site_open, site, emulator):
    for name in ("gpt-4.1", "defaultOrchestrationConfig", "none", "..", "%2e%2e"):
        answer = site_open.get(f"/v1/deployments/{name}/x")
        assert answer.status in (403, 404), answer
    ids = [r["id"] for r in deployments(emulator)]
    assert all(site_open.get(f"/v1/deployments/{one}/x").status == 404 for one in ids[:5])
    refused = site.get(f"/v1/deployments/{NAME}/x")
    assert refused.status == 403 and "passthrough.deployments" in refused.json["error"]["message"]
    assert site_open.get(f"/v1/deployments/{NAME}/x", key=None).status == 401
    assert emulator.inference() == []


def keys_config(settings, **more):
    config = settings(api_keys=[
        {"name": "plain", "key": "test-key-plain"},
        {"name": "none", "key": "test-key-none", "passthrough": False},
        {"name": "all", "key": "test-key-all", "passthrough": True},
        {"name": "one", "key": "test-key-one", "passthrough": [NAME]},
        {"name": "other", "key": "test-key-other", "passthrough": ["other-*"]}], **more)
    del config["secret_authentication_tokens"]
    return config


@pytest.mark.parametrize("general, plain", [({}, 403), ({"deployments": ["*"]}, 200)])
def test_a_key_has_a_list_of_its_own(gateway, settings, emulator, general, plain):
    site = gateway("lighttpd", keys_config(settings, passthrough=general))
    found = {key: site.get(f"/v1/deployments/{NAME}/x", key="test-key-" + key).status
             for key in ("plain", "none", "all", "one", "other")}
    assert found == {"plain": plain, "none": 403, "all": 200, "one": 200, "other": 404}


def test_the_record_tells_of_it(gateway, settings, emulator):
    site = gateway("lighttpd", settings(passthrough={"deployments": ["*"]}))
    one = [r for r in deployments(emulator) if r["tenant"] == "alpha" and not r["model"]][0]
    assert site.get(f"/v1/deployments/{one['id']}/x").status in (200, 404)
    assert site.get(f"/v1/deployments/{NAME}/x").status == 200
    record = [r for r in site.records() if r.get("dialect") == "passthrough"][-1]
    assert record["model"] == NAME and record["family"] == "passthrough"
    assert record["status"] == 200 and record["target"].startswith("alpha/")
    assert record["bytes_out"] > 0


# --- tables ----------------------------------------------------------------------------------------

SMALL = "sap-rpt-1-small"
TABLE = {"prediction_config": {"target_columns": [
    {"name": "price", "prediction_placeholder": "[PREDICT]", "task_type": "regression"}]},
    "index_column": "id", "rows": [{"id": 1, "price": 12345678901234567890, "n": 1.10},
                                   {"id": 2, "price": "[PREDICT]", "n": 2}]}


def test_predictions(site, emulator):
    plain = json.dumps(TABLE)
    by_query = site.post(f"/v1/predict?model={SMALL}", TABLE)
    assert by_query.status == 200 and by_query.json["predictions"][0]["id"] == 2, by_query
    assert emulator.inference()[-1]["body"] == plain
    by_header = site.post("/v1/predict", TABLE, headers={"X-Corelay-Model": "sap-rpt-1-large"})
    assert by_header.status == 200
    by_body = site.post("/v1/predict", {"model": SMALL, **TABLE})
    assert by_body.status == 200
    asked = [r["model"] for r in emulator.inference() if "predict" in r["path"] and r["status"] == 200]
    assert asked == [SMALL, "sap-rpt-1-large", SMALL]
    assert "12345678901234567890" in emulator.inference()[-1]["body"]
    wrong = site.post(f"/v1/predict?model={SMALL}", {**TABLE, "x": 1})
    assert wrong.status == 400 and wrong.json["status"]["code"] == 2  # as the model says it
    unnamed = site.post("/v1/predict", TABLE)
    assert unnamed.status == 400 and SMALL in unnamed.json["error"]["message"]
    other = site.post(f"/v1/predict?model={harness.GPT}", TABLE)
    assert other.status == 400 and other.json["error"]["param"] == "model"


def test_tables_as_files(site, emulator):
    form = (b'--b0\r\nContent-Disposition: form-data; name="file"; filename="t.parquet"\r\n'
            b'Content-Type: application/octet-stream\r\n\r\nPAR1' + bytes(range(256)) +
            b'\r\n--b0\r\nContent-Disposition: form-data; name="prediction_config"\r\n\r\n{}\r\n--b0--\r\n')
    for path in ("/v1/predict", "/v1/predict_parquet"):
        answer = site.ask("POST", f"{path}?model={SMALL}", form,
                          {"Content-Type": "multipart/form-data; boundary=b0"})
        assert answer.status == 200 and answer.json["metadata"]["bytes"] == len(form), answer
        assert emulator.inference()[-1]["path"].endswith("/predict_parquet")


def test_predictions_fail_over(gateway, settings, emulator):
    site = gateway("lighttpd")
    emulator.fault("status", code=429, times=-1, match={"model": SMALL})
    answer = site.post(f"/v1/predict?model={SMALL}", TABLE)
    assert answer.status == 429
    chat = site.chat(model=SMALL)
    assert chat.status == 400 and "chat" in chat.json["error"]["message"]
