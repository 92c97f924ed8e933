// What a test asks of the Vercel AI SDK: `node vercel.mjs CASE URL MODEL` prints what came of it as JSON.

import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";

const [, , name, baseURL, id] = process.argv;
const openai = createOpenAI({ baseURL, apiKey: "none" });
const model = openai.responses(id);
const prompt = "How is the weather in Oslo?";
const schema = z.object({ place: z.string(), degrees: z.number() });
const once = { model, maxRetries: 0 };

const asked = [];
const weather = tool({
  description: "Tells how cold it is.",
  inputSchema: z.object({ place: z.string() }),
  execute: async ({ place }) => {
    asked.push(place);
    return `-3 degrees in ${place}`;
  },
});

const cases = {
  async text() {
    const { text, usage, finishReason } = await generateText({ ...once, system: "Be brief.", prompt });
    return { text, tokens: usage.totalTokens, finishReason };
  },

  async stream() {
    const result = streamText({ ...once, prompt });
    const pieces = [];
    for await (const piece of result.textStream) pieces.push(piece);
    return { text: pieces.join(""), several: pieces.length > 3, finishReason: await result.finishReason };
  },

  async tools() {
    const { text, steps } = await generateText({ ...once, prompt, tools: { weather }, stopWhen: isStepCount(3) });
    return { text, asked, steps: steps.length };
  },

  async streamedTools() {
    const result = streamText({ ...once, prompt, tools: { weather }, stopWhen: isStepCount(3) });
    const kinds = new Set();
    for await (const part of result.fullStream) kinds.add(part.type);
    return { text: await result.text, asked, results: kinds.has("tool-result"), failed: kinds.has("error") };
  },

  async object() {
    const made = await generateObject({ ...once, prompt, schema });
    const output = await generateText({ ...once, prompt, output: Output.object({ schema }) });
    return { object: made.object, output: output.output };
  },

  async chain() {
    const first = await generateText({ ...once, prompt: "one" });
    const previousResponseId = first.providerMetadata.openai.responseId;
    const second = await generateText({ ...once, prompt: "two", providerOptions: { openai: { previousResponseId } } });
    return second.text;
  },

  async failure() {
    try {
      await generateText({ ...once, model: openai.responses("none"), prompt });
    } catch (error) {
      return { status: error.statusCode, message: error.message };
    }
  },
};

console.log(JSON.stringify(await cases[name]()));
