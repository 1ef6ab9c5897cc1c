"""Does it stay flat? Many keys, many deployments, and how long a process takes to start."""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import time

import bodies
import parts
import servers

CONFIGURATIONS = {"1 key, 10 deployments": (0, 0), "100,000 keys": (100_000, 0),
                  "10,000 deployments": (0, 10_000)}


def many(keys, deployments, base):
    """Members of a configuration with so many more of both."""
    more = {}
    if keys:
        more["api_keys"] = [{"name": f"user-{i}", "sha256": f"{i:064x}"} for i in range(keys)]
    if deployments:
        more["subAccounts"] = {"bench": {
            "resource_group": "default",
            "service_key": {"clientid": "bench", "clientsecret": "not-a-secret", "url": base,
                            "serviceurls": {"AI_API_URL": base}},
            "deployment_models": {"gpt-4o": f"{base}/v2/inference/deployments/e20"} | {
                f"model-{i}": [f"{base}/v2/inference/deployments/d{i + j:08x}"
                               for j in range(10)] for i in range(0, deployments, 10)}}}
    return more


def connects(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False


class Started:
    """A responder on a socket, without a web server; knows how long it took to listen and to answer
    the first request, which is what waits for the configuration."""

    def __init__(self, bench, config, name):
        self.socket = bench.directory / f"{name}.sock"
        self.state = bench.directory / f"{name}.state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [bench.build / "fcgi/corelay.fcgi", "--config", config, "--listen", self.socket],
            env=os.environ | {"CORELAY_STATE_DIR": str(self.state)}, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:  # on standard error, at level info
            if "is ready" in line:
                break
        self.start_ms = (time.monotonic() - began) * 1e3
        self.pids = (self.process.pid,)
        self.start_cpu_ms = servers.cpu_seconds(self.pids) * 1e3

    def end(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()


def growth(bench):
    """Start-up, memory and CPU of a small request with many keys and deployments"""
    table = {}
    body = bench.body("small.json", bodies.small("gpt-4o"))
    base = f"http://127.0.0.1:{bench.upstream.port}"
    for i, (name, counts) in enumerate(CONFIGURATIONS.items()):
        config = servers.configuration(bench.directory, f"growth-{i}", base, **many(*counts, base),
                                       log={"level": "info", "access": "off"})
        starts = []
        for _ in range(5):
            started = Started(bench, config, f"growth-{i}")
            idle = servers.rss_kib(started.pids)
            starts.append((started.start_ms, started.start_cpu_ms))
            if len(starts) < 5:
                started.end()
        front = servers.LighttpdFastcgi(started.socket, bench.directory)
        contestant = parts.Contestant(front.port, "/v1/chat/completions", body, started)
        parts.measure(bench, contestant, connections=16, seconds=0.3)
        found = parts.measure(bench, contestant, connections=16, seconds=bench.seconds)
        table[name] = {"": {"start_ms": statistics.median(s[0] for s in starts),
                            "start_cpu_ms": statistics.median(s[1] for s in starts),
                            "rss_kib": idle, "cpu_us": found["cpu_us"]}}
        front.end()
        started.end()
    return table


def cgi(bench):
    """Plain CGI: CPU of one process for one request, tokens and deployments on disk"""
    table = {}
    body = bodies.small("gpt-4o")
    for name, tls in (("TLS, authorities in a folder", "folder"), ("TLS, authorities in a bundle", "bundle"),
                      ("HTTP", None)):
        end = servers.Tls(bench.upstream, bench.directory, http2=True) if tls else None
        base = end.url if end else f"http://127.0.0.1:{bench.upstream.port}"
        config = servers.configuration(bench.directory, f"cgi-{tls}", base,
                                       servers.ca_bundle(bench.directory) if tls == "bundle" else None)
        state = bench.directory / f"cgi-{tls}.state"
        state.mkdir(mode=0o700, exist_ok=True)
        environment = {"PATH": os.environ["PATH"], "CORELAY_STATE_DIR": str(state),
                       "CORELAY_CONFIG": str(config), "GATEWAY_INTERFACE": "CGI/1.1",
                       "REQUEST_METHOD": "POST", "REQUEST_URI": "/v1/chat/completions",
                       "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
                       "HTTP_AUTHORIZATION": f"Bearer {servers.KEY}"}
        if tls == "folder":
            environment["SSL_CERT_DIR"] = str(servers.ca_folder(bench.directory))
        times = []
        for _ in range(3 + 3 * bench.rounds):
            process = subprocess.Popen([bench.build / "fcgi/corelay.fcgi"], env=environment,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            process.stdin.write(body)
            process.stdin.close()
            answer = process.stdout.read()
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
            process.stdout.close()
            if b'"finish_reason"' not in answer:
                raise SystemExit(f"plain CGI did not answer: {answer[:300]}")
            times.append((used.ru_utime + used.ru_stime) * 1e3)
        table[name] = {"": {"cpu_ms": statistics.median(times[3:])}}
        if end:
            end.end()
    return table
