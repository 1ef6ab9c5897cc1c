// npm install @anthropic-ai/sdk
import Anthropic from "@anthropic-ai/sdk";

const anthropic = new Anthropic({ baseURL: "@URL@", apiKey: process.env.@KEY_ENV@ });

const message = await anthropic.messages.create({
  model: "@MODEL@",
  max_tokens: 1000,
  messages: [{ role: "user", content: "Hello" }],
});
console.log(message.content.find((block) => block.type === "text").text);
