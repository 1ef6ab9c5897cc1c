"""What can go wrong, and what is promised for it: the rows of the fault table.

test_fault_table.py lets each of them happen, and doc/faults.md shows them; `faults.py --write` puts
them there.
"""
import dataclasses
import sys

from harness import PATIENCE, ROOT

PAGE = ROOT / "doc" / "faults.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"

# Words for what a caller sees.
ANSWER = "the answer"
BROKEN_OFF = "a part of it, then an error event"
ERROR_EVENT = "an error event"
NONE = "-"


def error(status, retry_after=False):
    """An error in the words of the caller's API, in place of an answer."""
    return f"{status}, `Retry-After`" if retry_after else str(status)


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """One fault, and what comes of it while there is nobody else to ask."""
    name: str
    words: str  # for people
    whole: str  # what the caller sees, not streamed
    stream: str  # and streamed
    calls: int  # that upstream saw, of the one request
    record: str  # the access record's error, or "done"
    fault: dict = None  # of the emulator, for calls to the first of two subaccounts
    place: str = "alpha"  # the first subaccount, see test_fault_table.py
    timeouts: dict = None  # of the model
    stream_calls: int = None  # where they are others than `calls`
    stream_record: str = None
    second: str = ANSWER  # the same with a second subaccount to go to
    second_stream: str = None

    def seen(self, streamed, targets):
        """What the caller is to see."""
        if targets == 1:
            return self.stream if streamed else self.whole
        return self.second_stream or self.second if streamed else self.second

    def asked(self, streamed):
        return self.stream_calls if streamed and self.stream_calls is not None else self.calls

    def recorded(self, streamed):
        return self.stream_record if streamed and self.stream_record else self.record


def status(code, body=None, **headers):
    fault = {"kind": "status", "code": code}
    if isinstance(body, str):
        fault.update(body=body, content_type="text/html")
    if headers:
        fault["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return fault


HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
# Behind the hold: what has been held back for so long is seen.
HOLD = 2.0 * PATIENCE
SILENT = {"idle_seconds": HOLD + 1.5}
SLOW = {"first_byte_seconds": 1.5 * PATIENCE}
DRIP = {"total_seconds": HOLD + 1.5}

UPSTREAM = [
    Row("429-later", "429, `Retry-After: 7`", error(429, True), error(429, True), 1, "rate_limit",
        status(429, Retry_After="7")),
    Row("429", "429 without `Retry-After`", error(429, True), error(429, True), 1, "rate_limit",
        status(429)),
    Row("late-429", "429 within a stream of status 200, before its first content", NONE,
        error(429, True), 1, "rate_limit", {"kind": "late_throttle", "code": 429}),
    Row("500", "500", error(502), error(502), 3, "upstream", status(500)),
    Row("502-html", "502 with a page of HTML", error(502), error(502), 3, "upstream",
        status(502, HTML)),
    Row("503", "503", error(503, True), error(503, True), 3, "overloaded", status(503)),
    Row("503-later", "503, `Retry-After: 9`", error(503, True), error(503, True), 1, "overloaded",
        status(503, Retry_After="9")),
    Row("504", "504", error(504), error(504), 1, "timeout", status(504)),
    Row("reset", "connection reset before the head", error(502), error(502), 3, "upstream",
        {"kind": "reset"}),
    Row("reset-head", "reset behind the head", error(502), error(502), 3, "upstream",
        {"kind": "reset", "at": "after_headers"}),
    Row("reset-mid", "reset in the middle", error(502), BROKEN_OFF, 3, "upstream",
        {"kind": "reset", "at": "events"}, stream_calls=1, second_stream=BROKEN_OFF),
    Row("hang", "silence in place of an answer", error(504), error(504), 1, "timeout",
        {"kind": "hang"}, timeouts=SLOW),
    Row("hang-head", "silence behind the head", error(504), ERROR_EVENT, 1, "timeout",
        {"kind": "hang", "at": "after_headers"}, timeouts=SILENT, second_stream=ERROR_EVENT),
    Row("hang-mid", "silence in the middle", error(504), BROKEN_OFF, 1, "timeout",
        {"kind": "hang", "at": "events"}, timeouts=SILENT, second_stream=BROKEN_OFF),
    Row("drip", "one byte a second", error(504), ERROR_EVENT, 1, "timeout",
        {"kind": "drip", "ms": 1000}, timeouts=DRIP, second=error(504), second_stream=ERROR_EVENT),
    Row("cut", "the end in the middle, as if that were all", error(502), BROKEN_OFF, 3, "upstream",
        {"kind": "cut"}, stream_calls=1, second_stream=BROKEN_OFF),
    Row("error-event", "an error within the stream", NONE, BROKEN_OFF, 1, "overloaded",
        {"kind": "error_event", "code": 503}, second_stream=BROKEN_OFF),
    Row("garbage", "bytes that are no answer", error(502), BROKEN_OFF, 3, "upstream",
        {"kind": "garbage"}, stream_calls=1, second_stream=BROKEN_OFF),
    Row("empty", "200 without a body", error(502), error(502), 3, "upstream", {"kind": "empty_200"}),
    Row("200-html", "200 with a page of HTML", error(502), error(502), 3, "upstream",
        status(200, HTML)),
    Row("type", "the answer, labelled `text/html`", ANSWER, ANSWER, 1, "done",
        {"kind": "wrong_content_type"}),
    Row("refused", "the token service refuses the credentials", error(502, True), error(502, True), 0,
        "upstream_auth", place="refused"),
    Row("down", "the token service does not answer", error(503, True), error(503, True), 0,
        "overloaded", place="down"),
    Row("nowhere", "the host's name is not known (DNS)", error(502), error(502), 0, "upstream",
        place="nowhere"),
    Row("closed", "nobody listens at the host", error(502), error(502), 0, "upstream",
        place="closed"),
    Row("untrusted", "the certificate is not trusted (TLS)", error(502), error(502), 0, "upstream",
        place="untrusted"),
]

LISTS = [
    Row("unlisted", "the list of deployments cannot be had", error(503, True), error(503, True), 0,
        "overloaded", place="unlisted"),
    Row("silent", "the AI API is silent when asked for the list", error(503, True),
        error(503, True), 0, "overloaded", place="silent"),
]

OWN = [
    Row("expired", "the token has expired, by upstream's clock", ANSWER, ANSWER, 2, "done",
        second=NONE),
    Row("revoked", "the token was revoked", ANSWER, ANSWER, 2, "done", second=NONE),
    Row("disk-full", "the disk with `state_dir` is full", ANSWER, ANSWER, 1, "done", second=NONE),
    Row("read-only", "`state_dir` is read-only", ANSWER, ANSWER, 1, "done", second=NONE),
    Row("clock-on", "this host's clock jumps a day ahead", ANSWER, ANSWER, 1, "done", second=NONE),
    Row("clock-back", "this host's clock jumps a day back", ANSWER, ANSWER, 1, "done", second=NONE),
]

# Of those whom a responder takes along; all others see the answer.
LOST = "an error of the web server's own"
CUT = "cut off, without an end"
KILLED = Row("killed", "`kill -9` of responders under load: whom they served", LOST, CUT,
             1, "none", second=NONE)

ROWS = UPSTREAM + LISTS + OWN + [KILLED]


# --- the page ----------------------------------------------------------------------------------------

def once(first, other):
    """One word where both ways are alike."""
    return str(first) if first == other or other == NONE else \
        str(other) if first == NONE else f"{first}; streamed: {other}"


def page_line(row):
    seen = (row.words, row.seen(False, 1), row.seen(True, 1),
            once(row.asked(False), row.asked(True)), f"`{row.record}`",
            once(row.whole if row.whole == NONE else row.second, row.seen(True, 2)))
    return "| " + " | ".join(seen) + " |\n"


def page_table():
    head = ("| upstream, or here | not streamed | streamed | calls upstream | access record "
            "| with a second subaccount |\n|---|---|---|---|---|---|\n")
    return head + "".join(page_line(row) for row in ROWS)


def page_parts():
    """The page in front of its table, the table, and the rest."""
    text = PAGE.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin], text[begin:end], text[end:]


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    before, _, behind = page_parts()
    PAGE.write_text(before + page_table() + behind)
