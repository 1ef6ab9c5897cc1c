"""What is looked at while callers ask: each responder from outside, the scoreboard, the emulator; and
what must be true of it in the end."""
import collections
import json
import os
import pathlib
import re
import statistics
import subprocess

PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
# A refusal for want of quota sends a request elsewhere without a cost (doc/routing.md).
QUOTA_FAULTS = ("429", "429 with Retry-After", "late throttling")
# In less than that memory is still finding its level.
SHORT_S = 120

Process = collections.namedtuple("Process", "rss own descriptors upstream threads")


def connections_to(pid, port):
    """The sockets of a process that are connected to a TCP port, or were: its pool."""
    inodes = set()
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].split(":")[1], 16) == port:
            inodes.add(f"socket:[{fields[9]}]")
    return inodes


def look_at(pid, port):
    """A responder, in KiB and numbers; None: it is gone."""
    proc = pathlib.Path(f"/proc/{pid}")
    try:
        pool, descriptors = connections_to(pid, port), []
        for fd in (proc / "fd").iterdir():
            try:
                descriptors.append(os.readlink(fd))
            except OSError:
                pass  # closed in between
        # Not a share of what others map too (PSS): that grows when others end.
        own = int(re.search(r"^Anonymous: +(\d+)", (proc / "smaps_rollup").read_text(), re.M)[1])
        return Process(int((proc / "statm").read_text().split()[1]) * PAGE_KIB, own, len(descriptors),
                       sum(d in pool for d in descriptors), len(list((proc / "task").iterdir())))
    except OSError:
        return None


def slope(points):
    """Of the line that lies nearest to all points (least squares)."""
    x, y = (statistics.fmean(values) for values in zip(*points))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


class Watch:
    """A row of figures each time it looks; the verdicts at the end."""

    def __init__(self, site, emulator, callers, corelay):
        self.site, self.emulator, self.callers, self.corelay = site, emulator, callers, corelay
        self.port = int(emulator.url.rsplit(":", 1)[1])
        self.pids = sorted(site.responders())
        self.rows = []
        self.over_budget = 0  # retries beyond what was allowed, the most that was seen

    def status(self):
        done = subprocess.run([self.corelay, "status", "--json", "--config", self.site.config],
                              check=True, capture_output=True)
        return json.loads(done.stdout)

    def look_at_budget(self):
        minute = self.status()["this_minute"]
        self.over_budget = max(self.over_budget, minute["retries"] - minute["retries_allowed"])
        return minute

    def upstream(self):
        """(calls of models, refusals for want of quota) since the beginning."""
        counters = self.emulator.counters()["tenants"]
        calls = sum(tenant["inference"] for tenant in counters.values())
        return calls, sum(n for name, n in self.faults().items() if name in QUOTA_FAULTS)

    def faults(self):
        """{name: how often it struck}"""
        taken = collections.Counter()
        for fault in self.emulator.control("GET", "/faults")["faults"]:
            taken[fault["request"]["fault"]["name"]] += fault["taken"]
        return taken

    def look(self, seconds):
        """Take a row, `seconds` after the beginning."""
        status, outcomes = self.status(), self.callers.outcomes()
        calls, refusals = self.upstream()
        self.rows.append({
            "seconds": round(seconds), "processes": [look_at(pid, self.port) for pid in self.pids],
            "asked": self.callers.asked, **{word: outcomes[word] for word in
                                            ("right", "error", "left", "wrong", "hung")},
            "calls": calls, "refusals": refusals, "minute": status["this_minute"],
            "in_flight": sum(t["in_flight"] for t in status["targets"])})
        return self.rows[-1]

    def in_flight(self):
        return sum(t["in_flight"] for t in self.status()["targets"])

    # --- verdicts ----------------------------------------------------------------------------------

    def series(self, figure, number):
        """[(seconds, value)] of one responder."""
        return [(row["seconds"], getattr(row["processes"][number], figure)) for row in self.rows
                if row["processes"][number]]

    def growth(self, figure, warm_up):
        """How much the figure of each responder grew after the warm-up, as the slope of the line through
        all rows says it; and its middle."""
        found = []
        for number in range(len(self.pids)):
            points = [p for p in self.series(figure, number) if p[0] >= warm_up]
            if len(points) < 4 or points[-1][0] - points[0][0] < SHORT_S:
                continue
            found.append((slope(points) * (points[-1][0] - points[0][0]), statistics.median(v for _, v in points)))
        return found

    def verdicts(self, before, after, settings, warm_up):
        """[(good, words)]. `before` and `after`: the responders when nobody asked."""
        outcomes, last = self.callers.outcomes(), self.rows[-1]
        found = [(outcomes["wrong"] == 0, f"{outcomes['wrong']} wrong answers"),
                 (outcomes["hung"] == 0, f"{outcomes['hung']} hung requests"),
                 (outcomes["right"] > 0, f"{outcomes['right']} right answers, {outcomes['error']} honest errors"),
                 (all(after), f"{sum(p is None for p in after)} responders died"),
                 (0 == last["in_flight"] < max(row["in_flight"] for row in self.rows),
                  f"{last['in_flight']} in flight when all was over")]
        own = [[p.descriptors - p.upstream for p in processes if p] for processes in (before, after)]
        found.append((all(b <= a for a, b in zip(*own)),
                      f"descriptors of responders at rest, without upstream connections: {own[0]} -> {own[1]}"))
        for figure, what, unit, room in (("descriptors", "descriptors", "", 8),
                                         ("own", "memory of its own", " KiB", 1024)):
            grown = self.growth(figure, warm_up)
            words = ", ".join(f"{grew:+.0f} on {middle:.0f}{unit}" for grew, middle in grown)
            found.append((all(grew <= max(room, 0.05 * middle) for grew, middle in grown),
                          f"{what} after the warm-up: {words or 'too short a run to tell'}"))
        found.append((self.over_budget <= 0, f"retries never above the budget (at most {self.over_budget:+d})"))
        # Counted from outside, and with a minute more than there were, since minutes begin anywhere.
        allowed = (settings["minimum"] * (last["seconds"] / 60 + 2) + settings["percent"] * last["asked"] / 100)
        extra = last["calls"] - last["asked"] - last["refusals"]
        found.append((extra <= allowed, f"{last['calls']} upstream calls for {last['asked']} requests: {extra} more "
                      f"than requests and {last['refusals']} refusals for want of quota, {allowed:.0f} allowed"))
        return found


# --- for people ------------------------------------------------------------------------------------

def table(rows):
    """The rows as text."""
    head = ("minute", "asked", "right", "error", "left", "wrong", "hung", "upstream", "retries", "in flight",
            "RSS MiB", "own MiB", "descriptors")
    lines = ["  ".join(head)]
    for row in rows:
        alive = [p for p in row["processes"] if p]
        minute = row["minute"]
        cells = (f"{row['seconds'] / 60:.1f}", row["asked"], row["right"], row["error"], row["left"], row["wrong"],
                 row["hung"], row["calls"], f"{minute['retries']}/{minute['retries_allowed']}", row["in_flight"],
                 " ".join(f"{p.rss / 1024:.1f}" for p in alive), " ".join(f"{p.own / 1024:.1f}" for p in alive),
                 " ".join(str(p.descriptors) for p in alive))
        lines.append("  ".join(str(cell).rjust(len(word)) for cell, word in zip(cells, head)))
    return "\n".join(lines)


COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000")


def panel(title, lines, top, width=720, height=120):
    """One chart with a line for each responder, from zero to its peak."""
    right = max((x for line in lines for x, _ in line), default=0) or 1
    peak = max((y for line in lines for _, y in line), default=0) or 1
    drawn = [f'<text x="8" y="{top + 14}">{title}, at most {peak:,.0f}</text>',
             f'<path d="M8 {top + 20 + height}h{width}" stroke="#888"/>']
    for line, colour in zip(lines, COLOURS * 4):
        points = " ".join(f"{8 + width * x / right:.1f},{top + 20 + height * (1 - y / peak):.1f}" for x, y in line)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return "".join(drawn)


def draw(watch, path):
    """Three charts over time, as SVG."""
    numbers = range(len(watch.pids))
    asked = [(b["seconds"], (b["asked"] - a["asked"]) / max(b["seconds"] - a["seconds"], 1))
             for a, b in zip(watch.rows, watch.rows[1:])]
    charts = (("memory of each responder's own, KiB", [watch.series("own", n) for n in numbers]),
              ("descriptors of each responder", [watch.series("descriptors", n) for n in numbers]),
              ("requests a second", [asked]))
    body = "".join(panel(title, lines, 160 * i) for i, (title, lines) in enumerate(charts))
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="740" height="490" '
                    f'font-family="sans-serif" font-size="12">{body}</svg>\n')
