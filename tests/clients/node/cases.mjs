// What a test asks of OpenAI's package for JavaScript: `node cases.mjs CASE URL MODEL` prints what came of it as JSON.

import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [, , name, baseURL, model] = process.argv;
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 30_000 });
const messages = [{ role: "user", content: "How is the weather in Oslo?" }];
const Report = z.object({ place: z.string(), degrees: z.number() });
const parameters = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };

// The class that a failed call throws, and what it says.
async function failure(call) {
  try {
    await call();
  } catch (error) {
    return {
      class: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      param: error.param ?? null,
      retryAfter: error.headers?.get?.("retry-after") ?? null,
      requestId: error.requestID ?? null,
    };
  }
  return { class: null };
}

async function read(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

const text = (events) => events.map((event) => event.choices[0]?.delta.content ?? "").join("");

const cases = {
  async chat() {
    const { data, request_id } = await client.chat.completions
      .create({ model, messages, max_tokens: 16 })
      .withResponse();
    return { text: data.choices[0].message.content, tokens: data.usage.total_tokens, requestId: request_id };
  },

  async stream() {
    const options = { model, messages, max_tokens: 16, stream: true, stream_options: { include_usage: true } };
    const events = await read(await client.chat.completions.create(options));
    return { text: text(events), tokens: events.at(-1).usage.total_tokens, events: events.length };
  },

  async streamHelper() {
    const stream = client.chat.completions.stream({ model, messages });
    let deltas = "";
    stream.on("content", (delta) => (deltas += delta));
    return { final: await stream.finalContent(), deltas };
  },

  async tools() {
    const tools = [{ type: "function", function: { name: "weather", parameters } }];
    const answer = await client.chat.completions.create({ model, messages, tools, tool_choice: "required" });
    const [call] = answer.choices[0].message.tool_calls;
    return { id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments) };
  },

  async runTools() {
    const asked = [];
    const weather = async ({ place }) => {
      asked.push(place);
      return `-3 degrees in ${place}`;
    };
    const tools = [
      { type: "function", function: { name: "weather", function: weather, parse: JSON.parse, parameters } },
    ];
    const answer = await client.chat.completions.runTools({ model, messages, tools }).finalContent();
    return { answer, asked };
  },

  async parse() {
    const response_format = zodResponseFormat(Report, "report");
    const whole = await client.chat.completions.parse({ model, messages, response_format });
    const stream = client.chat.completions.stream({ model, messages, response_format });
    const streamed = await stream.finalChatCompletion();
    return { whole: whole.choices[0].message.parsed, streamed: streamed.choices[0].message.parsed };
  },

  async completions() {
    const whole = await client.completions.create({ model, prompt: "It is" });
    const events = await read(await client.completions.create({ model, prompt: "It is", stream: true }));
    return { whole: whole.choices[0].text, streamed: events.map((event) => event.choices[0].text).join("") };
  },

  async embeddings() {
    const packed = await client.embeddings.create({ model, input: ["a", "b"] });
    const plain = await client.embeddings.create({ model, input: ["a", "b"], encoding_format: "float" });
    return { packed: packed.data.map((item) => item.embedding), plain: plain.data.map((item) => item.embedding) };
  },

  async models() {
    const listed = await read(await client.models.list());
    return { listed: listed.map((item) => item.id), retrieved: (await client.models.retrieve(model)).id };
  },

  async errors() {
    return {
      notFound: await failure(() => client.chat.completions.create({ model: "none", messages })),
      badRequest: await failure(() => client.chat.completions.create({ model, messages, temperature: "hot" })),
      rateLimit: await failure(() => client.chat.completions.create({ model, messages })),
    };
  },

  async brokenStream() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    const events = [];
    const error = await failure(async () => {
      for await (const event of stream) events.push(event);
    });
    return { text: text(events), error };
  },

  async timeout() {
    return failure(() => client.chat.completions.create({ model, messages }, { timeout: 300 }));
  },

  async abort() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    let events = 0;
    for await (const event of stream) {
      events += event ? 1 : 0;
      if (events === 2) stream.controller.abort();
    }
    return { events };
  },
};

console.log(JSON.stringify(await cases[name]()));
