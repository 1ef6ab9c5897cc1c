// What Anthropic's SDK does above plain calls: structured output by schema, tools that it runs itself.
// See ground.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { CITIES, THREE_ROUNDS, key, models, url, weatherIn } from "./ground.mjs";

const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const Person = z.object({ name: z.string(), age: z.number().int() });

for (const [family, model] of Object.entries(models)) {
  test(`anthropic ${family}: a parsed answer`, async () => {
    const answer = await anthropic.messages.parse({
      model,
      max_tokens: 1000,
      messages: [{ role: "user", content: "Who?" }],
      output_config: { format: zodOutputFormat(Person) },
    });
    assert.ok(Person.safeParse(answer.parsed_output).success);
  });

  for (const stream of [false, true]) {
    test(`anthropic ${family}: the tool runner, three rounds, stream ${stream}`, async () => {
      const asked = [];
      const runner = anthropic.beta.messages.toolRunner({
        model,
        stream,
        max_tokens: 4000,
        thinking: { type: "enabled", budget_tokens: 1024 },
        messages: [{ role: "user", content: THREE_ROUNDS }],
        tools: [
          betaZodTool({
            name: "get_weather",
            description: "The weather of a city",
            inputSchema: z.object({ city: z.string() }),
            run: ({ city }) => {
              asked.push(city);
              return weatherIn(city);
            },
          }),
        ],
      });
      const answer = await runner.runUntilDone();
      assert.equal(answer.content.at(-1).text, "Sunny in all three.");
      assert.deepEqual(asked, CITIES);
    });
  }
}
