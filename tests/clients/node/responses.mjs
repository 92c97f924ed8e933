// What a test asks of the same package about responses.

import { ResponsesToolRunner, runnerFunction } from "openai/helpers/responses-tool-runner";
import { zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { ResponsesWS } from "openai/resources/responses/ws";
import { z } from "zod";

import { client, failure, model, read, run } from "./client.mjs";

const Report = z.object({ place: z.string(), degrees: z.number() });
const parameters = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };
const weather = { type: "function", name: "weather", strict: false, parameters };
const input = "How is the weather in Oslo?";

const deltas = (events) =>
  events
    .filter((event) => event.type === "response.output_text.delta")
    .map((event) => event.delta)
    .join("");

// A response of the background, once it has come to its end.
async function ended(id) {
  for (;;) {
    const found = await client.responses.retrieve(id);
    if (!["queued", "in_progress"].includes(found.status)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const cases = {
  async kept() {
    const made = await client.responses.create({ model, input, instructions: "Be brief.", metadata: { topic: "demo" } });
    const found = await client.responses.retrieve(made.id);
    const asked = await read(await client.responses.inputItems.list(made.id));
    const deleted = await client.responses.delete(made.id);
    return {
      text: made.output_text,
      tokens: made.usage.total_tokens,
      found: [found.id === made.id, found.status, found.instructions, found.metadata.topic],
      asked: asked.map((item) => item.content[0].text),
      deleted,
      gone: await failure(() => client.responses.retrieve(made.id)),
    };
  },

  async stream() {
    const events = await read(await client.responses.create({ model, input, stream: true }));
    const final = events.at(-1).response;
    return {
      deltas: deltas(events),
      numbers: events.every((event, index) => event.sequence_number === index),
      ends: [events[0].type, events.at(-1).type],
      final: final.output[0].content[0].text,
    };
  },

  async streamHelper() {
    const stream = client.responses.stream({ model, input });
    let said = "";
    stream.on("response.output_text.delta", (event) => (said = event.snapshot));
    return { final: (await stream.finalResponse()).output_text, said };
  },

  async tools() {
    const first = await client.responses.create({ model, input, tools: [weather], tool_choice: "required" });
    const [call] = first.output;
    const output = [{ type: "function_call_output", call_id: call.call_id, output: "-3 degrees" }];
    const second = await client.responses.create({
      model,
      input: output,
      tools: [weather],
      previous_response_id: first.id,
    });
    return { called: [call.type, call.name, JSON.parse(call.arguments)], answer: second.output_text };
  },

  async runTools() {
    const asked = [];
    const tool = zodResponsesFunction({
      name: "weather",
      parameters: z.object({ place: z.string() }),
      function: async ({ place }) => {
        asked.push(place);
        return `-3 degrees in ${place}`;
      },
    });
    const runner = new ResponsesToolRunner({ functions: [runnerFunction(tool)] });
    const final = await runner.run(client, { model, input }, { stream: true });
    return { answer: final.output_text, asked };
  },

  async parse() {
    const text = { format: zodTextFormat(Report, "report") };
    const whole = await client.responses.parse({ model, input, text });
    const streamed = await client.responses.stream({ model, input, text }).finalResponse();
    return { whole: whole.output_parsed, streamed: streamed.output_parsed };
  },

  async conversation() {
    const { id } = await client.conversations.create();
    for (const said of ["one", "two"]) await client.responses.create({ model, input: said, conversation: id });
    const items = await read(await client.conversations.items.list(id, { order: "asc" }));
    return items.map((item) => [item.role, item.content[0].text]);
  },

  async background() {
    const made = await client.responses.create({ model, input, background: true });
    const polled = await ended(made.id);
    const stream = await client.responses.create({ model, input, background: true, stream: true });
    const head = [];
    for await (const event of stream) {
      head.push(event);
      if (event.type === "response.output_text.delta") break;
    }
    const { id } = head[0].response;
    const last = head.at(-1).sequence_number;
    const rest = await read(await client.responses.retrieve(id, { stream: true, starting_after: last }));
    return {
      begun: made.status,
      polled: [polled.status, polled.output_text],
      joined: deltas([...head, ...rest]),
      next: rest[0].sequence_number - last,
    };
  },

  async cancel() {
    const made = await client.responses.create({ model, input, background: true });
    await client.responses.cancel(made.id);
    return (await ended(made.id)).status;
  },

  async socket() {
    const socket = new ResponsesWS(client);
    const texts = [];
    let previous = null;
    for (const said of ["one", "two"]) {
      const done = new Promise((resolve, reject) => {
        socket.once("response.completed", (event) => resolve(event.response));
        socket.once("error", reject);
      });
      socket.send({ type: "response.create", model, input: said, store: false, previous_response_id: previous });
      const response = await done;
      previous = response.id;
      texts.push(response.output[0].content[0].text);
    }
    socket.close();
    return texts;
  },

  async errors() {
    return {
      unknown: await failure(() => client.responses.retrieve("resp_none")),
      previous: await failure(() => client.responses.create({ model, input, previous_response_id: "resp_none" })),
      tool: await failure(() => client.responses.create({ model, input, tools: [{ type: "telepathy" }] })),
    };
  },
};

await run(cases);
