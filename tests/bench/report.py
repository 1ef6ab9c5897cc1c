"""What was measured: as text, as a plot, and as the tables of doc/performance.md."""
import re

# --- text ------------------------------------------------------------------------------------------


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(part, table, seconds):
    print(f"\n{part.__name__} ({seconds:.0f} s): {' '.join(part.__doc__.split())}")
    for contestant, figures in table.items():
        for load, row in figures.items():
            print(f"  {contestant:26} {load:>7}  " +
                  "  ".join(f"{k} {number(v)}" for k, v in row.items()), flush=True)


# --- the plot ----------------------------------------------------------------------------------------

COLOURS = {"upstream itself": "#bbbbbb", "lighttpd mod_proxy": "#888888", "nginx proxy": "#666666",
           "libfcgi hello, lighttpd": "#aa9955", "libfcgi and libcurl, lighttpd": "#bb8844"}
OURS = ("#1f6f8b", "#2a9d8f", "#e76f51", "#9a4f96", "#3a5a9b")
WIDTH, BAR, LEFT, GAP = 760, 16, 210, 34


def bars(title, unit, rows, top):
    """One panel of bars: rows are (name, value)."""
    most = max(value for _, value in rows) or 1
    ours = iter(OURS * 4)
    out = [f'<text x="8" y="{top + 14}" font-weight="bold">{title}</text>']
    for i, (name, value) in enumerate(rows):
        y = top + 24 + i * (BAR + 4)
        colour = COLOURS.get(name) or next(ours)
        width = (WIDTH - LEFT - 110) * value / most
        out.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{name}</text>'
                   f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
                   f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{number(value)} {unit}</text>')
    return "\n".join(out), top + 24 + len(rows) * (BAR + 4) + GAP


def panels(results):
    requests = results.get("requests", {})
    for connections in ("1", "64"):
        rows = [(name, row[connections]["rate"]) for name, row in requests.items()
                if connections in row]
        if rows:
            yield (f"Small requests, {connections} at a time: requests per second", "", rows)
    first = [(name, row["1000"]["gap_p99"] / 1000) for name, row in results.get("streams", {}).items()]
    if first:
        yield "1,000 streams, an event each 200 ms: gap between events, p99", "ms", first
    kept = [(name, row["5000"]["kib_per_stream"])
            for name, row in results.get("tls_streams", {}).items()]
    if kept:
        yield "5,000 streams: memory of the responder for each", "KiB", kept


def plot(results, file):
    body, top = [], 8
    for title, unit, rows in panels(results):
        text, top = bars(title, unit, rows, top)
        body.append(text)
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" '
                    f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" '
                    'fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n")


# --- the document --------------------------------------------------------------------------------------

# part -> the heads of its columns and the figures in them
COLUMNS = {
    "large": (("requests/s", "rate"), ("p50 µs", "p50"), ("CPU µs", "cpu_us")),
    "embeddings": (("p50 µs", "p50"), ("CPU µs", "cpu_us")),
    "streams": (("first byte p50 µs", "first_byte_p50"), ("p99 µs", "first_byte_p99"),
                ("gap p50 µs", "gap_p50"), ("gap p99 µs", "gap_p99"),
                ("CPU µs per event", "cpu_us_per_event"), ("KiB per stream", "kib_per_stream"),
                ("complete", "complete"), ("events lost", "events_lost")),
    "events": (("events/s", "rate"), ("CPU µs per event", "cpu_us_per_event")),
    "tls": (("requests/s", "rate"), ("p50 µs", "p50"), ("p99 µs", "p99"), ("CPU µs", "cpu_us")),
    "tls_streams": (("first byte p99 µs", "first_byte_p99"), ("gap p99 µs", "gap_p99"),
                    ("CPU µs per event", "cpu_us_per_event"),
                    ("KiB per stream", "kib_per_stream"), ("at once", "at_once"),
                    ("complete", "complete"), ("events lost", "events_lost")),
    "growth": (("start ms", "start_ms"), ("start CPU ms", "start_cpu_ms"), ("RSS KiB", "rss_kib"),
               ("CPU µs per request", "cpu_us")),
    "cgi": (("CPU ms", "cpu_ms"),),
}


def markdown(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def plain_table(part, table):
    heads = ["", "load"] + [head for head, _ in COLUMNS[part]]
    rows = [[name, load] + [number(row[figure]) if figure in row else "" for _, figure in COLUMNS[part]]
            for name, figures in table.items() for load, row in figures.items()]
    if not any(row[1] for row in rows):
        heads, rows = heads[:1] + heads[2:], [row[:1] + row[2:] for row in rows]
    return markdown(heads, rows)


def requests_table(table):
    """Rates beside their ratio to lighttpd's own proxy, and the CPU of ours."""
    loads = list(next(iter(table.values())))
    proxy = table["lighttpd mod_proxy"]
    rows = []
    for name, figures in table.items():
        row = [name, f"{number(figures['1']['p50'])} / {number(figures['1']['p99'])}"]
        row += [f"{number(figures[load]['rate'])} ({figures[load]['rate'] / proxy[load]['rate']:.2f})"
                for load in loads]
        rows.append(row + [number(figures["64"]["cpu_us"]) if figures["64"]["cpu_us"] else ""])
    return markdown(["", "p50 / p99 at 1, µs"] + [f"/s at {load}" for load in loads] +
                    ["CPU µs at 64"], rows)


def memory_table(table):
    rows = [[f"{name}: {figure.replace('_', ' ')}", number(value)]
            for name, figures in table.items() for figure, value in figures[""].items()]
    return markdown(["", "KiB"], rows)


def at(results, *path):
    for key in path:
        results = results.get(key, {}) if isinstance(results, dict) else {}
    return results if isinstance(results, (int, float)) else None


def ratio(above, below):
    return above / below if above is not None and below else None


# What is wanted, the goal, how it is told, and how it is found in the results.
GOALS = (
    ("small request: rate against lighttpd's mod_proxy, 64 connections", "1.0 at least", "{:.2f}",
     lambda r: ratio(at(r, "requests", "Corelay, lighttpd", "64", "rate"),
                     at(r, "requests", "lighttpd mod_proxy", "64", "rate"))),
    ("the same, 1 connection", "0.8 at least", "{:.2f}",
     lambda r: ratio(at(r, "requests", "Corelay, lighttpd", "1", "rate"),
                     at(r, "requests", "lighttpd mod_proxy", "1", "rate"))),
    ("the same, two reactors against one", "1.8 on two free cores", "{:.2f}",
     lambda r: ratio(at(r, "requests", "Corelay, 2 reactors", "64", "rate"),
                     at(r, "requests", "Corelay, lighttpd", "64", "rate"))),
    ("the same against the libfcgi hello world, 64 connections", "0.4 at least", "{:.2f}",
     lambda r: ratio(at(r, "requests", "Corelay, lighttpd", "64", "rate"),
                     at(r, "requests", "libfcgi hello, lighttpd", "64", "rate"))),
    ("CPU of the responder for it", "70 µs", "{:.0f} µs",
     lambda r: at(r, "requests", "Corelay, lighttpd", "64", "cpu_us")),
    ("first byte of a stream: added to the upstream's own", "", "{:.2f} ms",
     lambda r: difference(at(r, "streams", "Corelay, lighttpd", "1", "first_byte_p50"),
                          at(r, "streams", "upstream itself", "1", "first_byte_p50"))),
    ("100 KB through the lane: CPU", "0.5 ms", "{:.2f} ms",
     lambda r: ratio(large(r, "Corelay, lane"), 1000)),
    ("100 KB translated: CPU", "2 ms", "{:.2f} ms",
     lambda r: ratio(large(r, "Corelay, translated"), 1000)),
    ("event on the lane: CPU, reading and writing included", "1.5 µs of our own", "{:.1f} µs",
     lambda r: at(r, "events", "Corelay, lane", "2,000", "cpu_us_per_event")),
    ("event translated: CPU, reading and writing included", "5 µs of our own", "{:.1f} µs",
     lambda r: at(r, "events", "Corelay, translated", "2,000", "cpu_us_per_event")),
    ("5,000 streams over TLS, HTTP/2: KiB each", "32 KiB, all complete", "{:.0f} KiB",
     lambda r: at(r, "tls_streams", "TLS, HTTP/2", "5000", "kib_per_stream")),
    ("5,000 streams over TLS, HTTP/1.1: KiB each", "90 KiB, all complete", "{:.0f} KiB",
     lambda r: at(r, "tls_streams", "TLS, HTTP/1.1", "5000", "kib_per_stream")),
    ("1,000 streams: gap p99 over that of lighttpd's mod_proxy", "1 ms", "{:.2f} ms",
     lambda r: difference(at(r, "streams", "Corelay, lighttpd", "1000", "gap_p99"),
                          at(r, "streams", "lighttpd mod_proxy", "1000", "gap_p99"))),
    ("new TLS connection with verification: CPU over a kept one", "the store is not parsed again",
     "{:.2f} ms", lambda r: difference(at(r, "tls", "TLS, a connection each", "16", "cpu_us"),
                                       at(r, "tls", "TLS, HTTP/1.1", "16", "cpu_us"))),
    ("plain CGI over verified TLS: CPU of the process", "15 ms", "{:.1f} ms",
     lambda r: at(r, "cgi", "TLS, authorities in a folder", "", "cpu_ms")),
    ("RSS of an idle responder", "8 MiB", "{:.1f} MiB",
     lambda r: ratio(at(r, "memory", "on a socket", "", "idle"), 1024)),
    ("private memory of one more mod_fcgid process", "3 MiB", "{:.1f} MiB",
     lambda r: ratio(at(r, "memory", "mod_fcgid", "", "private_median"), 1024)),
    ("start with 100,000 keys", "50 ms", "{:.0f} ms",
     lambda r: at(r, "growth", "100,000 keys", "", "start_ms")),
    ("start with 10,000 deployments", "50 ms", "{:.0f} ms",
     lambda r: at(r, "growth", "10,000 deployments", "", "start_ms")),
)


def large(results, name):
    """The CPU time of the 100 KB request: the load is its exact size."""
    rows = results.get("large", {}).get(name, {})
    return next((row["cpu_us"] for size, row in rows.items() if 90_000 < int(size) < 200_000), None)


def difference(above, below):
    return (above - below) / 1000 if above is not None and below is not None else None


def goals_table(results):
    rows = []
    for what, goal, form, find in GOALS:
        value = find(results)
        rows.append([what, goal, form.format(value) if value is not None else "not measured"])
    return markdown(["what", "goal", "measured"], rows)


def about(machine):
    return (f"Measured on {machine['date']} with {machine['cpus']} cores shared by load generator, "
            f"web server, responder and upstream ({machine['system']}); load average before: "
            f"{machine['load_before']:.1f}{', --quick' if machine['quick'] else ''}.")


def document(results, folder):
    """Write what is between <!-- bench NAME --> and <!-- end --> anew."""
    file = folder / "performance.md"

    def fill(match):
        name = match[1]
        if name == "goals":
            text = goals_table(results)
        elif name == "machine":
            text = about(results["machine"])
        elif name not in results:
            text = "(not measured)"
        elif name == "requests":
            text = requests_table(results[name])
        elif name == "memory":
            text = memory_table(results[name])
        else:
            text = plain_table(name, results[name])
        return f"<!-- bench {name} -->\n{text}\n<!-- end -->"
    text = file.read_text()
    file.write_text(re.sub(r"<!-- bench (\w+) -->\n.*?<!-- end -->", fill, text, flags=re.S))
    plot(results, folder / "performance.svg")
    print(f"written: {file} and {folder / 'performance.svg'}")
