"""Questions in every API that Corelay speaks, and answers that are compared with what was to come.

A question is made up in no API's words. `Chat`, `Responses`, `Messages` and `Gemini` write it as a request, and
read the answer as strictly as a good client does: whatever is malformed, ends too early or goes on
after its end raises Wrong.
"""
import json
import random

WORDS = ("river", "größer", "naïve", "東京", "ключ", "π≈3.14159", "a\"quote\"", "back\\slash", "tab\there",
         "🚲", "line\nbreak", "<tag>", "&amp;", "null", "0.30000000000000004", "café")
TOOL = "look_up"
SCHEMA = {"type": "object", "properties": {"mark": {"type": "string"}, "list": {
    "type": "array", "items": {"type": "number"}}}, "required": ["mark"]}


class Wrong(Exception):
    """The answer is not what it must be."""


class Question:
    """`mark` is in the answer and nowhere else, so that an answer for somebody else is seen."""

    def __init__(self, chance, mark, model):
        self.mark, self.model = mark, model
        self.kind = chance.choices(("text", "echo", "call", "result"), (6, 1, 2, 2))[0]
        self.stream = chance.random() < 0.6
        self.system = chance.random() < 0.5
        self.calls, self.text = [], ""
        self.arguments = {"mark": mark, "list": [chance.randrange(10 ** 6) for _ in range(3)]}
        self.result = f"{mark}: {' '.join(chance.choices(WORDS, k=8))}"
        getattr(self, "_ask_for_" + self.kind)(chance)

    def _ask_for_text(self, chance):
        words = int(10 ** chance.uniform(0.5, 2.5))  # 3 to 300
        self.text = f"{self.mark} {' '.join(chance.choices(WORDS, k=words))} {self.mark}"
        pace = f"{{{{emu: chunks={chance.randrange(2, 30)} delay_ms={chance.randrange(40)}}}}}"
        self.said = f"{{{{emu: text={self.text}}}}}{pace}"

    def _ask_for_echo(self, chance):
        self.said = f"Is {self.mark} a number?"
        self.text = f"Hello from {self.model}. You said: {self.said}"

    def _ask_for_call(self, chance):
        self.said = f"{{{{emu: tool {TOOL} {json.dumps(self.arguments)}}}}}"
        self.calls = [(TOOL, self.arguments)]

    def _ask_for_result(self, chance):
        self.said = "Look it up."
        self.text = f"Tool {TOOL} returned: {self.result}"

    @property
    def has_tools(self):
        return self.kind in ("call", "result")


class Heard:
    """An answer, or what came of it. `error` is (kind, text) as the API says it; `begun`: some content
    came, after which an error can no longer be kept from the caller."""

    def __init__(self):
        self.text, self.calls, self.error, self.ended, self.begun = "", [], None, False, False

    def judge(self, question):
        """Raise Wrong unless it is what the question asked for, or an honest part of it."""
        if self.error:
            if not question.text.startswith(self.text):
                raise Wrong(f"before the error came other text than was asked for: {self.text[-200:]!r}")
            return
        if not self.ended:
            raise Wrong(f"it stopped after {len(self.text)} characters, without an end and without an error")
        if self.text != question.text:
            raise Wrong(f"{question.text[:200]!r} was to come, {self.text[:200]!r} came")
        if self.calls != question.calls:
            raise Wrong(f"calls {question.calls} were to come, {self.calls} came")


def need(condition, what):
    if not condition:
        raise Wrong(what)


def parse(text):
    try:
        return json.loads(text)
    except ValueError as error:
        raise Wrong(f"no JSON ({error}): {text[:200]!r}") from None


def events(body):
    """(event, data) of a stream of server-sent events; comments are left out."""
    text = body.decode("utf-8").replace("\r\n", "\n")  # Google ends lines so; what is not UTF-8 is malformed
    need(not text or text.endswith("\n\n"), f"the stream ends in the middle of an event: {text[-100:]!r}")
    for block in text.split("\n\n"):
        event, data = None, []
        for line in block.split("\n"):
            field, _, value = line.partition(": ")
            need(field in ("", "event", "data") or line.startswith(":"), f"odd line {line[:100]!r}")
            if field == "data":
                data.append(value)
            elif field == "event":
                event = value
        if data:
            yield event, "\n".join(data)


def error_of(answer):
    """The error of an answer that is no stream, in the forms of OpenAI, Anthropic and Google."""
    error = answer.get("error") if isinstance(answer, dict) else None
    need(isinstance(error, dict) and isinstance(error.get("message"), str), f"no error: {str(answer)[:200]}")
    return str(error.get("type") or error.get("status")), error["message"]


# --- OpenAI: chat completions ----------------------------------------------------------------------

class Chat:
    name = "chat"

    @staticmethod
    def request(q):
        messages = [{"role": "system", "content": "Be brief."}] if q.system else []
        messages.append({"role": "user", "content": q.said})
        body = {"model": q.model, "messages": messages, "stream": q.stream}
        if q.kind == "result":
            messages += [{"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function",
                 "function": {"name": TOOL, "arguments": json.dumps(q.arguments)}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": q.result}]
        if q.has_tools:
            body["tools"] = [{"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}]
        return "/v1/chat/completions", body

    @staticmethod
    def whole(answer, heard):
        (choice,) = answer["choices"]
        message = choice["message"]
        heard.text = message.get("content") or ""
        heard.calls = [(c["function"]["name"], parse(c["function"]["arguments"]))
                       for c in message.get("tool_calls") or []]
        heard.ended = choice["finish_reason"] == ("tool_calls" if heard.calls else "stop")

    @staticmethod
    def stream(body, heard):
        calls, reason = {}, None
        for _, data in events(body):
            need(not heard.ended, "something came behind [DONE]")
            if data == "[DONE]":
                heard.ended = reason is not None
                continue
            need(not heard.error, "something came behind an error")
            chunk = parse(data)
            if "error" in chunk:
                heard.error = error_of(chunk)
            for choice in chunk.get("choices", []):
                delta = choice["delta"]
                heard.text += delta.get("content") or ""
                heard.begun |= bool(heard.text) or "tool_calls" in delta
                for call in delta.get("tool_calls", []):
                    kept = calls.setdefault(call["index"], ["", ""])
                    kept[0] += call["function"].get("name") or ""
                    kept[1] += call["function"].get("arguments") or ""
                reason = choice.get("finish_reason") or reason
        if heard.ended:
            heard.calls = [(name, parse(arguments)) for name, arguments in calls.values()]


# --- OpenAI: responses -----------------------------------------------------------------------------

class Responses:
    name = "responses"

    @staticmethod
    def request(q):
        items = [{"type": "message", "role": "user", "content": q.said}]
        if q.kind == "result":
            items += [{"type": "function_call", "call_id": "call_1", "name": TOOL,
                       "arguments": json.dumps(q.arguments)},
                      {"type": "function_call_output", "call_id": "call_1", "output": q.result}]
        body = {"model": q.model, "input": items, "stream": q.stream, "store": False}
        if q.system:
            body["instructions"] = "Be brief."
        if q.has_tools:
            body["tools"] = [{"type": "function", "name": TOOL, "parameters": SCHEMA, "strict": False}]
        return "/v1/responses", body

    @staticmethod
    def whole(answer, heard):
        for item in answer["output"]:
            if item["type"] == "message":
                heard.text += "".join(part["text"] for part in item["content"])
            elif item["type"] == "function_call":
                heard.calls.append((item["name"], parse(item["arguments"])))
        heard.ended = answer["status"] == "completed"

    @classmethod
    def stream(cls, body, heard):
        text, number, failed = "", -1, False
        for event, data in events(body):
            need(not heard.ended, f"{event} came behind the end")
            said = parse(data)
            need(said["type"] == event, f"{event} has the type {said['type']}")
            if event == "error":
                heard.error = (str(said.get("code")), str(said.get("message")))
                continue
            need(said["sequence_number"] == number + 1, f"{event} has another number than {number + 1}")
            number += 1
            if event == "response.output_text.delta":
                text += said["delta"]
                heard.begun = True
            elif event == "response.output_item.added":
                heard.begun |= said["item"]["type"] == "function_call"
            elif event == "response.failed":
                error = said["response"]["error"]
                heard.error, failed = (error["code"], error["message"]), True
            elif event == "response.completed":
                cls.whole(said["response"], heard)
                need(heard.text == text, "the whole answer is not what its pieces are")
        need(failed or not heard.error, "an error without response.failed, which clients wait for")
        heard.text = text


# --- Anthropic -------------------------------------------------------------------------------------

class Messages:
    name = "messages"

    @staticmethod
    def request(q):
        messages = [{"role": "user", "content": q.said}]
        body = {"model": q.model, "max_tokens": 8000, "messages": messages, "stream": q.stream}
        if q.kind == "result":
            messages += [{"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": q.arguments}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": q.result}]}]
        if q.system:
            body["system"] = "Be brief."
        if q.has_tools:
            body["tools"] = [{"name": TOOL, "input_schema": SCHEMA}]
        return "/v1/messages", body

    @staticmethod
    def whole(answer, heard):
        for block in answer["content"]:
            if block["type"] == "text":
                heard.text += block["text"]
            elif block["type"] == "tool_use":
                heard.calls.append((block["name"], block["input"]))
        heard.ended = answer["stop_reason"] == ("tool_use" if heard.calls else "end_turn")

    @staticmethod
    def stream(body, heard):
        open_block, calls, reason = None, [], None
        for event, data in events(body):
            said = parse(data)
            need(not heard.ended and not heard.error, f"{event} came behind the end")
            need(said["type"] == event, f"{event} has the type {said['type']}")
            if event == "error":
                heard.error = error_of(said)
            elif event == "content_block_start":
                need(open_block is None, "a block begins in another")
                open_block = said["index"]
                if said["content_block"]["type"] == "tool_use":
                    calls.append([said["content_block"]["name"], ""])
                    heard.begun = True
            elif event == "content_block_delta":
                need(said["index"] == open_block, "a piece of a block that is not open")
                heard.text += said["delta"].get("text", "")
                heard.begun |= bool(heard.text)
                if "partial_json" in said["delta"]:
                    calls[-1][1] += said["delta"]["partial_json"]
            elif event == "content_block_stop":
                need(said["index"] == open_block, "a block ends that is not open")
                open_block = None
            elif event == "message_delta":
                reason = said["delta"]["stop_reason"]
            elif event == "message_stop":
                heard.ended = open_block is None and reason is not None
        if heard.ended:
            heard.calls = [(name, parse(arguments or "{}")) for name, arguments in calls]


# --- Google ----------------------------------------------------------------------------------------

class Gemini:
    name = "gemini"

    @staticmethod
    def request(q):
        contents = [{"role": "user", "parts": [{"text": q.said}]}]
        body = {"contents": contents}
        if q.kind == "result":
            contents += [{"role": "model", "parts": [{"functionCall": {"name": TOOL, "args": q.arguments}}]},
                         {"role": "user", "parts": [{"functionResponse": {
                             "name": TOOL, "response": {"output": q.result}}}]}]
        if q.system:
            body["systemInstruction"] = {"parts": [{"text": "Be brief."}]}
        if q.has_tools:
            body["tools"] = [{"functionDeclarations": [{"name": TOOL, "description": "", "parameters": SCHEMA}]}]
        call = "streamGenerateContent?alt=sse" if q.stream else "generateContent"
        return f"/v1beta/models/{q.model}:{call}", body

    @staticmethod
    def whole(answer, heard):
        for candidate in answer.get("candidates", []):
            for part in candidate.get("content", {}).get("parts", []):
                heard.text += part.get("text", "") if not part.get("thought") else ""
                if "functionCall" in part:
                    heard.calls.append((part["functionCall"]["name"], part["functionCall"].get("args", {})))
            heard.ended = candidate.get("finishReason") == "STOP"

    @classmethod
    def stream(cls, body, heard):
        for _, data in events(body):
            need(not heard.error, "something came behind an error")
            said = parse(data)
            if "error" in said:
                heard.error = error_of(said)
                continue
            ended = heard.ended
            cls.whole(said, heard)
            heard.ended = heard.ended or ended
            heard.begun = bool(heard.text or heard.calls)


APIS = (Chat, Responses, Messages, Gemini)


def read(api, status, content_type, body, streamed):
    """What an answer says."""
    heard = Heard()
    try:
        if status != 200:
            heard.error = error_of(parse(body.decode("utf-8")))
        elif streamed:
            need(content_type.startswith("text/event-stream"), f"a stream of type {content_type}")
            api.stream(body, heard)
        else:
            api.whole(parse(body.decode("utf-8")), heard)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Wrong(f"malformed, {type(error).__name__} {error}: {body[-300:]!r}") from None
    return heard
