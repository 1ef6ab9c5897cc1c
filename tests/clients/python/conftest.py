"""What the tests of the Python SDKs share. They run against a gateway, CORELAY_URL with CORELAY_KEY,
in a virtual environment of their own; ../three-rounds.json is given to the emulator before.
"""
import os

import pydantic
import pytest

MODELS = {"GPT": "gpt-5", "Claude": "anthropic--claude-4.5-sonnet", "Gemini": "gemini-3.5-flash"}
THREE_ROUNDS = "Go on until you have been in three cities."
CITIES = ["Rome", "Oslo", "Bonn"]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
          "additionalProperties": False}


class Person(pydantic.BaseModel):
    name: str
    age: int


def call_for(city):
    return '{{emu: tool get_weather {"city":"%s"}}}' % city


@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]


@pytest.fixture
def url():
    return os.environ["CORELAY_URL"]


@pytest.fixture
def key():
    return os.environ["CORELAY_KEY"]
