"""Least privilege: the sandbox of the running responder, and that all goes on in it."""
import http.server
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import time
import warnings

import pytest

import harness

IN_FASTCGI = [s for s in harness.servers() if s not in ("cgi", "apache-cgi")]
WITHOUT_SANDBOX = harness.SANITIZED  # sanitizers need calls and files of their own


def proc_status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return 0


def descends(pid, ancestor):
    while pid > 1 and pid != ancestor:
        pid = parent(pid)
    return pid == ancestor


def responders(gateway):
    """Also those whose program serve has copied, for Apache's user."""
    found = set(gateway.responders())
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (proc / "comm").read_text().strip() == "corelay.fcgi" and \
                    descends(int(proc.name), gateway.process.pid):
                found.add(int(proc.name))
        except OSError:
            pass
    return sorted(found)


# --- the sandbox ----------------------------------------------------------------------------------

@pytest.mark.parametrize("server", IN_FASTCGI)
def test_responder_is_confined(long_lived, settings, server, emulator):
    gateway = long_lived(server)
    assert gateway.chat().status == 200
    pids = responders(gateway)
    assert pids
    for pid in pids:
        status = proc_status(pid)
        assert status["NoNewPrivs"] == "1"
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert [line.split()[4:6] for line in limits.splitlines() if "core file" in line] == \
            [["0", "0"]]
        assert status["Umask"] == "0077"
        if not WITHOUT_SANDBOX:
            assert status["Seccomp"] == "2"
    if not WITHOUT_SANDBOX:
        assert "sandbox: no new privileges, seccomp" in gateway.log_text()


def test_sandbox_can_be_switched_off(gateway, settings):
    site = gateway("lighttpd", settings(sandbox="off"))
    assert site.chat().status == 200
    assert "sandbox: off" in site.log_text()
    for pid in responders(site):
        assert proc_status(pid)["Seccomp"] == "0"


@pytest.mark.skipif("cgi" not in harness.servers(), reason="without plain CGI")
def test_cgi_is_confined_without_words(gateway, settings):
    site = gateway("cgi", settings(sandbox="auto" if WITHOUT_SANDBOX else "require"))
    assert site.chat().status == 200
    assert "sandbox" not in site.log_text()


@pytest.fixture(scope="module")
def confined(directory, settings, long_lived, emulator_process):
    """A gateway with files of all kinds in folders of their own."""
    place = directory / "confined"
    for name in ("", "state", "log"):
        (place / name).mkdir(mode=0o700)
    config = settings(state_dir=str(place / "state"),
                      log={"destination": str(place / "log" / "error.log"),
                           "access": str(place / "log" / "access.log")},
                      sandbox="auto" if WITHOUT_SANDBOX else "require")
    site = long_lived("lighttpd", config)
    site.place = place
    return site


def log_of(site):
    return (site.place / "log" / "error.log").read_text()


def replace(path, text):
    aside = path.with_name(path.name + ".new")
    aside.write_text(text)
    aside.chmod(0o600)
    aside.rename(path)


def reloads(site):
    return log_of(site).count("configuration reloaded")


def test_state_is_written_within(confined, emulator):
    assert confined.chat().status == 200
    state = confined.place / "state"
    names = [p.name for p in state.iterdir()]
    assert "scoreboard" in names and any(n.startswith("token-") for n in names)
    assert any(n.startswith("deployments-") for n in names)
    for path in state.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_token_is_renewed_within(confined, emulator):
    token, = (confined.place / "state").glob("token-*.json")
    before = token.read_text()
    emulator.control("POST", "/tokens/revoke", {})
    assert confined.chat().status == 200
    assert token.read_text() != before


def test_rotated_files_are_taken_up_within(confined, emulator):
    """Configuration and service key replaced by rename, as deployment tools and Kubernetes do."""
    before = reloads(confined)
    key = confined.config.parent / "alpha.json"
    replace(key, key.read_text())
    harness.wait_for(lambda: reloads(confined) > before, 15, "the reload of a rotated key")
    config = json.loads(confined.config.read_text())
    config["aliases"] = {"rotated": harness.GPT}
    replace(confined.config, json.dumps(config))
    harness.wait_for(lambda: reloads(confined) > before + 1, 15, "the reload of a configuration")
    assert confined.chat(model="rotated").status == 200


def test_new_file_in_the_same_folder_is_read_within(confined, emulator):
    before = reloads(confined)
    config = json.loads(confined.config.read_text())
    shutil.copy(confined.config.parent / "beta.json", confined.config.parent / "another.json")
    config["subAccounts"]["another"] = {"resource_group": "default",
                                        "service_key_json": "another.json"}
    replace(confined.config, json.dumps(config))
    harness.wait_for(lambda: reloads(confined) > before, 15, "the reload")
    assert confined.chat().status == 200


@pytest.mark.skipif(WITHOUT_SANDBOX, reason="without sandbox")
def test_new_file_in_another_folder_needs_a_restart(confined, directory, emulator):
    if not landlock_works_in(confined):
        pytest.skip("no Landlock")
    elsewhere = directory / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    shutil.copy(confined.config.parent / "beta.json", elsewhere / "beta.json")
    old = confined.config.read_text()
    config = json.loads(old)
    config["subAccounts"]["far"] = {"resource_group": "default",
                                    "service_key_json": str(elsewhere / "beta.json")}
    replace(confined.config, json.dumps(config))
    harness.wait_for(lambda: "out of the sandbox's sight" in log_of(confined), 15, "the refusal")
    assert confined.chat().status == 200
    before = reloads(confined)
    replace(confined.config, old)
    harness.wait_for(lambda: reloads(confined) > before, 15, "the reload")


def command(site, *words):
    done = subprocess.run([harness.BUILD / "src" / "corelay", *words, "--json",
                           "--config", site.config], check=False, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_status_and_doctor_tell(confined, emulator):
    assert confined.chat().status == 200
    processes = {p["pid"]: p["sandbox"] for p in command(confined, "status")["processes"]}
    words = "no new privileges" if WITHOUT_SANDBOX else "no new privileges, seccomp, Landlock"
    for pid in responders(confined):
        assert processes[pid].startswith(words)
    step, = [s for s in command(confined, "doctor") if s["step"] == "sandbox"]
    assert words in step["text"] and step["verdict"] == "OK"


def landlock_works_in(site):
    return "Landlock" in log_of(site)


def test_logs_are_rotated_within(confined, emulator):
    for name in ("error.log", "access.log"):
        log = confined.place / "log" / name
        log.rename(log.with_suffix(".1"))
    for pid in responders(confined):
        os.kill(pid, signal.SIGUSR1)
    harness.wait_for(lambda: (confined.place / "log" / "access.log").exists(), 10, "a new log")
    assert confined.chat().status == 200
    harness.wait_for(lambda: "/v1/chat/completions" in
                     (confined.place / "log" / "access.log").read_text(), 10, "a record")


# --- keys -----------------------------------------------------------------------------------------

GUESSES = 5


def begin_of_minute():
    """Guesses are counted by the minute of the monotonic clock: not at its very end."""
    left = 60 - time.clock_gettime(time.CLOCK_MONOTONIC) % 60
    if left < 10 * harness.PATIENCE:
        time.sleep(left + 0.1)


def test_guesses_are_slowed_and_users_are_not(gateway, settings, emulator, directory):
    site = gateway("lighttpd", settings(limits={"wrong_keys_per_minute": GUESSES}), processes=2)
    emulator.control("POST", "/reset", {})
    config = json.loads(site.config.read_text())
    config["secret_authentication_tokens"].append("sk-test-late-user")
    replace(site.config, json.dumps(config))
    harness.wait_for(lambda: site.log_text().count("configuration reloaded") == 2, 15, "reloads")
    begin_of_minute()
    assert site.get("/v1/models").status == 200  # whoever works is known from here on
    for i in range(GUESSES):
        assert site.get("/v1/models", key=f"guess-{i}").status == 401
    refused = [site.get("/v1/models", key=key) for key in ("guess-x", "sk-test-late-user")]
    for answer in refused:  # in the same words: the right one is not told
        assert answer.status == 429, answer
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert refused[0].json == refused[1].json
    assert site.get("/v1/models").status == 200
    assert site.get("/v1/models", key=None).status == 401
    assert site.log_text().count(f"{GUESSES} wrong keys within a minute from 127.0.0.1") == 1
    assert "guess-" not in site.log_text()


def test_guesses_in_each_dialect(gateway, settings, emulator):
    site = gateway("lighttpd", settings(limits={"wrong_keys_per_minute": 1}))
    begin_of_minute()
    site.get("/v1/models", key="wrong")
    assert site.chat(key="wrong").json["error"]["code"] == "rate_limit_exceeded"
    assert site.messages(key="wrong").json["error"]["type"] == "rate_limit_error"
    answer = site.post("/v1beta/models/x:generateContent", {}, key="wrong")
    assert answer.json["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_a_key_in_several_places(site, emulator):
    headers = {"x-api-key": harness.KEY, "Authorization": f"Bearer {harness.KEY}"}
    assert site.get(f"/v1/models?key={harness.KEY}&key={harness.KEY}", key=None,
                    headers=headers).status == 200
    for path, more in ((f"/v1/models?key={harness.KEY}&key=other", {}),
                       ("/v1/models", {"x-api-key": "other"})):
        answer = site.get(path, headers=more)
        assert answer.status == 401 and "several different API keys" in answer.text


# --- the way to upstream --------------------------------------------------------------------------

class Upstream:
    """An HTTPS server on a free port that notes what is asked of it, and answers one thing."""

    def __init__(self, certificate, version=None, status=200, headers=()):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append(self.path)
                self.send_response(status)
                for name, value in (*headers, ("Content-Length", "2")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = version
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def upstream():
    running = []

    def start(*args, **more):
        running.append(Upstream(*args, **more))
        return running[-1]
    yield start
    for server in running:
        server.end()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """good.pem is for 127.0.0.1, other.pem is not: each with its key, and nobody's but their own."""
    place = pathlib.Path(tmp_path_factory.mktemp("certificates"))
    place.chmod(0o700)
    for name, subject in (("good", "IP:127.0.0.1"), ("other", "DNS:other.test")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=test", "-addext", f"subjectAltName={subject}",
                        "-keyout", place / "key", "-out", place / "cert"],
                       check=True, capture_output=True)
        (place / f"{name}.pem").write_text((place / "key").read_text() +
                                           (place / "cert").read_text())
        (place / f"{name}.ca").write_text((place / "cert").read_text())
    good, other = (place / "good.ca").read_text(), (place / "other.ca").read_text()
    (place / "both.ca").write_text(f"Ours\n\n{other}\nand theirs\n{good}")
    # how administrators take an authority out: OpenSSL reads over it
    (place / "spoiled.ca").write_text(other + "#" + good)
    # The system's own minimum must not be what refuses.
    (place / "openssl.cnf").write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
        "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
    return place


COMMAND = ("src/corelay", "models", "--config")
CGI = ("fcgi/corelay.fcgi", "--config")  # a process for one request: reads authorities its own way


def ask_for_models(tmp_path, url, ca_file=None, api_url=None, command=COMMAND, **environment):
    """What `corelay models`, or the CGI program, says of an account whose token service is there."""
    config = {"subAccounts": {"a": {"service_key": {
        "clientid": "i", "clientsecret": "s", "url": url,
        "serviceurls": {"AI_API_URL": api_url or url}}}},
        "allow_anonymous": True, "state_dir": str(tmp_path / "state")}
    if ca_file:
        config["http"] = {"ca_file": str(ca_file)}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    file.chmod(0o600)
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    request = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
               "REQUEST_URI": "/v1/models"} if command is CGI else {}
    return subprocess.run([harness.BUILD / command[0], *command[1:], file], stdin=subprocess.DEVNULL,
                          check=False, capture_output=True, text=True, timeout=120,
                          env={**clean, **request, **environment})


@pytest.mark.parametrize("command", [COMMAND, CGI])
@pytest.mark.parametrize("trusted", ["good.ca", "both.ca"])
def test_trusted_certificate_is_taken(upstream, certificates, tmp_path, trusted, command):
    server = upstream(certificates / "good.pem")
    ask_for_models(tmp_path, f"https://127.0.0.1:{server.port}", certificates / trusted,
                   command=command)
    assert "/oauth/token" in server.asked


@pytest.mark.parametrize("command", [COMMAND, CGI])
@pytest.mark.parametrize("folder, taken", [("good", True), ("other", False)])
def test_authorities_of_a_folder(upstream, certificates, tmp_path, folder, taken, command):
    named = tmp_path / folder
    named.mkdir()
    shutil.copy(certificates / f"{folder}.ca", named / "one.pem")
    subprocess.run(["openssl", "rehash", named], check=True, capture_output=True)
    server = upstream(certificates / "good.pem")
    ask_for_models(tmp_path, f"https://127.0.0.1:{server.port}", command=command,
                   CURL_CA_BUNDLE="", SSL_CERT_FILE="", SSL_CERT_DIR=str(named))
    assert ("/oauth/token" in server.asked) == taken


@pytest.mark.parametrize("command", [COMMAND, CGI])
@pytest.mark.parametrize("certificate, trusted", [("good", None), ("good", "other.ca"),
                                                  ("good", "spoiled.ca"), ("other", "other.ca")])
def test_other_certificates_are_refused(upstream, certificates, tmp_path, certificate, trusted,
                                        command):
    server = upstream(certificates / f"{certificate}.pem")
    done = ask_for_models(tmp_path, f"https://127.0.0.1:{server.port}",
                          trusted and certificates / trusted, command=command)
    assert server.asked == []
    assert done.returncode == 1 or "Status: 50" in done.stdout, done


@pytest.mark.parametrize("version, taken", [(ssl.TLSVersion.TLSv1_2, True),
                                            (ssl.TLSVersion.TLSv1_1, False)])
def test_old_tls_is_refused(upstream, certificates, tmp_path, version, taken):
    server = upstream(certificates / "good.pem", version)
    ask_for_models(tmp_path, f"https://127.0.0.1:{server.port}", certificates / "good.ca",
                   OPENSSL_CONF=str(certificates / "openssl.cnf"))
    assert bool(server.asked) == taken


@pytest.mark.parametrize("status", [302, 308])
def test_redirects_are_not_followed(upstream, certificates, tmp_path, status):
    far = upstream(certificates / "good.pem")
    near = upstream(certificates / "good.pem", status=status,
                    headers=[("Location", f"https://127.0.0.1:{far.port}/oauth/token")])
    done = ask_for_models(tmp_path, f"https://127.0.0.1:{near.port}", certificates / "good.ca")
    assert done.returncode == 1 and near.asked and far.asked == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/"])
def test_other_protocols_are_refused(tmp_path, url):
    for token, api in ((url, "https://127.0.0.1:1"), ("https://127.0.0.1:1", url)):
        done = ask_for_models(tmp_path, token, api_url=api)
        assert done.returncode == 1 and "is no web address" in done.stderr, done


# --- secrets in memory ----------------------------------------------------------------------------

def memory_holds(pid, wanted):
    """How often these bytes are in the process's memory that can be written."""
    found = 0
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            words = line.split()
            if not words[1].startswith("rw"):
                continue
            start, end = (int(n, 16) for n in words[0].split("-"))
            try:
                found += os.pread(memory.fileno(), end - start, start).count(wanted)
            except OSError:
                pass
    return found


@pytest.mark.skipif(os.geteuid() != 0 or harness.SANITIZED,
                    reason="only root looks into the memory of others; sanitizers keep what is freed")
def test_secrets_are_wiped_from_memory(gateway, settings, emulator):
    """A service key that the configuration has dropped, and the configuration's text itself."""
    secret = "to-be-wiped-" + "0123456789" * 4
    plain = settings(log={"level": "warning"})
    config = json.loads(json.dumps(plain))
    config["subAccounts"]["spare"] = {"service_key": {
        "clientid": "i", "clientsecret": secret, "url": "http://127.0.0.1:1",
        "serviceurls": {"AI_API_URL": "http://127.0.0.1:1"}}, "deployment_models": {
            "spare": "http://127.0.0.1:1/d"}}
    site = gateway("lighttpd", config)
    assert site.chat().status == 200
    pid, = responders(site)
    assert memory_holds(pid, secret.encode()) == 1  # in the configuration, and in no text it came from
    dropped = json.loads(site.config.read_text())
    del dropped["subAccounts"]["spare"]
    replace(site.config, json.dumps(dropped))
    for pid in responders(site):
        os.kill(pid, signal.SIGHUP)
    harness.wait_for(lambda: site.chat().status == 200 and
                     memory_holds(pid, secret.encode()) == 0, 15, "the secret to be gone")
