// The official SDKs against a running gateway: CORELAY_URL, CORELAY_KEY. Run with `node --test`.
// The emulator's directives ({{emu: ...}}) are described in tests/emulator/README.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const url = process.env.CORELAY_URL;
const key = process.env.CORELAY_KEY;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });

const models = { GPT: "gpt-5", Claude: "anthropic--claude-4.5-sonnet", Gemini: "gemini-2.5-flash" };
// A red dot, 1 x 1.
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const weather = {
  name: "get_weather",
  description: "The weather of a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const callFor = (city) => `{{emu: tool get_weather {"city":"${city}"}}}`;

for (const [family, model] of Object.entries(models)) {
  // --- openai ---------------------------------------------------------------------------------

  const tools = [
    {
      type: "function",
      function: {
        name: weather.name,
        description: weather.description,
        parameters: weather.schema,
      },
    },
  ];

  test(`openai ${family}: a chat completion`, async () => {
    const answer = await openai.chat.completions.create({
      model,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Grüß Gott 👋" },
      ],
    });
    assert.match(answer.choices[0].message.content, /Grüß Gott 👋/);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.prompt_tokens > 0);
    assert.equal(
      answer.usage.total_tokens,
      answer.usage.prompt_tokens + answer.usage.completion_tokens,
    );
  });

  test(`openai ${family}: a stream with usage`, async () => {
    const stream = await openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Tell me" }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let chunks = 0;
    let usage = null;
    const ids = new Set();
    for await (const chunk of stream) {
      ids.add(chunk.id);
      text += chunk.choices[0]?.delta?.content ?? "";
      chunks += chunk.choices.length;
      usage = chunk.usage ?? usage;
    }
    assert.match(text, /Tell me/);
    assert.ok(chunks > 3, `${chunks} chunks`);
    assert.ok(usage.completion_tokens > 0);
    assert.equal(ids.size, 1);
  });

  test(`openai ${family}: no usage chunk unless it was asked for`, async () => {
    const stream = await openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: "Tell me" }],
      stream: true,
    });
    for await (const chunk of stream) {
      assert.ok(chunk.choices.length > 0, JSON.stringify(chunk));
      assert.ok(!chunk.usage, JSON.stringify(chunk));
    }
  });

  for (const stream of [false, true]) {
    test(`openai ${family}: parallel tools, round trip, stream ${stream}`, async () => {
      const messages = [
        { role: "user", content: `Weather? ${callFor("Rome")} ${callFor("Oslo")}` },
      ];
      const first = stream
        ? await openai.chat.completions
            .stream({ model, messages, tools, stream: true })
            .finalChatCompletion()
        : await openai.chat.completions.create({ model, messages, tools });
      const choice = first.choices[0];
      assert.equal(choice.finish_reason, "tool_calls");
      const calls = choice.message.tool_calls;
      assert.deepEqual(
        calls.map((c) => JSON.parse(c.function.arguments).city),
        ["Rome", "Oslo"],
      );
      assert.notEqual(calls[0].id, calls[1].id);
      messages.push(choice.message);
      for (const call of calls)
        messages.push({
          role: "tool",
          tool_call_id: call.id,
          content: `sunny in ${JSON.parse(call.function.arguments).city}`,
        });
      const second = await openai.chat.completions.create({ model, messages, tools });
      assert.match(second.choices[0].message.content, /sunny in Rome/);
      assert.match(second.choices[0].message.content, /sunny in Oslo/);
      assert.equal(second.choices[0].finish_reason, "stop");
    });
  }

  test(`openai ${family}: a forced tool`, async () => {
    const answer = await openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: `Weather? ${callFor("Bonn")}` }],
      tools,
      tool_choice: { type: "function", function: { name: "get_weather" } },
    });
    assert.equal(answer.choices[0].message.tool_calls.length, 1);
  });

  test(`openai ${family}: an image`, async () => {
    const answer = await openai.chat.completions.create({
      model,
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
          ],
        },
      ],
    });
    assert.match(answer.choices[0].message.content, /saw image png/);
  });

  test(`openai ${family}: structured output`, async () => {
    const answer = await openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: "A city" }],
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "city",
          strict: true,
          schema: { ...weather.schema, additionalProperties: false },
        },
      },
    });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content).city, "string");
  });

  test(`openai ${family}: the model in the list and by its name`, async () => {
    const ids = [];
    for await (const one of openai.models.list()) ids.push(one.id);
    assert.ok(ids.includes(model), ids.join());
    assert.equal((await openai.models.retrieve(model)).id, model);
  });

  test(`openai ${family}: the token limit is a length stop`, async () => {
    const answer = await openai.chat.completions.create({
      model,
      max_completion_tokens: 16,
      messages: [{ role: "user", content: "{{emu: stop=length}} Tell me" }],
    });
    assert.equal(answer.choices[0].finish_reason, "length");
  });

  // --- anthropic ------------------------------------------------------------------------------

  const claudeTools = [
    { name: weather.name, description: weather.description, input_schema: weather.schema },
  ];

  test(`anthropic ${family}: a message`, async () => {
    const answer = await anthropic.messages.create({
      model,
      max_tokens: 2000,
      system: "Be brief.",
      messages: [{ role: "user", content: "Grüß Gott 👋" }],
    });
    assert.match(answer.content.at(-1).text, /Grüß Gott 👋/);
    assert.equal(answer.stop_reason, "end_turn");
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
  });

  test(`anthropic ${family}: a stream`, async () => {
    const kinds = [];
    const stream = anthropic.messages.stream({
      model,
      max_tokens: 2000,
      messages: [{ role: "user", content: "Tell me" }],
    });
    stream.on("streamEvent", (event) => kinds.push(event.type));
    const answer = await stream.finalMessage();
    assert.match(answer.content.at(-1).text, /Tell me/);
    assert.equal(answer.stop_reason, "end_turn");
    assert.ok(answer.usage.output_tokens > 0);
    assert.equal(kinds[0], "message_start");
    assert.equal(kinds.at(-1), "message_stop");
    assert.equal(kinds.filter((k) => k === "message_delta").length, 1);
  });

  for (const stream of [false, true]) {
    test(`anthropic ${family}: parallel tools, round trip, stream ${stream}`, async () => {
      const messages = [
        { role: "user", content: `Weather? ${callFor("Rome")} ${callFor("Oslo")}` },
      ];
      const request = { model, max_tokens: 2000, messages, tools: claudeTools };
      const first = stream
        ? await anthropic.messages.stream(request).finalMessage()
        : await anthropic.messages.create(request);
      assert.equal(first.stop_reason, "tool_use");
      const calls = first.content.filter((block) => block.type === "tool_use");
      assert.deepEqual(
        calls.map((c) => c.input.city),
        ["Rome", "Oslo"],
      );
      messages.push({ role: "assistant", content: first.content });
      messages.push({
        role: "user",
        content: calls.map((c, i) => ({
          type: "tool_result",
          tool_use_id: c.id,
          content:
            i === 0
              ? `sunny in ${c.input.city}`
              : [
                  { type: "text", text: `sunny in ${c.input.city}` },
                  {
                    type: "image",
                    source: { type: "base64", media_type: "image/png", data: PNG },
                  },
                ],
        })),
      });
      const second = await anthropic.messages.create(request);
      const text = second.content.at(-1).text;
      assert.match(text, /sunny in Rome/);
      assert.match(text, /sunny in Oslo/);
      assert.equal(second.stop_reason, "end_turn");
    });
  }

  test(`anthropic ${family}: an image`, async () => {
    const answer = await anthropic.messages.create({
      model,
      max_tokens: 2000,
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
            { type: "text", text: "What is this?" },
          ],
        },
      ],
    });
    assert.match(answer.content.at(-1).text, /saw image png/);
  });

  test(`anthropic ${family}: thinking, and its signature replayed with a tool`, async () => {
    const messages = [
      { role: "user", content: `{{emu: think=Let me see.}} ${callFor("Rome")} Weather?` },
    ];
    const request = {
      model,
      max_tokens: 4000,
      messages,
      tools: claudeTools,
      thinking: { type: "enabled", budget_tokens: 1024 },
    };
    const first = await anthropic.messages.stream(request).finalMessage();
    assert.equal(first.stop_reason, "tool_use");
    if (family !== "GPT") assert.equal(first.content[0].type, "thinking");
    const call = first.content.find((block) => block.type === "tool_use");
    messages.push({ role: "assistant", content: first.content });
    messages.push({
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: call.id, content: "no such city", is_error: true },
      ],
    });
    const second = await anthropic.messages.create(request);
    assert.match(second.content.at(-1).text, /no such city/);
  });

  test(`anthropic ${family}: tokens counted`, async () => {
    const short = await anthropic.messages.countTokens({
      model,
      messages: [{ role: "user", content: "Hello" }],
    });
    const long = await anthropic.messages.countTokens({
      model,
      messages: [{ role: "user", content: "Hello world, this is longer. ".repeat(50) }],
      tools: claudeTools,
    });
    assert.ok(short.input_tokens > 0);
    assert.ok(long.input_tokens > 300 && long.input_tokens < 900, `${long.input_tokens}`);
  });

  test(`anthropic ${family}: the model in the list and by its name`, async () => {
    const ids = [];
    for await (const one of anthropic.models.list({ limit: 5 })) ids.push(one.id);
    assert.ok(ids.includes(model), ids.join());
    assert.equal((await anthropic.models.retrieve(model)).id, model);
  });

  // --- errors ---------------------------------------------------------------------------------

  test(`${family}: a wrong key`, async () => {
    const messages = [{ role: "user", content: "Hi" }];
    await assert.rejects(
      new OpenAI({ baseURL: `${url}/v1`, apiKey: "wrong" }).chat.completions.create({
        model,
        messages,
      }),
      OpenAI.AuthenticationError,
    );
    await assert.rejects(
      new Anthropic({ baseURL: url, apiKey: "wrong" }).messages.create({
        model,
        max_tokens: 5,
        messages,
      }),
      Anthropic.AuthenticationError,
    );
  });

  test(`${family}: a malformed body`, async () => {
    await assert.rejects(
      openai.chat.completions.create({ model, messages: "Hi" }),
      OpenAI.BadRequestError,
    );
    await assert.rejects(
      anthropic.messages.create({ model, max_tokens: 5, messages: "Hi" }),
      Anthropic.BadRequestError,
    );
  });
}

test("an unknown model", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  await assert.rejects(
    openai.chat.completions.create({ model: "gpt-99", messages }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
  );
  await assert.rejects(
    anthropic.messages.create({ model: "claude-99", max_tokens: 5, messages }),
    Anthropic.NotFoundError,
  );
});

for (const model of ["amazon--titan-embed-text", "gemini-embedding"]) {
  test(`several embeddings of ${model}, which takes one at a time`, async () => {
    const all = await openai.embeddings.create({ model, input: ["one", "two", "three"] });
    const second = await openai.embeddings.create({ model, input: "two" });
    assert.deepEqual(all.data.map((one) => one.index), [0, 1, 2]);
    assert.deepEqual(all.data[1].embedding, second.data[0].embedding);
    assert.ok(all.usage.prompt_tokens >= 3);
  });
}

test("embeddings as floats, as base64, and as the SDK's default", async () => {
  const request = { model: "text-embedding-3-small", input: ["one", "two"], dimensions: 8 };
  const floats = await openai.embeddings.create({ ...request, encoding_format: "float" });
  const defaults = await openai.embeddings.create(request);
  const base64 = await openai.embeddings.create({ ...request, encoding_format: "base64" });
  assert.equal(floats.data.length, 2);
  assert.equal(floats.data[0].embedding.length, 8);
  assert.equal(floats.data[1].index, 1);
  const bytes = Buffer.from(base64.data[0].embedding, "base64");
  floats.data[0].embedding.forEach((value, i) => {
    assert.ok(Math.abs(value - bytes.readFloatLE(4 * i)) < 1e-6);
    assert.ok(Math.abs(value - defaults.data[0].embedding[i]) < 1e-6);
  });
  assert.ok(floats.usage.prompt_tokens > 0);
});
