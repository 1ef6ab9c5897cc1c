"""Callers who think, ask, and look at what they get; some leave before they have it."""
import asyncio
import collections
import contextlib
import json
import random
import time

import asking

# What a caller may be told when nobody could answer. All other refusals are ours.
HONEST = (429, 500, 502, 503, 504)
LEAVES = 0.015  # share of the callers who do not wait for the end


class Connection:
    """HTTP/1.1, as much of it as is needed here."""

    def __init__(self, host, port, key):
        self.host, self.port, self.key = host, port, key
        self.reader = self.writer = None

    async def ask(self, path, body):
        """(status, headers, body); the answer is read to its end."""
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        text = json.dumps(body, ensure_ascii=False).encode()
        self.writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\n"
                          f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:])}
        return int(head[0].split()[1]), headers, await self._body(headers)

    async def _body(self, headers):
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return await self.reader.read()
        pieces = []
        while True:
            size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
            pieces.append((await self.reader.readexactly(size + 2))[:size])
            if size == 0:
                return b"".join(pieces)

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None


class Callers:
    """All callers, and the tally of what became of their questions."""

    def __init__(self, site, key, models, count, think, patience, seed):
        self.site, self.key, self.models, self.think, self.patience = site, key, models, think, patience
        self.count, self.seed = count, seed
        self.tally = collections.Counter()  # (api, outcome)
        self.asked = 0
        self.errors = collections.Counter()  # honest ones, by what was said
        self.wrong = []                      # the first of them, for people
        self.times = []
        self.over = None  # an event: nobody begins to ask any more

    def outcomes(self):
        """{outcome: count}"""
        found = collections.Counter()
        for (_, outcome), n in self.tally.items():
            found[outcome] += n
        return found

    async def run(self, seconds):
        """Ask for so long, then wait for what is still to come."""
        self.over = asyncio.Event()
        tasks = [asyncio.ensure_future(self._one(i)) for i in range(self.count)]
        await asyncio.sleep(seconds)
        self.over.set()
        await asyncio.gather(*tasks)

    async def _one(self, number):
        chance = random.Random(f"{self.seed}/{number}")
        await self._rest(chance.uniform(0, self.think))
        asked = 0
        while not self.over.is_set():
            connection = Connection(self.site.host, self.site.port, self.key)
            for _ in range(chance.randrange(1, 4)):
                asked += 1
                question = asking.Question(chance, f"m{number}x{asked}y{chance.randrange(10 ** 9)}",
                                           chance.choice(self.models))
                if not await self._question(chance, connection, question):
                    break
            connection.close()
            await self._rest(chance.expovariate(1 / self.think))

    async def _rest(self, seconds):
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.over.wait(), seconds)

    async def _question(self, chance, connection, question):
        """Ask once. False: the connection is of no more use."""
        api, reusable = chance.choice(asking.APIS), False
        leaves = chance.uniform(0, 1) if chance.random() < LEAVES else None
        path, body = api.request(question)
        began = time.monotonic()
        self.asked += 1
        try:
            answer = await asyncio.wait_for(connection.ask(path, body), leaves or self.patience)
        except asyncio.TimeoutError:
            outcome, why = ("left", None) if leaves else ("hung", f"nothing for {self.patience} s")
        except (OSError, EOFError, ValueError) as error:
            outcome, why = "wrong", f"the connection broke, or was no HTTP: {error!r}"
        else:
            outcome, why = self._judge(api, question, *answer)
            reusable = answer[1].get("connection") != "close"
            self.times.append(time.monotonic() - began)
        self.tally[api.name, outcome] += 1
        if outcome in ("wrong", "hung") and len(self.wrong) < 50:
            self.wrong.append(f"{time.strftime('%H:%M:%S')} {api.name} {question.model} {question.kind}"
                              f"{' stream' if question.stream else ''} {question.mark}: {outcome}: {why}")
        return reusable

    def _judge(self, api, question, status, headers, body):
        """right; error: an honest one; wrong."""
        try:
            heard = asking.read(api, status, headers.get("content-type", ""), body, question.stream)
            heard.judge(question)
            if status != 200:
                asking.need(status in HONEST, f"status {status}: {heard.error}")
                asking.need(status != 429 or "retry-after" in headers, "429 without Retry-After")
        except (asking.Wrong, UnicodeDecodeError) as error:
            return "wrong", f"{error} [{headers.get('x-request-id')}]"
        if not heard.error:
            return "right", None
        where = (f"status {status} after {headers.get('x-corelay-attempts')} tries" if status != 200 else
                 "in the stream" if heard.begun else "first in the stream")
        self.errors[f"{where}, {heard.error[0]}: {heard.error[1][:70]}"] += 1
        return "error", None
