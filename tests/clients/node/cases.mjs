// What a test asks of OpenAI's package for JavaScript, responses aside.

import { toFile } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

import { client, failure, model, read, run } from "./client.mjs";

const messages = [{ role: "user", content: "How is the weather in Oslo?" }];
const Report = z.object({ place: z.string(), degrees: z.number() });
const parameters = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };

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

  async files() {
    const content = "line one\nline two\n";
    const made = await client.files.create({ file: await toFile(Buffer.from(content), "a 'b' é.txt"), purpose: "user_data" });
    const found = await client.files.retrieve(made.id);
    const text = await (await client.files.content(made.id)).text();
    const listed = await read(await client.files.list({ purpose: "user_data" }));
    const upload = await client.uploads.create({
      filename: "b.txt",
      purpose: "user_data",
      mime_type: "text/plain",
      bytes: 10,
    });
    const parts = [];
    for (const half of ["12345", "67890"]) {
      parts.push((await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(half), "p") })).id);
    }
    const whole = await client.uploads.complete(upload.id, { part_ids: parts });
    const deleted = await client.files.delete(made.id);
    return {
      same: found.id === made.id && text === content && listed.some((file) => file.id === made.id),
      name: found.filename,
      bytes: found.bytes,
      uploaded: await (await client.files.content(whole.file.id)).text(),
      deleted: deleted.deleted,
      gone: await failure(() => client.files.retrieve(made.id)),
    };
  },

  async conversations() {
    const said = (content) => ({ type: "message", role: "user", content });
    const made = await client.conversations.create({ items: [said("one")], metadata: { topic: "demo" } });
    const image = { type: "input_image", image_url: "https://example.org/a.png", detail: "auto" };
    const include = ["message.input_image.image_url"];
    const added = await client.conversations.items.create(made.id, { items: [said("two"), said([image])], include });
    const items = await read(await client.conversations.items.list(made.id, { limit: 1, order: "asc" }));
    const plain = await client.conversations.items.retrieve(items[2].id, { conversation_id: made.id });
    const updated = await client.conversations.update(made.id, { metadata: { topic: "new" } });
    const left = await client.conversations.items.delete(items[0].id, { conversation_id: made.id });
    const deleted = await client.conversations.delete(made.id);
    return {
      texts: items.slice(0, 2).map((item) => item.content[0].text),
      asked: added.data[1].content[0].image_url,
      plain: plain.content[0].image_url ?? null,
      topics: [made.metadata.topic, updated.metadata.topic],
      left: left.id === made.id,
      deleted: [deleted.object, deleted.deleted],
      gone: await failure(() => client.conversations.retrieve(made.id)),
    };
  },

  async storedCompletions() {
    const { completions } = client.chat;
    const topic = { topic: "demo" };
    const whole = await completions.create({ model, messages, store: true, metadata: topic });
    const stream = await read(await completions.create({ model, messages, store: true, metadata: topic, stream: true }));
    const plain = await completions.create({ model, messages });
    const listed = await read(await completions.list({ metadata: topic, limit: 1 }));
    const streamed = await completions.retrieve(stream[0].id);
    const updated = await completions.update(whole.id, { metadata: { topic: "new" } });
    const asked = await read(await completions.messages.list(whole.id));
    const deleted = await completions.delete(whole.id);
    return {
      ids: listed.map((one) => one.id).join() === [whole.id, stream[0].id].join(),
      texts: [whole, streamed].map((one) => one.choices[0].message.content),
      topics: [listed[0].metadata.topic, updated.metadata.topic],
      asked: asked.map((message) => message.content),
      deleted: [deleted.object, deleted.deleted],
      gone: await failure(() => completions.retrieve(whole.id)),
      never: await failure(() => completions.retrieve(plain.id)),
    };
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

await run(cases);
