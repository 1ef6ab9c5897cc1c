// npm install ai, and of the providers the one you like: all four reach all models.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const apiKey = process.env.@KEY_ENV@;
const compatible = createOpenAICompatible({ name: "corelay", baseURL: "@URL@/v1", apiKey });
const openai = createOpenAI({ baseURL: "@URL@/v1", apiKey });
const anthropic = createAnthropic({ baseURL: "@URL@/v1", apiKey });
const google = createGoogleGenerativeAI({ baseURL: "@URL@/v1beta", apiKey });

// openai(...) speaks the Responses API, openai.chat(...) chat completions.
for (const provider of [compatible, openai, openai.chat, anthropic, google]) {
  const { text } = await generateText({ model: provider("@MODEL@"), prompt: "Hello" });
  console.log(text);
}
