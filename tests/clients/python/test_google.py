"""Google's Python SDK."""
import pytest
from conftest import CITIES, THREE_ROUNDS, Person, call_for
from google import genai
from google.genai import errors, types

TOOLS = [types.Tool(function_declarations=[types.FunctionDeclaration(
    name="get_weather", description="The weather of a city",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")},
                            required=["city"]))])]


def connect(url, key):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


@pytest.fixture
def client(url, key):
    return connect(url, key)


def test_answer(client, model):
    answer = client.models.generate_content(
        model=model, contents="Grüß Gott 👋",
        config=types.GenerateContentConfig(system_instruction="Be brief."))
    assert "Grüß Gott 👋" in answer.text
    assert answer.usage_metadata.prompt_token_count > 0


def test_stream(client, model):
    chunks = list(client.models.generate_content_stream(model=model,
                                                        contents="{{emu: chunks=5}} Tell me"))
    assert "Tell me" in "".join(chunk.text or "" for chunk in chunks) and len(chunks) >= 5
    assert chunks[-1].usage_metadata.total_token_count > 0


def test_parallel_calls(client, model):
    answer = client.models.generate_content(
        model=model, contents=f"{call_for('Rome')} {call_for('Oslo')} Weather?",
        config=types.GenerateContentConfig(tools=TOOLS))
    assert [call.args["city"] for call in answer.function_calls] == ["Rome", "Oslo"]


def test_three_rounds(client, model):
    config = types.GenerateContentConfig(
        tools=TOOLS, thinking_config=types.ThinkingConfig(include_thoughts=True,
                                                          thinking_budget=2048))
    contents, asked = [types.UserContent(THREE_ROUNDS)], []
    while len(asked) < 5:
        answer = client.models.generate_content(model=model, contents=contents, config=config)
        contents.append(answer.candidates[0].content)
        if not answer.function_calls:
            break
        asked += [call.args["city"] for call in answer.function_calls]
        contents.append(types.UserContent([types.Part(function_response=types.FunctionResponse(
            id=call.id, name=call.name, response={"output": f"sunny in {call.args['city']}"}))
            for call in answer.function_calls]))
    assert asked == CITIES and answer.text == "Sunny in all three."


def test_functions_that_the_sdk_calls(client, model):
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"sunny in {city}"

    answer = client.models.generate_content(
        model=model, contents=THREE_ROUNDS,
        config=types.GenerateContentConfig(tools=[get_weather]))
    assert asked == CITIES and answer.text == "Sunny in all three."


def test_parsed(client, model):
    answer = client.models.generate_content(
        model=model, contents="Who?",
        config=types.GenerateContentConfig(response_mime_type="application/json",
                                           response_schema=Person))
    assert isinstance(answer.parsed, Person)


def test_errors(client, url, model):
    wrong = connect(url, "wrong")
    for code, asked, name in ((401, wrong, model), (404, client, "gpt-99")):
        with pytest.raises(errors.ClientError) as caught:
            asked.models.generate_content(model=name, contents="Hi")
        assert caught.value.code == code


def test_an_error_in_mid_stream(client, model):
    with pytest.raises(errors.APIError):
        list(client.models.generate_content_stream(
            model=model, contents="{{emu: bytes=4000 error=500 at=mid}}"))


def test_embeddings(client):
    one = client.models.embed_content(model="gemini-embedding", contents="one")
    assert len(one.embeddings[0].values) > 10
    two = client.models.embed_content(
        model="text-embedding-3-small", contents=["one", "two"],
        config=types.EmbedContentConfig(output_dimensionality=8))
    assert [len(row.values) for row in two.embeddings] == [8, 8]
