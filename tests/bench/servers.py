"""Starts and ends what is measured: the upstream, Corelay behind each web server, and its limits."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "sk-bench-not-a-real-key"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds} s in vain")
        time.sleep(0.02)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def processes():
    """{pid: (its parent, the words it was started with)}"""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            found[int(entry.name)] = (
                int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]),
                (entry / "cmdline").read_text().split("\0"))
    return found


def responders(program, server, config=None):
    """The processes of a program: below their server, or (spawn-fcgi leaves them to init) known by their
    configuration."""
    found = processes()

    def below(pid):
        while pid in found and pid != server:
            pid = found[pid][0]
        return pid == server
    return [pid for pid, (_, words) in found.items()
            if words[0].endswith(program) and (config in words or below(pid))]


class Process:
    """A program that ends with the benchmark."""

    def __init__(self, command, ready=None, port=None, **more):
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
                                        text=True, **more)
        self.found = None
        if ready:
            for line in self.process.stdout:
                self.found = re.search(ready, line)
                if self.found:
                    break
            if not self.found:
                raise SystemExit(f"{command[0]} did not start")
        if port:
            wait_for(lambda: answers(port))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def cpu_seconds(pids):
    """CPU time of all threads; to the nanosecond where the kernel counts so, else to its tick."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            try:
                total += sum(int(task.read_text().split()[0])
                             for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
            except (ValueError, IndexError):
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += (int(stat[11]) + int(stat[12])) / TICK
    return total


def rss_kib(pids):
    return sum(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE // 1024
               for pid in pids)


def private_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+)", text, re.M))


class PeakMemory:
    """The most that processes have held while this is open, in KiB."""

    def __init__(self, pids):
        self.pids, self.peak, self.over = pids, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(0.1):
            with contextlib.suppress(OSError):
                self.peak = max(self.peak, rss_kib(self.pids))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Upstream(Process):
    def __init__(self, build):
        super().__init__([build / "tests/bench/upstream"], r"http://127.0.0.1:(\d+)")
        self.port = int(self.found[1])

    def path(self, spec, behind):
        return f"/v2/inference/deployments/{spec}{behind}"

    def url(self, spec, behind):
        return f"http://127.0.0.1:{self.port}{self.path(spec, behind)}"


TLS = """
daemon off; pid {directory}/{name}.pid; error_log /dev/null; worker_processes 1;
worker_rlimit_nofile 40000;
{user}
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {directory}/tls-body; proxy_temp_path {directory}/tls-proxy;
    fastcgi_temp_path {directory}/tls-f; uwsgi_temp_path {directory}/tls-u;
    scgi_temp_path {directory}/tls-s;
    client_max_body_size 65m; client_body_buffer_size 1m; keepalive_timeout 600;
    keepalive_requests {requests}; http2_max_concurrent_streams 10000;
    upstream up {{ server 127.0.0.1:{to}; keepalive 256; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} ssl {http2} backlog=4096;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:tls:16m;
        ssl_certificate {directory}/tls.pem; ssl_certificate_key {directory}/tls.key;
        location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                      proxy_buffering off; }}
    }}
}}
"""


def certificate(directory):
    key, file = directory / "tls.key", directory / "tls.pem"
    if not key.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", key, "-out", file], check=True, stderr=subprocess.DEVNULL)
    return file


def ca_bundle(directory):
    """The certificate of our upstream among all those that the system trusts."""
    file = directory / "ca.pem"
    if not file.exists():
        system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
        file.write_bytes((system.read_bytes() if system.exists() else b"")
                         + certificate(directory).read_bytes())
    return file


def ca_folder(directory):
    """The same under hashed names, as systems have them."""
    folder = directory / "ca"
    if not folder.exists():
        folder.mkdir()
        for link in pathlib.Path("/etc/ssl/certs").glob("*.0"):
            (folder / link.name).symlink_to(link.resolve())
        file = certificate(directory)
        name = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-subject_hash"], check=True,
                              capture_output=True, text=True).stdout.strip()
        (folder / f"{name}.0").symlink_to(file)
    return folder


class Tls(Process):
    """nginx in front of the upstream: TLS, with HTTP/2 or without; `once`: one request per
    connection."""

    def __init__(self, upstream, directory, http2=False, once=False):
        self.port = free_port()
        certificate(directory)
        name = f"tls-{self.port}"
        file = directory / f"{name}.conf"
        file.write_text(TLS.format(
            directory=directory, name=name, to=upstream.port, port=self.port,
            http2="http2" if http2 else "", requests=1 if once else 100000000,
            user="user root;" if os.getuid() == 0 else ""))
        super().__init__(["nginx", "-c", file], port=self.port, stderr=subprocess.DEVNULL)
        self.url = f"https://127.0.0.1:{self.port}"


def configuration(directory, name, base, ca_file=None, **more):
    """Corelay's, with deployments at `base` whose names say how the upstream answers."""
    deployments = {
        "gpt-4o": "e20", "gpt-4.1-mini": "e2000",
        "gpt-4.1": "e50-i40", "gpt-5": "e20-i200", "gpt-5-mini": "e20-i1000",
        "gpt-5-nano": "e20-i2000",
        "anthropic--claude-4.5-sonnet": "e20", "anthropic--claude-4.5-haiku": "e2000",
        "gemini-2.5-pro": "e20", "gemini-2.5-flash": "e2000",
        "text-embedding-3-small": "v2048-x1536"}
    key = {"clientid": "bench", "clientsecret": "not-a-secret",
           "url": base, "serviceurls": {"AI_API_URL": base}}
    config = {
        "subAccounts": {"bench": {
            "resource_group": "default", "service_key": key,
            "deployment_models": {m: f"{base}/v2/inference/deployments/{d}"
                                  for m, d in deployments.items()}}},
        "secret_authentication_tokens": [KEY],
        "log": {"level": "warning", "access": str(directory / f"{name}.access")}}
    if ca_file:
        config["http"] = {"ca_file": str(ca_file)}
    config.update(more)
    path = directory / f"{name}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path


class Corelay(Process):
    """Corelay behind a web server, as examples/serve sets it up."""

    def __init__(self, build, config, server="lighttpd", processes=1):
        super().__init__([ROOT / "examples/serve", "--server", server, "--config", config,
                          "--responder", build / "fcgi/corelay.fcgi", "--processes", processes],
                         r"listening on http://127.0.0.1:(\d+)")
        self.port = int(self.found[1])
        self.config = config

    @property
    def pids(self):
        return responders("corelay.fcgi", self.process.pid, str(self.config))


LIGHTTPD = """
server.port = {port}
server.bind = "127.0.0.1"
server.document-root = "{directory}"
server.upload-dirs = ("{directory}")
server.errorlog = "/dev/null"
server.max-fds = 20000
server.max-connections = 9000
server.modules += ("mod_proxy", "mod_fastcgi")
server.stream-response-body = 2
server.max-request-size = 66560
"""


class LighttpdProxy(Process):
    """lighttpd's own reverse proxy to the upstream."""

    def __init__(self, upstream, directory):
        self.port = free_port()
        file = directory / "proxy.conf"
        file.write_text(LIGHTTPD.format(port=self.port, directory=directory) +
                        'proxy.server = ("" => (("host" => "127.0.0.1", "port" => %d)))\n'
                        % upstream.port)
        super().__init__(["lighttpd", "-D", "-f", file], port=self.port)


class NginxProxy(Process):
    """nginx's, with connections to the upstream kept."""

    def __init__(self, upstream, directory):
        self.port = free_port()
        file = directory / "nginx.conf"
        file.write_text(f"""
daemon off; pid {directory}/nginx.pid; error_log /dev/null; worker_processes 2;
worker_rlimit_nofile 20000;
{"user root;" if os.getuid() == 0 else ""}
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {directory}/nginx-body; proxy_temp_path {directory}/nginx-proxy;
    fastcgi_temp_path {directory}/nginx-f; uwsgi_temp_path {directory}/nginx-u;
    scgi_temp_path {directory}/nginx-s;
    client_max_body_size 65m;
    upstream up {{ server 127.0.0.1:{upstream.port}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
                      proxy_buffering off; }}
    }}
}}
""")
        super().__init__(["nginx", "-c", file], port=self.port, stderr=subprocess.DEVNULL)


class LighttpdFastcgi(Process):
    """lighttpd in front of a responder that runs already."""

    def __init__(self, socket_path, directory):
        self.port = free_port()
        file = directory / "fastcgi.conf"
        file.write_text(LIGHTTPD.format(port=self.port, directory=directory) + f"""
fastcgi.server = ("/" => (("socket" => "{socket_path}", "check-local" => "disable",
                           "fix-root-scriptname" => "enable")))
""")
        super().__init__(["lighttpd", "-D", "-f", file], port=self.port)


class Least(Process):
    """One of the responders that set the limits, behind lighttpd: its path below the build, and its
    argument."""

    def __init__(self, program, directory, argument=""):
        self.port = free_port()
        self.program = str(program)
        file = directory / f"{program.name}.conf"
        file.write_text(LIGHTTPD.format(port=self.port, directory=directory) + f"""
fastcgi.server = ("/" => (("socket" => "{directory}/{program.name}.sock",
    "bin-path" => "{program} {argument}", "min-procs" => 1, "max-procs" => 1,
    "check-local" => "disable")))
""")
        super().__init__(["lighttpd", "-D", "-f", file], port=self.port)

    @property
    def pids(self):
        return responders(self.program, self.process.pid)
