# pip install anthropic
import os

from anthropic import Anthropic

anthropic = Anthropic(base_url="@URL@", api_key=os.environ["@KEY_ENV@"])

message = anthropic.messages.create(
    model="@MODEL@",
    max_tokens=1000,
    messages=[{"role": "user", "content": "Hello"}],
)
print(next(block.text for block in message.content if block.type == "text"))
