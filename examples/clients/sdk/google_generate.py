# pip install google-genai
import os

from google import genai

google = genai.Client(api_key=os.environ["@KEY_ENV@"], http_options={"base_url": "@URL@"})

answer = google.models.generate_content(model="@MODEL@", contents="Hello")
print(answer.text)
