// The client that every case uses, and how a case is run: `node FILE CASE URL MODEL` prints what came of it as JSON.

import OpenAI from "openai";

const [, , name, baseURL, model] = process.argv;
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 30_000 });

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

async function run(cases) {
  console.log(JSON.stringify(await cases[name]()));
}

export { client, failure, model, read, run };
