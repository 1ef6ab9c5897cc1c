// npm install @google/genai
import { GoogleGenAI } from "@google/genai";

const google = new GoogleGenAI({
  apiKey: process.env.@KEY_ENV@,
  httpOptions: { baseUrl: "@URL@" },
});

const answer = await google.models.generateContent({ model: "@MODEL@", contents: "Hello" });
console.log(answer.text);
