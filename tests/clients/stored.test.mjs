// The Responses API's memory as OpenAI's SDK uses it, against a gateway with `responses.store`:
// CORELAY_URL, CORELAY_KEY, CORELAY_OTHER_KEY. A GPT's responses are Azure's, the others' are the
// gateway's own. Run with `node --test`.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const baseURL = `${process.env.CORELAY_URL}/v1`;
const openai = new OpenAI({ baseURL, apiKey: process.env.CORELAY_KEY, maxRetries: 0 });
const stranger = new OpenAI({ baseURL, apiKey: process.env.CORELAY_OTHER_KEY, maxRetries: 0 });

const models = { GPT: "gpt-5", Claude: "anthropic--claude-4.5-sonnet", Gemini: "gemini-2.5-flash" };
const tools = [
  {
    type: "function",
    name: "get_weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    strict: false,
  },
];

for (const [family, model] of Object.entries(models)) {
  test(`${family}: create, retrieve, go on, list, delete`, async () => {
    const first = await openai.responses.create({ model, input: `The word is ${family}-plum.` });
    assert.equal(first.store, true);
    assert.match(first.output_text, /plum/);
    const again = await openai.responses.retrieve(first.id);
    assert.equal(again.output_text, first.output_text);

    const second = await openai.responses.create({
      model,
      input: "What was the word?",
      previous_response_id: first.id,
    });
    assert.equal(second.previous_response_id, first.id);
    assert.ok(second.usage.input_tokens > first.usage.input_tokens);

    const items = [];
    for await (const item of openai.responses.inputItems.list(second.id, { order: "asc" }))
      items.push(item);
    assert.deepEqual(
      items.filter((i) => i.type === "message").map((i) => i.role),
      ["user", "assistant", "user"],
    );
    assert.match(JSON.stringify(items[0]), /plum/);

    await assert.rejects(openai.responses.cancel(second.id), OpenAI.BadRequestError);
    await openai.responses.delete(first.id);
    await assert.rejects(openai.responses.retrieve(first.id), OpenAI.NotFoundError);
    await assert.rejects(
      openai.responses.create({ model, input: "?", previous_response_id: first.id }),
      (error) =>
        error instanceof OpenAI.BadRequestError && error.code === "previous_response_not_found",
    );
  });

  for (const stream of [false, true]) {
    test(`${family}: tools whose history stays here, stream ${stream}`, async () => {
      const ask = async (request) =>
        stream
          ? await openai.responses.stream({ model, tools, ...request }).finalResponse()
          : await openai.responses.create({ model, tools, ...request });
      const first = await ask({
        input: `{{emu: tool get_weather {"city":"Rome"}}} {{emu: tool get_weather {"city":"Oslo"}}}`,
        reasoning: family === "Gemini" ? undefined : { effort: "low", summary: "auto" },
      });
      const calls = first.output.filter((item) => item.type === "function_call");
      assert.deepEqual(
        calls.map((c) => JSON.parse(c.arguments).city),
        ["Rome", "Oslo"],
      );
      const second = await ask({
        previous_response_id: first.id,
        input: calls.map((c) => ({
          type: "function_call_output",
          call_id: c.call_id,
          output: `sunny in ${JSON.parse(c.arguments).city}`,
        })),
      });
      assert.match(second.output_text, /sunny in Rome/);
      assert.match(second.output_text, /sunny in Oslo/);
    });
  }

  test(`${family}: not stored, and not another's`, async () => {
    const passing = await openai.responses.create({ model, input: "pass by", store: false });
    assert.equal(passing.store, false);
    await assert.rejects(openai.responses.retrieve(passing.id), OpenAI.NotFoundError);
    const mine = await openai.responses.create({ model, input: `${family}, mine alone` });
    await assert.rejects(stranger.responses.retrieve(mine.id), OpenAI.NotFoundError);
    await assert.rejects(stranger.responses.delete(mine.id), OpenAI.NotFoundError);
    await assert.rejects(
      stranger.responses.create({ model, input: "?", previous_response_id: mine.id }),
      (error) => error.code === "previous_response_not_found",
    );
    assert.equal((await openai.responses.retrieve(mine.id)).id, mine.id);
  });
}

test("GPT: in the background, polled and taken up as a stream", async () => {
  const model = models.GPT;
  let response = await openai.responses.create({ model, input: "Slowly.", background: true });
  assert.equal(response.status, "queued");
  for (let i = 0; i < 9 && response.status !== "completed"; i++)
    response = await openai.responses.retrieve(response.id);
  assert.match(response.output_text, /Slowly/);

  const stream = await openai.responses.create({
    model,
    input: "Slowly again.",
    background: true,
    stream: true,
  });
  let id, last;
  for await (const event of stream) {
    id ??= event.response.id;
    last = event.sequence_number;
  }
  const numbers = [];
  for await (const event of await openai.responses.retrieve(id, { stream: true, starting_after: 1 }))
    numbers.push(event.sequence_number);
  assert.equal(numbers[0], 2);
  assert.equal(numbers.at(-1), last);
});

test("GPT: compacted; the others say that they cannot", async () => {
  const input = [
    { role: "user", content: "one" },
    { role: "assistant", content: "two" },
  ];
  const compacted = await openai.responses.compact({ model: models.GPT, input });
  assert.equal(compacted.output.at(-1).type, "compaction");
  const after = await openai.responses.create({
    model: models.GPT,
    input: [...compacted.output, { role: "user", content: "three" }],
  });
  assert.match(after.output_text, /three/);
  await assert.rejects(
    openai.responses.compact({ model: models.Claude, input }),
    OpenAI.BadRequestError,
  );
});

test("a conversation that began with Claude goes on with a GPT, not the other way round", async () => {
  const first = await openai.responses.create({ model: models.Claude, input: "The word is pear." });
  const second = await openai.responses.create({
    model: models.GPT,
    input: "Go on.",
    previous_response_id: first.id,
  });
  await assert.rejects(
    openai.responses.create({
      model: models.Claude,
      input: "And on.",
      previous_response_id: second.id,
    }),
    (error) =>
      error instanceof OpenAI.BadRequestError &&
      error.param === "previous_response_id" &&
      /gpt-5/.test(error.message),
  );
});
