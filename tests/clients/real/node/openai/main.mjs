// openai-node: create, the stream and parse helpers, stored and stateless turns, and the classes of its errors.

import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import * as the from "../protocol.mjs";

const { MODEL: model, expect, expectEqual } = the;

const connect = (apiKey) => new OpenAI({ baseURL: the.BASE_URL, apiKey, maxRetries: 0, timeout: 30_000 });
const client = connect(the.API_KEY);

const tools = [{ type: "function", ...the.WEATHER, strict: true }];

const callsOf = (response) => response.output.filter((item) => item.type === "function_call");
const outputOf = (call) => ({
  type: "function_call_output",
  call_id: call.call_id,
  output: the.weather(JSON.parse(call.arguments)),
});

async function text() {
  const first = await client.responses.create({ model, input: "say hello" });
  expectEqual(first.output_text, the.GREETING, "output_text");
  expectEqual(first.status, "completed", "status");
  expectEqual(first.model, model, "model");
  expectEqual(first.usage.total_tokens, first.usage.input_tokens + first.usage.output_tokens, "total_tokens");
  const second = await client.responses.create({ model, input: "say hello", previous_response_id: first.id });
  expectEqual(second.output_text, the.GREETING, "output_text of the second turn");
  const kept = await client.responses.retrieve(second.id);
  expectEqual(kept.output_text, the.GREETING, "output_text of the retrieved response");
}

async function stream() {
  let deltas = "";
  let last;
  for await (const event of await client.responses.create({ model, input: "say hello", stream: true })) {
    if (event.type === "response.output_text.delta") deltas += event.delta;
    last = event;
  }
  expectEqual(deltas, the.GREETING, "the deltas");
  expectEqual(last.type, "response.completed", "the last event");
  const helper = client.responses.stream({ model, input: "say hello" });
  let snapshot = "";
  helper.on("response.output_text.delta", (event) => (snapshot = event.snapshot));
  const final = await helper.finalResponse();
  expectEqual(final.output_text, the.GREETING, "output_text of the helper");
  expectEqual(snapshot, the.GREETING, "the helper's last snapshot");
}

/** The items of an answer as they are sent back: what the SDK's helpers add is refused, by OpenAI too. */
const sentBack = ({ output }) =>
  output.map(({ parsed_arguments, ...item }) =>
    item.type === "message" ? { ...item, content: item.content.map(({ parsed, ...part }) => part) } : item,
  );

const stored = (body) => client.responses.create(body);
const streamed = (body) => client.responses.stream(body).finalResponse();

/** Three turns: the model calls twice, one after the other, and names both results. `ask` makes one response. */
async function converse(prompt, ask, continued, calls) {
  let input = [{ role: "user", content: prompt }];
  let response = await ask({ model, tools, input });
  for (const expected of calls) {
    const made = callsOf(response);
    expectEqual(made.length, expected, "calls in one answer");
    const outputs = made.map(outputOf);
    if (continued) {
      response = await ask({ model, tools, previous_response_id: response.id, input: outputs });
    } else {
      input = [...input, ...sentBack(response), ...outputs];
      response = await ask({ model, tools, input, store: false });
    }
  }
  expectEqual(callsOf(response).length, 0, "calls in the last answer");
  the.expectBothResults(response.output_text);
}

async function everyWay(prompt, calls) {
  for (const ask of [stored, streamed]) {
    for (const continued of [true, false]) await converse(prompt, ask, continued, calls);
  }
}

async function structured() {
  const Report = z.object({ city: z.string(), temperature: z.number().int() });
  const body = { model, input: "structured", text: { format: zodTextFormat(Report, "report") } };
  the.expectReport((await client.responses.parse(body)).output_parsed);
  the.expectReport((await streamed(body)).output_parsed);
}

async function image() {
  const url = `data:image/png;base64,${the.IMAGE.toString("base64")}`;
  const content = [
    { type: "input_text", text: "look at the image" },
    { type: "input_image", image_url: url, detail: "auto" },
  ];
  const response = await client.responses.create({ model, input: [{ role: "user", content }] });
  the.expectSeen(response.output_text);
}

async function reasoning() {
  for (const ask of [stored, streamed]) {
    const shared = {
      model,
      tools,
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "medium", summary: "auto" },
    };
    const input = [{ role: "user", content: "think" }];
    const first = await ask({ ...shared, input });
    const thoughts = first.output.filter((item) => item.type === "reasoning");
    expect(thoughts.length > 0, "no reasoning item came");
    expect(thoughts.some((item) => item.encrypted_content), "no reasoning item has encrypted_content");
    const calls = callsOf(first);
    expect(calls.length > 0, "no call came after the reasoning");
    const second = await ask({ ...shared, input: [...input, ...sentBack(first), ...calls.map(outputOf)] });
    expectEqual(second.status, "completed", "status of the second turn");
    expect(second.output_text.length > 0, "the second turn has no text");
  }
}

async function errors() {
  const refused = await the.rejection(connect("sk-wrong").responses.create({ model, input: "say hello" }), "a wrong key");
  expect(refused instanceof OpenAI.AuthenticationError, `a wrong key: ${refused}`);
  const unknown = await the.rejection(client.responses.create({ model: "no-such-model", input: "say hello" }), "a model");
  expect(unknown instanceof OpenAI.BadRequestError, `an unknown model: ${unknown}`);
  expectEqual(unknown.code, "model_not_found", "code for an unknown model");
  for (const stream of [false, true]) {
    const limited = await the.rejection(client.responses.create({ model, input: "fail 429", stream }), "a rate limit");
    expect(limited instanceof OpenAI.RateLimitError, `a rate limit: ${limited}`);
    expect(Number(limited.headers.get("retry-after")) > 0, `retry-after: ${limited.headers.get("retry-after")}`);
    expect(Boolean(limited.requestID), "a rate limit has no request id");
  }
}

async function custom_tool() {
  const { name, description, grammar } = the.CUSTOM_TOOL;
  for (const format of [{ type: "grammar", syntax: "lark", definition: grammar }, { type: "text" }]) {
    const custom = [{ type: "custom", name, description, format }];
    for (const ask of [stored, streamed]) {
      const input = [{ role: "user", content: "use the custom tool" }];
      const first = await ask({ model, tools: custom, input, store: false });
      const calls = first.output.filter((item) => item.type === "custom_tool_call");
      expectEqual(calls.length, 1, "custom_tool_call items");
      expectEqual(calls[0].name, name, "the custom tool's name");
      const output = { type: "custom_tool_call_output", call_id: calls[0].call_id, output: the.rows(calls[0].input) };
      const second = await ask({ model, tools: custom, input: [...input, ...sentBack(first), output], store: false });
      the.expectRows(second.output_text);
    }
  }
}

await the.run({
  text,
  stream,
  tools: () => everyWay("use tools", [1, 1]),
  parallel: () => everyWay("two at once", [2]),
  structured,
  image,
  reasoning,
  errors,
  custom_tool,
});
