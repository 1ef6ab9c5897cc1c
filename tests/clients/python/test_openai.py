"""OpenAI's Python SDK."""
import json

import openai
import pytest
from conftest import CITIES, SCHEMA, THREE_ROUNDS, Person, call_for

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
FUNCTION = {"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": True}


@pytest.fixture
def client(url, key):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)


def ask(text):
    return [{"role": "user", "content": text}]


def test_chat(client, model):
    answer = client.chat.completions.create(model=model, messages=ask("Grüß Gott 👋"))
    assert "Grüß Gott 👋" in answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_chat_stream(client, model):
    stream = client.chat.completions.create(model=model, messages=ask("{{emu: chunks=5}} Tell me"),
                                            stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "Tell me" in text and len(chunks) > 4
    assert chunks[-1].usage.completion_tokens > 0 and not chunks[-1].choices


def test_chat_three_rounds(client, model):
    messages, asked = ask(THREE_ROUNDS), []
    while len(asked) < 5:
        message = client.chat.completions.create(model=model, messages=messages,
                                                 tools=[TOOL]).choices[0].message
        messages.append(message)
        for call in message.tool_calls or []:
            city = json.loads(call.function.arguments)["city"]
            asked.append(city)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": f"sunny in {city}"})
        if not message.tool_calls:
            break
    assert asked == CITIES and message.content == "Sunny in all three."


def test_chat_parse(client, model):
    answer = client.chat.completions.parse(model=model, messages=ask("Who?"), response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)


def test_responses(client, model):
    answer = client.responses.create(model=model, instructions="Be brief.", input="Grüß Gott 👋")
    assert "Grüß Gott 👋" in answer.output_text and answer.status == "completed"
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_responses_stream(client, model):
    with client.responses.stream(model=model, input="{{emu: chunks=5}} Tell me") as stream:
        events = list(stream)
        answer = stream.get_final_response()
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert "Tell me" in answer.output_text


def test_responses_three_rounds(client, model):
    items, asked = ask(THREE_ROUNDS), []
    while len(asked) < 5:
        answer = client.responses.create(model=model, input=items, tools=[FUNCTION], store=False,
                                         include=["reasoning.encrypted_content"])
        calls = [item for item in answer.output if item.type == "function_call"]
        items += answer.output
        for call in calls:
            city = json.loads(call.arguments)["city"]
            asked.append(city)
            items.append({"type": "function_call_output", "call_id": call.call_id,
                          "output": f"sunny in {city}"})
        if not calls:
            break
    assert asked == CITIES and answer.output_text == "Sunny in all three."


def test_responses_parse(client, model):
    answer = client.responses.parse(model=model, input="Who?", text_format=Person)
    assert isinstance(answer.output_parsed, Person)


def test_errors(client, url, model):
    wrong = openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model=model, messages=ask("Hi"))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-99", messages=ask("Hi"))
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages="Hi")


def test_an_error_in_mid_stream(client, model):
    stream = client.chat.completions.create(
        model=model, messages=ask("{{emu: bytes=4000 error=500 at=mid}}"), stream=True)
    with pytest.raises(openai.APIError):
        list(stream)


def test_parallel_calls(client, model):
    answer = client.chat.completions.create(
        model=model, tools=[TOOL], messages=ask(f"{call_for('Rome')} {call_for('Oslo')} Weather?"))
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(c.function.arguments)["city"] for c in calls] == ["Rome", "Oslo"]


def test_embeddings(client):
    answer = client.embeddings.create(model="text-embedding-3-small", input=["one", "two"],
                                      dimensions=8)
    assert [len(row.embedding) for row in answer.data] == [8, 8]
    assert answer.usage.prompt_tokens > 0
