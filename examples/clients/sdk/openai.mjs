// npm install openai
import OpenAI from "openai";

const openai = new OpenAI({ baseURL: "@URL@/v1", apiKey: process.env.@KEY_ENV@ });

const answer = await openai.chat.completions.create({
  model: "@MODEL@",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);

const response = await openai.responses.create({ model: "@MODEL@", input: "Hello" });
console.log(response.output_text);
