// What OpenAI's SDK does above plain calls: structured output by schema, tools that it runs itself,
// both on chat completions and on responses. See ground.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { CITIES, THREE_ROUNDS, callFor, key, models, url, weatherIn } from "./ground.mjs";

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const Person = z.object({
  name: z.string(),
  age: z.number().int(),
  role: z.enum(["author", "editor"]),
  tags: z.array(z.string()),
});
const City = z.object({ city: z.string() });

for (const [family, model] of Object.entries(models)) {
  test(`openai ${family}: chat, a parsed answer`, async () => {
    const answer = await openai.chat.completions.parse({
      model,
      messages: [{ role: "user", content: "Who?" }],
      response_format: zodResponseFormat(Person, "person"),
    });
    assert.ok(Person.safeParse(answer.choices[0].message.parsed).success);
  });

  test(`openai ${family}: chat, a parsed answer that is streamed`, async () => {
    const stream = openai.chat.completions.stream({
      model,
      messages: [{ role: "user", content: "Who?" }],
      response_format: zodResponseFormat(Person, "person"),
    });
    const answer = await stream.finalChatCompletion();
    assert.ok(Person.safeParse(answer.choices[0].message.parsed).success);
  });

  test(`openai ${family}: chat, parsed arguments`, async () => {
    const answer = await openai.chat.completions.parse({
      model,
      messages: [{ role: "user", content: `Weather? ${callFor("Rome")}` }],
      tools: [zodFunction({ name: "get_weather", parameters: City })],
    });
    const [call] = answer.choices[0].message.tool_calls;
    assert.deepEqual(call.function.parsed_arguments, { city: "Rome" });
  });

  for (const stream of [false, true]) {
    test(`openai ${family}: chat, the tool runner, three rounds, stream ${stream}`, async () => {
      const asked = [];
      const runner = openai.chat.completions.runTools({
        model,
        stream,
        messages: [{ role: "user", content: THREE_ROUNDS }],
        tools: [
          zodFunction({
            name: "get_weather",
            parameters: City,
            function: ({ city }) => {
              asked.push(city);
              return weatherIn(city);
            },
          }),
        ],
      });
      assert.equal(await runner.finalContent(), "Sunny in all three.");
      assert.deepEqual(asked, CITIES);
      assert.equal(runner.messages.filter((message) => message.role === "tool").length, 3);
    });
  }

  test(`openai ${family}: responses, a parsed answer`, async () => {
    const answer = await openai.responses.parse({
      model,
      input: "Who?",
      text: { format: zodTextFormat(Person, "person") },
    });
    assert.ok(Person.safeParse(answer.output_parsed).success);
  });

  test(`openai ${family}: responses, a stream in order`, async () => {
    const stream = openai.responses.stream({ model, input: "{{emu: chunks=4}} Tell me" });
    const numbers = [];
    let text = "";
    for await (const event of stream) {
      numbers.push(event.sequence_number);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
    const answer = await stream.finalResponse();
    assert.equal(answer.status, "completed");
    assert.equal(answer.output_text, text);
    assert.match(text, /Tell me/);
  });

  for (const stream of [false, true]) {
    test(`openai ${family}: responses, three rounds replayed, stream ${stream}`, async () => {
      const input = [{ role: "user", content: THREE_ROUNDS }];
      const asked = [];
      const request = {
        model,
        input,
        store: false,
        reasoning: { effort: "low" },
        include: ["reasoning.encrypted_content"],
        tools: [
          {
            type: "function",
            name: "get_weather",
            strict: true,
            parameters: {
              type: "object",
              properties: { city: { type: "string" } },
              required: ["city"],
              additionalProperties: false,
            },
          },
        ],
      };
      const ask = () =>
        stream ? openai.responses.stream(request).finalResponse() : openai.responses.create(request);
      let answer = await ask();
      for (let round = 0; round < 5; round++) {
        const calls = answer.output.filter((item) => item.type === "function_call");
        if (!calls.length) break;
        // What the SDK adds for its own users is no member of the API's items.
        input.push(...answer.output.map(({ parsed_arguments, ...item }) => item));
        for (const { call_id, arguments: text } of calls) {
          const { city } = JSON.parse(text);
          asked.push(city);
          input.push({ type: "function_call_output", call_id, output: weatherIn(city) });
        }
        answer = await ask();
      }
      assert.deepEqual(asked, CITIES);
      assert.equal(answer.output_text, "Sunny in all three.");
    });
  }

  test(`openai ${family}: responses, errors are the SDK's`, async () => {
    const wrong = new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(wrong.responses.create({ model, input: "Hi" }), OpenAI.AuthenticationError);
    await assert.rejects(
      openai.responses.create({ model: "gpt-99", input: "Hi" }),
      OpenAI.NotFoundError,
    );
    await assert.rejects(openai.responses.create({ model, input: 7 }), OpenAI.BadRequestError);
  });
}
