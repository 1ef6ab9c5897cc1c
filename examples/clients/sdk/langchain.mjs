// npm install @langchain/core, and of the models the one you like: all three reach all models.
import { ChatAnthropic } from "@langchain/anthropic";
import { ChatGoogleGenerativeAI } from "@langchain/google-genai";
import { ChatOpenAI } from "@langchain/openai";

const apiKey = process.env.@KEY_ENV@;
const model = "@MODEL@";
const models = [
  new ChatOpenAI({ model, apiKey, configuration: { baseURL: "@URL@/v1" } }),
  new ChatAnthropic({ model, apiKey, anthropicApiUrl: "@URL@" }),
  new ChatGoogleGenerativeAI({ model, apiKey, baseUrl: "@URL@" }),
];

for (const chat of models) {
  const answer = await chat.invoke("Hello");
  console.log(answer.text);
}
