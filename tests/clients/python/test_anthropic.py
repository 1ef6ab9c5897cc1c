"""Anthropic's Python SDK."""
import anthropic
import pytest
from conftest import CITIES, SCHEMA, THREE_ROUNDS, Person, call_for

TOOL = {"name": "get_weather", "description": "The weather of a city", "input_schema": SCHEMA}


@pytest.fixture
def client(url, key):
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)


def ask(text):
    return {"max_tokens": 4000, "messages": [{"role": "user", "content": text}]}


def test_message(client, model):
    answer = client.messages.create(model=model, system="Be brief.", **ask("Grüß Gott 👋"))
    assert "Grüß Gott 👋" in answer.content[-1].text and answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0


def test_stream(client, model):
    with client.messages.stream(model=model, **ask("{{emu: chunks=5}} Tell me")) as stream:
        text = "".join(stream.text_stream)
        answer = stream.get_final_message()
    assert "Tell me" in text and answer.content[-1].text == text
    assert answer.usage.output_tokens > 0


def test_parallel_calls(client, model):
    answer = client.messages.create(model=model, tools=[TOOL],
                                    **ask(f"{call_for('Rome')} {call_for('Oslo')} Weather?"))
    assert [b.input["city"] for b in answer.content if b.type == "tool_use"] == ["Rome", "Oslo"]


def test_three_rounds_with_thinking(client, model):
    request, asked = ask(THREE_ROUNDS), []
    while len(asked) < 5:
        answer = client.messages.create(model=model, tools=[TOOL], **request,
                                        thinking={"type": "enabled", "budget_tokens": 1024})
        calls = [block for block in answer.content if block.type == "tool_use"]
        request["messages"].append({"role": "assistant", "content": answer.content})
        if not calls:
            break
        asked += [call.input["city"] for call in calls]
        request["messages"].append({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id,
             "content": f"sunny in {call.input['city']}"} for call in calls]})
    assert asked == CITIES and answer.content[-1].text == "Sunny in all three."


def test_tool_runner(client, model):
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"sunny in {city}"

    runner = client.beta.messages.tool_runner(model=model, tools=[get_weather], **ask(THREE_ROUNDS))
    assert runner.until_done().content[-1].text == "Sunny in all three."
    assert asked == CITIES


def test_parse(client, model):
    answer = client.messages.parse(model=model, output_format=Person, **ask("Who?"))
    assert isinstance(answer.parsed_output, Person)


def test_tokens_counted(client, model):
    counted = client.messages.count_tokens(model=model, messages=ask("Hello. " * 100)["messages"])
    assert 100 < counted.input_tokens < 500


def test_errors(client, url, model):
    wrong = anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError):
        wrong.messages.create(model=model, **ask("Hi"))
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="claude-99", **ask("Hi"))
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model=model, max_tokens=5, messages="Hi")


def test_an_error_in_mid_stream(client, model):
    with pytest.raises(anthropic.APIError):
        with client.messages.stream(model=model,
                                    **ask("{{emu: bytes=4000 error=500 at=mid}}")) as stream:
            stream.until_done()
