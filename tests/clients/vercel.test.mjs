// Vercel's AI SDK through each of its providers. See ground.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError,
  Output,
  embed,
  embedMany,
  generateObject,
  generateText,
  isStepCount,
  streamText,
  tool,
} from "ai";
import { z } from "zod";
import { CITIES, THREE_ROUNDS, callFor, key, models, url, weatherIn } from "./ground.mjs";

const connect = (apiKey) => ({
  "ai openai-compatible": createOpenAICompatible({
    name: "corelay",
    baseURL: `${url}/v1`,
    apiKey,
    supportsStructuredOutputs: true,
    includeUsage: true,
  }),
  "ai openai": createOpenAI({ baseURL: `${url}/v1`, apiKey }),
  "ai openai.chat": createOpenAI({ baseURL: `${url}/v1`, apiKey }).chat,
  "ai anthropic": createAnthropic({ baseURL: `${url}/v1`, apiKey }),
  "ai google": createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey }),
});
const providers = connect(key);
const Person = z.object({ name: z.string(), age: z.number().int() });
// Unless told so, the provider of the Responses API believes that answers are stored, and replays
// their names alone; other providers do not look at it.
const once = { maxRetries: 0, providerOptions: { openai: { store: false } } };

function weather(asked) {
  return tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: ({ city }) => {
      asked.push(city);
      return weatherIn(city);
    },
  });
}

for (const [client, provider] of Object.entries(providers))
  for (const [family, name] of Object.entries(models)) {
    const model = provider(name);

    test(`${client} ${family}: a text`, async () => {
      const answer = await generateText({
        model,
        instructions: "Be brief.",
        prompt: "Grüß Gott 👋",
        ...once,
      });
      assert.match(answer.text, /Grüß Gott 👋/);
      assert.equal(answer.finishReason, "stop");
      assert.ok(answer.usage.inputTokens > 0 && answer.usage.outputTokens > 0);
    });

    test(`${client} ${family}: a stream`, async () => {
      const stream = streamText({ model, prompt: "{{emu: chunks=5}} Tell me", ...once });
      let text = "";
      let pieces = 0;
      for await (const piece of stream.textStream) {
        text += piece;
        pieces++;
      }
      assert.match(text, /Tell me/);
      assert.ok(pieces >= 3, `${pieces} pieces`);
      assert.equal(await stream.finishReason, "stop");
      assert.ok((await stream.usage).outputTokens > 0);
    });

    test(`${client} ${family}: parallel calls`, async () => {
      const asked = [];
      const answer = await generateText({
        model,
        prompt: `${callFor("Rome")} ${callFor("Oslo")} Weather?`,
        tools: { get_weather: weather(asked) },
        stopWhen: isStepCount(2),
        ...once,
      });
      assert.deepEqual(asked, ["Rome", "Oslo"]);
      assert.match(answer.text, /sunny in Rome[^]*sunny in Oslo/);
    });

    test(`${client} ${family}: three rounds of a tool`, async () => {
      const asked = [];
      const answer = await generateText({
        model,
        prompt: THREE_ROUNDS,
        tools: { get_weather: weather(asked) },
        stopWhen: isStepCount(6),
        ...once,
      });
      assert.deepEqual(asked, CITIES);
      assert.equal(answer.text, "Sunny in all three.");
    });

    test(`${client} ${family}: three rounds of a tool, streamed`, async () => {
      const asked = [];
      const stream = streamText({
        model,
        prompt: THREE_ROUNDS,
        tools: { get_weather: weather(asked) },
        stopWhen: isStepCount(6),
        ...once,
      });
      const text = await stream.text;
      assert.deepEqual(asked, CITIES);
      assert.equal(text, "Sunny in all three.");
    });

    test(`${client} ${family}: an object`, async () => {
      const answer = await generateObject({ model, schema: Person, prompt: "Who?", ...once });
      assert.ok(Person.safeParse(answer.object).success);
    });

    test(`${client} ${family}: an object that is streamed`, async () => {
      const stream = streamText({
        model,
        prompt: "Who?",
        output: Output.object({ schema: Person }),
        ...once,
      });
      assert.ok(Person.safeParse(await stream.output).success);
    });

    test(`${client} ${family}: errors are the SDK's`, async () => {
      const fails = (status) => (error) =>
        APICallError.isInstance(error) && error.statusCode === status;
      const wrong = connect("wrong")[client];
      await assert.rejects(generateText({ model: wrong(name), prompt: "Hi", ...once }), fails(401));
      await assert.rejects(
        generateText({ model: provider("no-such-model"), prompt: "Hi", ...once }),
        fails(404),
      );
    });
  }

for (const [client, one, many] of [
  ["ai openai-compatible", "text-embedding-3-small", "text-embedding-3-small"],
  ["ai openai", "text-embedding-3-small", "text-embedding-3-small"],
  ["ai google", "gemini-embedding", "text-embedding-3-small"],
]) {
  const family = one.startsWith("gemini") ? "Gemini" : "GPT";
  test(`${client} ${family}: embeddings`, async () => {
    const model = (name) => providers[client].embeddingModel(name);
    const { embedding } = await embed({ model: model(one), value: "one", ...once });
    assert.ok(embedding.length > 10 && embedding.every(Number.isFinite));
    const { embeddings } = await embedMany({ model: model(many), values: ["one", "two"], ...once });
    assert.equal(embeddings.length, 2);
    assert.ok(embeddings[1].length > 10 && embeddings[1].every(Number.isFinite));
  });
}

for (const client of ["ai openai-compatible", "ai openai", "ai google"])
  for (const name of ["amazon--titan-embed-text", "gemini-embedding"])
    test(`${client}: several embeddings of ${name}, which takes one at a time`, async () => {
      const model = providers[client].embeddingModel(name);
      const values = ["one", "two", "three", "four", "five"];
      const { embeddings } = await embedMany({ model, values, ...once });
      const { embedding } = await embed({ model, value: "four", ...once });
      assert.equal(embeddings.length, values.length);
      assert.deepEqual(embeddings[3], embedding);
      assert.notDeepEqual(embeddings[3], embeddings[4]);
    });
