"""The parts of the benchmark: what is measured, against what, and in which units.

Every part returns {contestant: {load: {figure: number}}}. Times are microseconds.
"""
import os
import statistics
import time

import bodies
import servers

SERVERS = ("lighttpd", "nginx", "apache-proxy", "apache-fcgid")


class Contestant:
    """Where requests go: port and path, what is sent, and whose CPU time and memory count."""

    def __init__(self, port, path, body, site=None, key=servers.KEY,
                 host="127.0.0.1"):
        self.port, self.path, self.body, self.site = port, path, body, site
        self.key, self.host = key, host

    @property
    def pids(self):
        return self.site.pids if self.site else ()


def middle(results, *path):
    """The median of one figure over all rounds."""
    values = []
    for result in results:
        for key in path:
            result = result[key]
        values.append(result)
    return statistics.median(values)


def summary(found):
    return {"rate": middle(found, "rate"), "p50": middle(found, "all", "p50"),
            "p99": middle(found, "all", "p99"), "cpu_us": middle(found, "cpu_us")}


def measure(bench, contestant, **load):
    """One run of the load generator, with the CPU time that it cost."""
    pids = contestant.pids
    before = servers.cpu_seconds(pids)
    found = bench.load(contestant, **load)
    cpu = (servers.cpu_seconds(pids) - before) * 1e6
    found["cpu_us"] = cpu / max(found["done"], 1)
    found["cpu_us_per_event"] = cpu / max(found["events"], 1)
    return found


def timed(bench, contestants, connections):
    def one(contestant, warm):
        return measure(bench, contestant, connections=connections,
                       seconds=0.3 if warm else bench.seconds)
    return {name: summary(found) for name, found in bench.interleaved(contestants, one).items()}


def others(bench, body):
    """The gateways of --against."""
    found = {}
    for name, url in bench.against.items():
        host, rest = url.split("//", 1)[1].split(":", 1)
        port, path = rest.split("/", 1)
        found[name] = Contestant(int(port), f"/{path}/chat/completions", body, host=host,
                                 key=os.environ.get("CORELAY_BENCH_KEY"))
    return found


def requests(bench):
    """Small requests, whole answers; by connections at a time"""
    direct = bench.upstream.path("e20", "/chat/completions")
    body = bench.body("small.json", bodies.small("gpt-4o"))
    contestants = {
        "upstream itself": Contestant(bench.upstream.port, direct, body, key=None),
        "lighttpd mod_proxy": Contestant(bench.sites["lighttpd-proxy"].port, direct, body, key=None),
        "nginx proxy": Contestant(bench.sites["nginx-proxy"].port, direct, body, key=None),
        "libfcgi hello, lighttpd": Contestant(bench.sites["hello"].port, "/", body,
                                              bench.sites["hello"], key=None),
        "libfcgi and libcurl, lighttpd": Contestant(bench.sites["relay"].port, "/", body,
                                                    bench.sites["relay"], key=None)}
    for name in SERVERS:
        site = bench.sites[name]
        contestants[f"Corelay, {name}"] = Contestant(site.port, "/v1/chat/completions", body, site)
    two = bench.corelay("two", reactors=2)
    contestants["Corelay, 2 reactors"] = Contestant(two.port, "/v1/chat/completions", body, two)
    contestants |= others(bench, body)
    table = {}
    for connections in (1, 16, 64, 256):
        for name, row in timed(bench, contestants, connections).items():
            table.setdefault(name, {})[str(connections)] = row
    two.end()
    return table


def large(bench):
    """Requests of coding agents at 8 connections, by bytes; on the lane and translated"""
    table = {}
    claude = bench.upstream.path("e20", "/invoke")
    site = bench.sites["lighttpd"]
    for size in (100_000, 500_000):
        lane = bench.body(f"lane-{size}", bodies.messages("anthropic--claude-4.5-sonnet", size))
        across = bench.body(f"across-{size}", bodies.messages("gpt-4o", size))
        contestants = {
            "lighttpd mod_proxy": Contestant(bench.sites["lighttpd-proxy"].port, claude, lane),
            "Corelay, lane": Contestant(site.port, "/v1/messages", lane, site),
            "Corelay, translated": Contestant(site.port, "/v1/messages", across, site)}
        for name, row in timed(bench, contestants, 8).items():
            table.setdefault(name, {})[str(lane.stat().st_size)] = row
    return table


def embeddings(bench):
    """2,048 vectors of 1,536 floats, 35 MB of JSON; one after the other"""
    def body(name, **more):
        return bench.body(name, bodies.embeddings("text-embedding-3-small", 2048, **more))
    site = bench.sites["lighttpd"]
    floats = body("floats")
    contestants = {
        "lighttpd mod_proxy": Contestant(bench.sites["lighttpd-proxy"].port, bench.upstream.path(
            "v2048-x1536", "/embeddings"), floats),
        "Corelay, floats": Contestant(site.port, "/v1/embeddings", floats, site),
        "Corelay, base64": Contestant(site.port, "/v1/embeddings",
                                      body("base64", encoding_format="base64"), site)}

    def one(contestant, warm):
        return measure(bench, contestant, requests=1 if warm else 3)
    return {name: {"1": summary(found)}
            for name, found in bench.interleaved(contestants, one).items()}


# Streams at a time -> a model whose deployment says how they come, and the events of one: an opening,
# texts, an end, [DONE]. The more there are, the slower each is, so that nobody runs out of CPU. One at a
# time has all its events at once, and so says what is added until the first byte.
STREAMS = {1: ("gpt-4o", "e20", 23), 100: ("gpt-4.1", "e50-i40", 53), 1000: ("gpt-5", "e20-i200", 23),
           5000: ("gpt-5-mini", "e20-i1000", 23)}
# Over TLS each is slower still, since all 5,000 handshakes must be over before the first stream ends. And
# no more are opened while so many wait, or on a busy machine they would run into the time limit.
TLS_STREAMS, TLS_MODEL, TLS_EVENTS, TLS_OPENING = 5000, "gpt-5-nano", 23, 800


def stream_figures(found):
    return {"first_byte_p50": middle(found, "first_byte", "p50"),
            "first_byte_p99": middle(found, "first_byte", "p99"),
            "gap_p50": middle(found, "gap", "p50"), "gap_p99": middle(found, "gap", "p99"),
            "cpu_us_per_event": middle(found, "cpu_us_per_event"),
            "kib_per_stream": middle(found, "kib_per_stream"),
            "complete": min(result["done"] for result in found),
            "at_once": max(result["at_once"] for result in found),
            "events_lost": max(result["events_lost"] for result in found)}


def run_streams(bench, contestant, count, events, **load):
    """`count` streams, opened within a second; 5,000 within ten."""
    pids = contestant.pids
    before = servers.rss_kib(pids)
    with servers.PeakMemory(pids) as memory:
        found = measure(bench, contestant, connections=count, requests=count if count > 1 else 100,
                        events=events, ramp=max(count // 100, 1) if count < 5000 else 5, **load)
    found["kib_per_stream"] = max(memory.peak - before, 0) / max(found["at_once"], 1)
    return found


def streams(bench):
    """Streams at a time; the events of each come at once, 40, 200 and 1,000 ms apart"""
    table = {}
    for count, (model, spec, events) in STREAMS.items():
        body = bench.body(f"stream-{model}", bodies.small(model, stream=True))
        direct = bench.upstream.path(spec, "/chat/completions")
        site = bench.corelay(f"streams-{count}")
        contestants = {
            "upstream itself": Contestant(bench.upstream.port, direct, body),
            "lighttpd mod_proxy": Contestant(bench.sites["lighttpd-proxy"].port, direct, body),
            "Corelay, lighttpd": Contestant(site.port, "/v1/chat/completions", body, site)}

        def one(contestant, warm):
            return run_streams(bench, contestant, 20 if warm else count, events)
        rounds = {1000: min(bench.rounds, 3) - 1, 5000: 1}.get(count, bench.rounds)
        for name, found in bench.interleaved(contestants, one, rounds,
                                             warm=count < 5000).items():
            # Memory that has been used once is kept: the first round tells what a stream takes.
            most = max(result["kib_per_stream"] for result in found)
            table.setdefault(name, {})[str(count)] = stream_figures(found) | {"kib_per_stream": most}
        site.end()
    return table


def events(bench):
    """Streams of 2,000 events that come as fast as they are read, one at a time"""
    site = bench.sites["lighttpd"]
    contestants = {
        "Corelay, lane": Contestant(site.port, "/v1/chat/completions", bench.body(
            "events-lane", bodies.small("gpt-4.1-mini", stream=True)), site),
        "Corelay, translated": Contestant(site.port, "/v1/messages", bench.body(
            "events-across", bodies.messages("gpt-4.1-mini", 1000, stream=True)), site)}

    def one(contestant, warm):
        return measure(bench, contestant, requests=2 if warm else 20, events=2003)
    return {name: {"2,000": {"cpu_us_per_event": middle(found, "cpu_us_per_event"),
                             "rate": middle(found, "events") / middle(found, "seconds")}}
            for name, found in bench.interleaved(contestants, one).items()}


def tls(bench):
    """Upstream over TLS: small requests at 16 connections, one at a time, and on new connections"""
    body = bench.body("small.json", bodies.small("gpt-4o"))
    ends = {"HTTP": None, "TLS, HTTP/1.1": servers.Tls(bench.upstream, bench.directory),
            "TLS, HTTP/2": servers.Tls(bench.upstream, bench.directory, http2=True),
            "TLS, a connection each": servers.Tls(bench.upstream, bench.directory, once=True)}
    contestants = {}
    for name, end in ends.items():
        site = bench.corelay(f"tls-{len(contestants)}", end)
        contestants[name] = Contestant(site.port, "/v1/chat/completions", body, site)
    table = {}
    for connections in (1, 16):
        for name, row in timed(bench, contestants, connections).items():
            table.setdefault(name, {})[str(connections)] = row
    for name, contestant in contestants.items():
        contestant.site.end()
        if ends[name]:
            ends[name].end()
    return table


def tls_streams(bench):
    """5,000 streams over TLS upstream"""
    body = bench.body("stream-tls", bodies.small(TLS_MODEL, stream=True))
    table = {}
    for name, http2 in (("TLS, HTTP/1.1", False), ("TLS, HTTP/2", True)):
        end = servers.Tls(bench.upstream, bench.directory, http2=http2)
        site = bench.corelay(f"tls-streams-{http2:d}", end)
        contestant = Contestant(site.port, "/v1/chat/completions", body, site)
        # From here on it is known who speaks HTTP/2.
        bench.load(Contestant(site.port, "/v1/chat/completions", bench.body(
            "small.json", bodies.small("gpt-4o")), site), requests=20)
        found = run_streams(bench, contestant, TLS_STREAMS, TLS_EVENTS, opening=TLS_OPENING)
        table[name] = {str(TLS_STREAMS): stream_figures([found])}
        site.end()
        end.end()
    return table


def memory(bench):
    """KiB of a responder: before the first request, under 64 connections, 2 s later; and of another
    process of mod_fcgid"""
    body = bench.body("small.json", bodies.small("gpt-4o"))
    site = bench.corelay("memory")
    idle = servers.rss_kib(site.pids)
    contestant = Contestant(site.port, "/v1/chat/completions", body, site)
    bench.load(contestant, requests=1)
    one = servers.rss_kib(site.pids)
    with servers.PeakMemory(site.pids) as under:
        bench.load(contestant, connections=64, seconds=bench.seconds)
    time.sleep(2)
    after = servers.rss_kib(site.pids)
    private = servers.private_kib(site.pids[0])
    site.end()
    fcgid = bench.sites["apache-fcgid"]
    bench.load(Contestant(fcgid.port, "/v1/chat/completions", body, fcgid), connections=8,
               seconds=1)
    each = sorted(servers.private_kib(pid) for pid in fcgid.pids)
    return {"on a socket": {"": {"idle": idle, "one_request": one, "under_load": under.peak,
                                 "after": after, "private_after": private}},
            "mod_fcgid": {"": {"processes": len(each), "private_median": statistics.median(each),
                               "private_most": each[-1]}}}
