"""The requests of the benchmark: made up, always the same, in the shapes and sizes of real ones."""
import json
import random

WORDS = ("the file holds a list of colours and each of them has a name that a reader can say aloud "
         "so change nothing else unless a test asks for it").split()


def text(size, seed):
    """About `size` bytes of words, with the escapes that source code has."""
    chance = random.Random(seed)
    parts, n = [], 0
    while n < size:
        word = chance.choice(WORDS) + chance.choice((" ", " ", " ", "\n", '"', "\t", " \u00e4 "))
        parts.append(word)
        n += len(word)
    return "".join(parts)


def tool(i):
    return {"name": f"tool_{i}", "description": text(1500, i), "input_schema": {
        "type": "object", "additionalProperties": False, "required": ["path"],
        "properties": {f"argument_{j}": {"type": "string", "description": text(60, i * 100 + j)}
                       for j in range(5)} | {"path": {"type": "string"}}}}


def small(model, stream=False):
    body = {"model": model, "messages": [
        {"role": "system", "content": "You answer in one short sentence, without any mark-up."},
        {"role": "user", "content": "Which colour do you get when you mix blue and yellow?"}]}
    return json.dumps(body | ({"stream": True} if stream else {})).encode()


def messages(model, size, stream=False):
    """What a coding agent sends: a long system prompt, many tools, some rounds of tool calls."""
    tools = [tool(i) for i in range(20)]
    body = {"model": model, "max_tokens": 8000, "stream": stream,
            "system": [{"type": "text", "text": text(20000, 1),
                        "cache_control": {"type": "ephemeral"}}],
            "tools": tools, "messages": [{"role": "user", "content": text(2000, 2)}]}
    rounds = 8
    left = max(size - len(json.dumps(body)), 1000) // rounds
    for i in range(rounds):
        body["messages"] += [
            {"role": "assistant", "content": [
                {"type": "text", "text": text(200, 10 + i)},
                {"type": "tool_use", "id": f"toolu_{i:024d}", "name": f"tool_{i}",
                 "input": {"path": f"/src/file_{i}.c"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": f"toolu_{i:024d}",
                 "content": text(int(left * 0.8), 100 + i)}]}]
    return json.dumps(body).encode()


def embeddings(model, count, **more):
    return json.dumps({"model": model, "input": [text(40, i) for i in range(count)]} | more).encode()
