// LangChain's chat models and embeddings. See ground.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings } from "@langchain/google-genai";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
import { CITIES, THREE_ROUNDS, callFor, key, models, url, weatherIn } from "./ground.mjs";

const once = { maxRetries: 0 };
const openai = (more) => (model) =>
  new ChatOpenAI({ model, apiKey: key, configuration: { baseURL: `${url}/v1` }, ...once, ...more });
const clients = {
  "langchain openai": openai({}),
  "langchain openai, responses": openai({ useResponsesApi: true, zdrEnabled: true }),
  "langchain anthropic": (model) =>
    new ChatAnthropic({ model, apiKey: key, anthropicApiUrl: url, maxTokens: 2000, ...once }),
  "langchain google-genai": (model) =>
    new ChatGoogleGenerativeAI({ model, apiKey: key, baseUrl: url, ...once }),
};
const Person = z.object({ name: z.string(), age: z.number().int() });
const weather = tool(({ city }) => weatherIn(city), {
  name: "get_weather",
  description: "The weather of a city",
  schema: z.object({ city: z.string() }),
});

for (const [client, make] of Object.entries(clients))
  for (const [family, name] of Object.entries(models)) {
    const chat = make(name);

    test(`${client} ${family}: an answer`, async () => {
      const answer = await chat.invoke([
        ["system", "Be brief."],
        ["human", "Grüß Gott 👋"],
      ]);
      assert.match(answer.text, /Grüß Gott 👋/);
      assert.ok(answer.usage_metadata.input_tokens > 0);
      assert.ok(answer.usage_metadata.output_tokens > 0);
    });

    test(`${client} ${family}: a stream`, async () => {
      let whole;
      let pieces = 0;
      for await (const piece of await chat.stream("{{emu: chunks=5}} Tell me")) {
        whole = whole ? whole.concat(piece) : piece;
        pieces++;
      }
      assert.match(whole.text, /Tell me/);
      assert.ok(pieces >= 3, `${pieces} pieces`);
    });

    test(`${client} ${family}: parallel calls`, async () => {
      // For names with "gemini-3" in them google-genai puts a signature from elsewhere at the second
      // call, which Google takes and the emulator, that cannot know it, does not.
      const foreign = client === "langchain google-genai" && name.includes("gemini-3");
      const bound = (foreign ? make("gemini-2.5-pro") : chat).bindTools([weather]);
      const messages = [new HumanMessage(`${callFor("Rome")} ${callFor("Oslo")} Weather?`)];
      const first = await bound.invoke(messages);
      assert.deepEqual(
        first.tool_calls.map((call) => call.args.city),
        ["Rome", "Oslo"],
      );
      messages.push(first);
      for (const call of first.tool_calls) messages.push(await weather.invoke(call));
      const second = await bound.invoke(messages);
      assert.match(second.text, /sunny in Rome[^]*sunny in Oslo/);
    });

    test(`${client} ${family}: three rounds of a tool`, async () => {
      const bound = chat.bindTools([weather]);
      const messages = [new HumanMessage(THREE_ROUNDS)];
      const asked = [];
      let answer = await bound.invoke(messages);
      while (answer.tool_calls.length && asked.length < 5) {
        messages.push(answer);
        for (const call of answer.tool_calls) {
          asked.push(call.args.city);
          messages.push(
            new ToolMessage({
              content: weatherIn(call.args.city),
              tool_call_id: call.id,
              name: call.name,
            }),
          );
        }
        answer = await bound.invoke(messages);
      }
      assert.deepEqual(asked, CITIES);
      assert.match(answer.text, /Sunny in all three\./);
    });

    test(`${client} ${family}: structured output`, async () => {
      const person = await chat.withStructuredOutput(Person, { name: "person" }).invoke("Who?");
      assert.ok(Person.safeParse(person).success);
    });
  }

test("langchain openai GPT: embeddings", async () => {
  const model = new OpenAIEmbeddings({
    model: "text-embedding-3-small",
    apiKey: key,
    configuration: { baseURL: `${url}/v1` },
    ...once,
  });
  const [one, two] = await model.embedDocuments(["one", "two"]);
  assert.deepEqual(await model.embedQuery("one"), one);
  assert.equal(one.length, two.length);
});

test("langchain google-genai Gemini: embeddings", async () => {
  const model = (name) =>
    new GoogleGenerativeAIEmbeddings({ model: name, apiKey: key, baseUrl: url, ...once });
  const one = await model("gemini-embedding").embedQuery("one");
  assert.ok(one.length > 10 && one.every(Number.isFinite));
  const all = await model("text-embedding-3-small").embedDocuments(["one", "two"]);
  assert.deepEqual([all.length, all[0].length > 10], [2, true]);
});

for (const name of ["amazon--titan-embed-text", "gemini-embedding"]) {
  const embeddings = {
    "langchain openai": new OpenAIEmbeddings({
      model: name,
      apiKey: key,
      configuration: { baseURL: `${url}/v1` },
      ...once,
    }),
    "langchain google-genai": new GoogleGenerativeAIEmbeddings({
      model: name,
      apiKey: key,
      baseUrl: url,
      ...once,
    }),
  };
  for (const [client, model] of Object.entries(embeddings))
    test(`${client}: several embeddings of ${name}, which takes one at a time`, async () => {
      const texts = ["one", "two", "three", "four", "five"];
      const all = await model.embedDocuments(texts);
      assert.equal(all.length, texts.length);
      assert.deepEqual(all[3], await model.embedQuery("four"));
      assert.notDeepEqual(all[3], all[4]);
    });
}
