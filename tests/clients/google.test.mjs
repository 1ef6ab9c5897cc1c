// Google's SDK against a running gateway: CORELAY_URL, CORELAY_KEY. Run with `node --test`.
// The emulator's directives ({{emu: ...}}) are described in tests/emulator/README.md.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, FunctionCallingConfigMode, GoogleGenAI, Type } from "@google/genai";

const url = process.env.CORELAY_URL;
const key = process.env.CORELAY_KEY;
const connect = (options = {}) =>
  new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url }, ...options });
const google = connect();

const models = { GPT: "gpt-5", Claude: "anthropic--claude-4.5-sonnet", Gemini: "gemini-3.5-flash" };
// A red dot, 1 x 1.
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const weather = {
  name: "get_weather",
  description: "The weather of a city",
  parameters: {
    type: Type.OBJECT,
    properties: { city: { type: Type.STRING, nullable: true } },
    required: ["city"],
    propertyOrdering: ["city"],
  },
};
const tools = [{ functionDeclarations: [weather] }];
const callFor = (city) => `{{emu: tool get_weather {"city":"${city}"}}}`;

for (const [family, model] of Object.entries(models)) {
  test(`google ${family}: an answer`, async () => {
    const answer = await google.models.generateContent({
      model,
      contents: "Grüß Gott 👋",
      config: { systemInstruction: "Be brief.", temperature: 1, topK: 40, maxOutputTokens: 3000 },
    });
    assert.match(answer.text, /Grüß Gott 👋/);
    assert.equal(answer.candidates[0].finishReason, "STOP");
    const usage = answer.usageMetadata;
    assert.ok(usage.promptTokenCount > 0);
    assert.equal(
      usage.totalTokenCount,
      usage.promptTokenCount + usage.candidatesTokenCount + (usage.thoughtsTokenCount ?? 0),
    );
  });

  test(`google ${family}: a stream`, async () => {
    const stream = await google.models.generateContentStream({
      model,
      contents: "{{emu: chunks=5}} Tell me",
    });
    let text = "";
    let pieces = 0;
    let last;
    for await (const chunk of stream) {
      text += chunk.text ?? "";
      pieces++;
      last = chunk;
    }
    assert.match(text, /Tell me$/);
    assert.ok(pieces >= 5);
    assert.equal(last.candidates[0].finishReason, "STOP");
    assert.ok(last.usageMetadata.totalTokenCount > 0);
  });

  test(`google ${family}: a stream as an array`, async () => {
    const answer = await fetch(`${url}/v1beta/models/${model}:streamGenerateContent`, {
      method: "POST",
      headers: { "x-goog-api-key": key },
      body: JSON.stringify({ contents: { parts: { text: "{{emu: chunks=3}} Tell me" } } }),
    });
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    const chunks = await answer.json();
    assert.ok(chunks.length >= 3);
    assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
  });

  test(`google ${family}: parallel calls and their responses`, async () => {
    const contents = [
      { role: "user", parts: [{ text: `${callFor("Rome")} ${callFor("Oslo")} Weather?` }] },
    ];
    const first = await google.models.generateContent({ model, contents, config: { tools } });
    const calls = first.functionCalls;
    assert.deepEqual(
      calls.map((call) => call.args.city),
      ["Rome", "Oslo"],
    );
    assert.equal(first.candidates[0].finishReason, "STOP");
    contents.push(first.candidates[0].content, {
      role: "user",
      parts: calls.map((call) => ({
        functionResponse: {
          name: call.name,
          response: { output: `sunny in ${call.args.city}` },
          ...(call.id ? { id: call.id } : {}),
        },
      })),
    });
    const second = await google.models.generateContent({ model, contents, config: { tools } });
    assert.match(second.text, /sunny in Rome[^]*sunny in Oslo/);
  });

  test(`google ${family}: responses without ids find their calls`, async () => {
    const answer = await google.models.generateContent({
      model,
      contents: [
        { role: "user", parts: [{ text: "Weather?" }] },
        {
          role: "model",
          parts: [
            {
              functionCall: { name: "get_weather", args: { city: "Rome" } },
              thoughtSignature: "skip_thought_signature_validator",
            },
            { functionCall: { name: "get_weather", args: { city: "Oslo" } } },
          ],
        },
        {
          role: "user",
          parts: [
            { functionResponse: { name: "get_weather", response: { output: "hot" } } },
            { functionResponse: { name: "get_weather", response: { error: "lost" } } },
          ],
        },
      ],
      config: { tools },
    });
    assert.match(answer.text, /hot[^]*lost/);
  });

  test(`google ${family}: one tool, any tool, no tool`, async () => {
    const ask = (functionCallingConfig) =>
      google.models.generateContent({
        model,
        contents: "Hello",
        config: { tools, toolConfig: { functionCallingConfig } },
      });
    const mode = FunctionCallingConfigMode;
    const one = await ask({ mode: mode.ANY, allowedFunctionNames: ["get_weather"] });
    assert.equal(one.functionCalls[0].name, "get_weather");
    assert.equal((await ask({ mode: mode.ANY })).functionCalls[0].name, "get_weather");
    assert.equal((await ask({ mode: mode.NONE })).functionCalls, undefined);
  });

  test(`google ${family}: a chat that replays its own stream, with thinking and a call`, async () => {
    const chat = google.chats.create({
      model,
      config: { tools, thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } },
    });
    let call;
    let thought = "";
    for await (const chunk of await chat.sendMessageStream({
      message: `{{emu: think=Let me see.}} ${callFor("Rome")} Weather?`,
    })) {
      call ??= chunk.functionCalls?.[0];
      for (const part of chunk.candidates[0].content?.parts ?? [])
        if (part.thought) thought += part.text;
    }
    if (family !== "GPT") assert.equal(thought, "Let me see.");
    const second = await chat.sendMessage({
      message: [
        { functionResponse: { id: call.id, name: call.name, response: { output: "sunny" } } },
      ],
    });
    assert.match(second.text, /sunny/);
  });

  test(`google ${family}: a schema of each kind`, async () => {
    const config = { responseMimeType: "application/json" };
    const one = await google.models.generateContent({
      model,
      contents: "Who?",
      config: {
        ...config,
        responseSchema: {
          type: Type.OBJECT,
          properties: { name: { type: Type.STRING }, age: { type: Type.INTEGER } },
          required: ["name", "age"],
        },
      },
    });
    assert.equal(typeof JSON.parse(one.text).age, "number");
    const other = await google.models.generateContent({
      model,
      contents: "Who?",
      config: {
        ...config,
        responseJsonSchema: {
          type: "object",
          properties: { name: { type: "string" } },
          required: ["name"],
          additionalProperties: false,
        },
      },
    });
    assert.equal(typeof JSON.parse(other.text).name, "string");
  });

  test(`google ${family}: an image`, async () => {
    const answer = await google.models.generateContent({
      model,
      contents: [{ inlineData: { mimeType: "image/png", data: PNG } }, { text: "What is this?" }],
    });
    assert.match(answer.text, /saw image png/);
  });

  test(`google ${family}: cut by the limit`, async () => {
    const answer = await google.models.generateContent({
      model,
      contents: "{{emu: stop=length}} Tell me",
    });
    assert.equal(answer.candidates[0].finishReason, "MAX_TOKENS");
  });

  test(`google ${family}: tokens counted`, async () => {
    const short = await google.models.countTokens({ model, contents: "Hello" });
    const long = await google.models.countTokens({ model, contents: "Hello world. ".repeat(100) });
    assert.ok(short.totalTokens > 0);
    assert.ok(long.totalTokens > 10 * short.totalTokens);
  });

  test(`google ${family}: the model in the list and by its name`, async () => {
    const names = [];
    for await (const one of await google.models.list({ config: { pageSize: 5 } }))
      names.push(one.name);
    assert.ok(names.includes(`models/${model}`), names.join());
    assert.equal((await google.models.get({ model })).name, `models/${model}`);
  });

  // --- errors ---------------------------------------------------------------------------------

  const fails = (status) => (error) => error instanceof ApiError && error.status === status;

  test(`google ${family}: errors are the SDK's`, async () => {
    const wrong = connect({ apiKey: "wrong" });
    await assert.rejects(wrong.models.generateContent({ model, contents: "Hi" }), fails(401));
    await assert.rejects(
      google.models.generateContent({ model: "no-such-model", contents: "Hi" }),
      fails(404),
    );
    await assert.rejects(
      google.models.generateContent({ model, contents: "{{emu: error=400}}" }),
      fails(400),
    );
  });

  test(`google ${family}: an error in the middle of a stream`, async () => {
    const stream = await google.models.generateContentStream({
      model,
      contents: "{{emu: error=500 at=mid}} Tell me",
    });
    await assert.rejects(async () => {
      for await (const chunk of stream) assert.ok(chunk);
    }, ApiError);
  });
}

for (const model of ["text-embedding-3-small", "gemini-embedding"]) {
  test(`google: embeddings of ${model}`, async () => {
    const answer = await google.models.embedContent({ model, contents: "one" });
    assert.equal(answer.embeddings.length, 1);
    assert.ok(answer.embeddings[0].values.length > 10);
    assert.ok(answer.embeddings[0].values.every(Number.isFinite));
  });
}

for (const model of ["amazon--titan-embed-text", "gemini-embedding"]) {
  test(`google: several embeddings of ${model}, which takes one at a time`, async () => {
    const contents = ["one", "two", "three"];
    const all = await google.models.embedContent({ model, contents });
    const second = await google.models.embedContent({ model, contents: "two" });
    assert.equal(all.embeddings.length, 3);
    assert.deepEqual(all.embeddings[1].values, second.embeddings[0].values);
  });
}

test("google: several embeddings at once", async () => {
  const answer = await google.models.embedContent({
    model: "text-embedding-3-small",
    contents: ["one", "two", "three"],
    config: { outputDimensionality: 8 },
  });
  assert.deepEqual(
    answer.embeddings.map((one) => one.values.length),
    [8, 8, 8],
  );
});
