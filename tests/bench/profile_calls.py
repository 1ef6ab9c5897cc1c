"""Where the instructions go (callgrind): the top functions by themselves, and a flame graph.

callgrind knows who called whom but not whole stacks, so the cost of a function that several call is
shared out among them in proportion to what each made it cost.
"""
import collections
import html
import os
import re
import signal
import subprocess
import tempfile
import pathlib

import bodies
import servers

# name -> path, body, how many requests
SHAPES = {
    "small": ("/v1/chat/completions", lambda: bodies.small("gpt-4o"), 100),
    "lane": ("/v1/messages", lambda: bodies.messages("anthropic--claude-4.5-sonnet", 100_000), 20),
    "across": ("/v1/messages", lambda: bodies.messages("gpt-4o", 100_000), 20),
    "event": ("/v1/chat/completions", lambda: bodies.small("gpt-4.1-mini", stream=True), 5),
    "event-across": ("/v1/messages",
                     lambda: bodies.messages("gpt-4.1-mini", 1000, stream=True), 5),
}


def record(build, directory, upstream, name):
    """The calls of a responder that is warm, as callgrind writes them down."""
    path, body, count = SHAPES[name]
    out, listens, state = directory / f"{name}.cg", directory / "profile.sock", directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    sent = directory / "body"
    sent.write_bytes(body())
    config = servers.configuration(directory, "profile", f"http://127.0.0.1:{upstream.port}")
    process = subprocess.Popen(
        ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}",
         "--compress-strings=no", "--compress-pos=no", build / "fcgi/corelay.fcgi", "--config",
         config, "--listen", listens], env=os.environ | {"CORELAY_STATE_DIR": str(state)},
        stderr=subprocess.DEVNULL)
    servers.wait_for(listens.exists, 60)
    front = servers.LighttpdFastcgi(listens, directory)

    def load(requests):
        subprocess.run([build / "tests/bench/load", "--to", f"127.0.0.1:{front.port}{path}",
                        "--body", sent, "--requests", str(requests), "--header",
                        f"Authorization: Bearer {servers.KEY}"], check=True,
                       stdout=subprocess.DEVNULL)

    def count_calls(how):
        subprocess.run(["callgrind_control", "-i", how, str(process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    load(5)
    count_calls("on")
    load(count)
    count_calls("off")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    front.end()
    return out.read_text()


def read(text):
    """{function: its own cost}, {(caller, callee): inclusive cost}"""
    own, calls = collections.Counter(), collections.Counter()
    function = callee = None
    library = other = ""
    after_call = False
    for line in text.splitlines():
        if line.startswith("ob="):
            library = pathlib.Path(line[3:]).name.split(".so")[0]
        elif line.startswith("cob="):
            other = pathlib.Path(line[4:]).name.split(".so")[0]
        elif line.startswith("fn="):
            function, other = name_of(line[3:], library), library
        elif line.startswith("cfn="):
            callee = name_of(line[4:], other)
        elif line.startswith("calls="):
            after_call = True
        elif re.match(r"[+\-*\d]", line):
            cost = int(line.split()[1]) if len(line.split()) > 1 else 0
            if after_call:
                if callee != function:
                    calls[function, callee] += cost
                after_call, other = False, library
            else:
                own[function] += cost
    return own, calls


def name_of(function, library):
    """Functions of libraries without symbols have numbers for names: one name for all of them."""
    function = function.split("'")[0]
    return f"({library})" if function.startswith("0x") else function


def top(own, count, requests):
    total = sum(own.values())
    return [(name, cost / requests, cost / total) for name, cost in own.most_common(count)]


class Flames:
    """An SVG of nested boxes: as wide as their share of all instructions."""

    WIDTH, HEIGHT, DEPTH = 1100, 17, 24

    def __init__(self, own, calls):
        self.own, self.boxes = own, []
        self.below = collections.defaultdict(list)
        into = collections.Counter()
        for (caller, callee), cost in calls.items():
            self.below[caller].append((callee, cost))
            into[callee] += cost
        self.whole = {name: own[name] + sum(cost for _, cost in self.below[name])
                      for name in set(own) | set(into)}
        roots = [(name, cost) for name, cost in self.whole.items() if not into[name]]
        self.total = sum(cost for _, cost in roots)
        left = 0.0
        for name, cost in sorted(roots, key=lambda root: -root[1]):
            left = self.box(name, cost, left, 0, frozenset())

    def box(self, name, cost, left, depth, above):
        width = cost / self.total * self.WIDTH
        if width < 1 or depth >= self.DEPTH:
            return left + width
        self.boxes.append((name, cost, left, depth, width))
        share, at = cost / max(self.whole[name], 1), left
        for callee, part in sorted(self.below[name], key=lambda call: -call[1]):
            if callee not in above:
                at = self.box(callee, part * share, at, depth + 1, above | {name})
        return left + width

    def svg(self):
        height = (max(depth for _, _, _, depth, _ in self.boxes) + 1) * self.HEIGHT
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.WIDTH}" height="{height}" '
                 'font-family="monospace" font-size="11">']
        for name, cost, left, depth, width in self.boxes:
            share = cost / self.total
            colour = f"hsl({20 + sum(map(ord, name)) % 40},80%,{60 + depth % 3 * 5}%)"
            shown = html.escape(name[:int(width / 7)]) if width > 30 else ""
            parts.append(
                f'<g><title>{html.escape(name)}: {share:.1%}</title>'
                f'<rect x="{left:.1f}" y="{depth * self.HEIGHT}" width="{width:.1f}" '
                f'height="{self.HEIGHT - 1}" fill="{colour}"/>'
                f'<text x="{left + 2:.1f}" y="{depth * self.HEIGHT + 12}">{shown}</text></g>')
        return "\n".join(parts) + "\n</svg>\n"


def profile(build, out):
    with tempfile.TemporaryDirectory(prefix="corelay-profile.") as place:
        directory = pathlib.Path(place)
        upstream = servers.Upstream(build)
        for name in SHAPES:
            own, calls = read(record(build, directory, upstream, name))
            count = SHAPES[name][2] * (2003 if name.startswith("event") else 1)
            unit = "event" if name.startswith("event") else "request"
            print(f"\n{name}: {sum(own.values()) / count:,.0f} instructions per {unit}")
            for function, cost, share in top(own, 8, count):
                print(f"  {share:6.1%}  {cost:12,.0f}  {function}")
            file = out / f"flames-{name}.svg"
            file.write_text(Flames(own, calls).svg())
            print(f"  {file}")
        upstream.end()
    return 0
