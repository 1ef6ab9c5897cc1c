// What the newer tests of SDKs share. They run with `node --test` against a gateway: CORELAY_URL,
// CORELAY_KEY; before them three-rounds.json is given to the emulator's control port as a script.
// A test is named "CLIENT FAMILY: what", from which the table of the run is made.
export const url = process.env.CORELAY_URL;
export const key = process.env.CORELAY_KEY;
export const models = {
  GPT: "gpt-5",
  Claude: "anthropic--claude-4.5-sonnet",
  Gemini: "gemini-3.5-flash",
};
export const callFor = (city) => `{{emu: tool get_weather {"city":"${city}"}}}`;

// The script makes three rounds of it, with thinking before each call. Gemini 3 demands the
// signatures of all its calls back.
export const THREE_ROUNDS = "Go on until you have been in three cities.";
export const CITIES = ["Rome", "Oslo", "Bonn"];
export const weatherIn = (city) => `sunny in ${city}`;
