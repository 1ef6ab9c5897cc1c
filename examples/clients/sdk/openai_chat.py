# pip install openai
import os

from openai import OpenAI

openai = OpenAI(base_url="@URL@/v1", api_key=os.environ["@KEY_ENV@"])

answer = openai.chat.completions.create(
    model="@MODEL@",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)

response = openai.responses.create(model="@MODEL@", input="Hello")
print(response.output_text)
