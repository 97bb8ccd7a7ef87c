// @openai/agents: agents with function tools, an output type, and the runner's own replay of the history.

import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

import * as the from "../protocol.mjs";

const { MODEL, expect, expectEqual } = the;

setTracingDisabled(true);

function runnerFor(apiKey) {
  const openAIClient = new OpenAI({ apiKey, baseURL: the.BASE_URL, maxRetries: 0 });
  return new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: true }), tracingDisabled: true });
}
const runner = runnerFor(the.API_KEY);

const weather = tool({
  name: the.WEATHER.name,
  description: the.WEATHER.description,
  parameters: z.object({ city: z.string() }),
  execute: async (input) => the.weather(input),
  errorFunction: null,
});

const agent = (options = {}) => new Agent({ name: "assistant", instructions: "Be brief.", model: MODEL, ...options });

const generated = (chosen, input) => runner.run(chosen, input);

/** The result of a run; a streamed one is read to its end, and `deltas` is the text of its deltas. */
async function read(running) {
  const result = await running;
  if (!(Symbol.asyncIterator in result)) return result;
  result.deltas = "";
  for await (const event of result) {
    if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") result.deltas += event.data.delta;
  }
  await result.completed;
  if (result.error) throw result.error;
  return result;
}

const streamed = (chosen, input) => read(runner.run(chosen, input, { stream: true }));

async function text() {
  const result = await generated(agent(), "say hello");
  expectEqual(result.finalOutput, the.GREETING, "finalOutput");
  const next = await generated(agent(), [...result.history, { role: "user", content: "say hello" }]);
  expectEqual(next.finalOutput, the.GREETING, "finalOutput of the second turn");
}

async function stream() {
  const result = await streamed(agent(), "say hello");
  expectEqual(result.deltas, the.GREETING, "the deltas");
  expectEqual(result.finalOutput, the.GREETING, "finalOutput");
}

async function everyWay(prompt, calls) {
  for (const run of [generated, streamed]) {
    for (const store of [true, false]) {
      const result = await run(agent({ tools: [weather], modelSettings: { store } }), prompt);
      the.expectBothResults(result.finalOutput);
      const made = result.rawResponses.map(({ output }) => output.filter(({ type }) => type === "function_call").length);
      expectEqual(made.join(), [...calls, 0].join(), "calls in each answer");
    }
  }
}

async function structured() {
  const outputType = z.object({ city: z.string(), temperature: z.number().int() });
  for (const run of [generated, streamed]) the.expectReport((await run(agent({ outputType }), "structured")).finalOutput);
}

async function image() {
  const content = [
    { type: "input_text", text: "look at the image" },
    { type: "input_image", image: `data:image/png;base64,${the.IMAGE.toString("base64")}` },
  ];
  the.expectSeen((await generated(agent(), [{ role: "user", content }])).finalOutput);
}

async function reasoning() {
  const modelSettings = {
    store: false,
    reasoning: { effort: "medium", summary: "auto" },
    providerData: { include: ["reasoning.encrypted_content"] },
  };
  for (const run of [generated, streamed]) {
    const result = await run(agent({ tools: [weather], modelSettings }), "think");
    expect(result.rawResponses.length > 1, "no call came after the reasoning");
    expect(result.rawResponses[0].output.some(({ type }) => type === "reasoning"), "no reasoning came");
    expect(result.finalOutput.length > 0, "the last answer has no text");
  }
}

async function errors() {
  const fails = async (chosen, prompt, options, type, what) => {
    for (const stream of [false, true]) {
      const error = await the.rejection(read(chosen.run(agent(options), prompt, { stream })), what);
      expect(error instanceof type, `${what}: ${error}`);
      if (type === OpenAI.BadRequestError) expectEqual(error.code, "model_not_found", what);
      if (type === OpenAI.RateLimitError) expect(Number(error.headers.get("retry-after")) > 0, "no retry-after came");
    }
  };
  await fails(runnerFor("sk-wrong"), "say hello", {}, OpenAI.AuthenticationError, "a wrong key");
  await fails(runner, "say hello", { model: "no-such-model" }, OpenAI.BadRequestError, "an unknown model");
  await fails(runner, "fail 429", {}, OpenAI.RateLimitError, "a rate limit");
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
  custom_tool: () => {
    throw new the.Skip("the client has no custom tools");
  },
});
