// The Vercel AI SDK with @ai-sdk/openai: it replays its own history, by reference to stored items or without a store.

import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";

import * as the from "../protocol.mjs";

const { MODEL, expect, expectEqual } = the;

const connect = (apiKey) => createOpenAI({ baseURL: the.BASE_URL, apiKey });
const provider = connect(the.API_KEY);
const model = provider.responses(MODEL);

const shared = { model, maxRetries: 0 };
const stateless = { providerOptions: { openai: { store: false } } };

const generated = (options) => generateText({ ...shared, ...options });

/** What generateText would give, from a stream that is read to its end. */
async function streamed(options) {
  let failure;
  const result = streamText({ ...shared, ...options, onError: ({ error }) => (failure ??= error) });
  let deltas = "";
  for await (const part of result.textStream) deltas += part;
  if (failure) throw failure;
  const [text, steps, finishReason, usage, responseMessages] = await Promise.all([
    result.text, result.steps, result.finishReason, result.totalUsage, result.response.then((made) => made.messages),
  ]);
  return { text, steps, finishReason, usage, deltas, output: await result.output, response: { messages: responseMessages } };
}

const tools = {
  [the.WEATHER.name]: tool({
    description: the.WEATHER.description,
    inputSchema: jsonSchema(the.WEATHER.parameters),
    execute: async (input) => the.weather(input),
  }),
};

async function text() {
  const result = await generated({ prompt: "say hello" });
  expectEqual(result.text, the.GREETING, "text");
  expectEqual(result.finishReason, "stop", "finishReason");
  expect(result.usage.inputTokens > 0 && result.usage.outputTokens > 0, `usage: ${JSON.stringify(result.usage)}`);
  const messages = [{ role: "user", content: "say hello" }, ...result.response.messages, { role: "user", content: "say hello" }];
  expectEqual((await generated({ messages })).text, the.GREETING, "text of the second turn");
}

async function stream() {
  const result = await streamed({ prompt: "say hello" });
  expectEqual(result.deltas, the.GREETING, "the deltas");
  expectEqual(result.finishReason, "stop", "finishReason");
  expect(result.usage.totalTokens > 0, `usage: ${JSON.stringify(result.usage)}`);
}

async function everyWay(prompt, calls) {
  for (const ask of [generated, streamed]) {
    for (const options of [{}, stateless]) {
      const result = await ask({ ...options, prompt, tools, stopWhen: isStepCount(6) });
      the.expectBothResults(result.text);
      const made = result.steps.map((step) => step.toolCalls.length).join();
      expectEqual(made, [...calls, 0].join(), "calls in each step");
    }
  }
}

async function structured() {
  for (const ask of [generated, streamed]) {
    const result = await ask({ prompt: "structured", output: Output.object({ schema: jsonSchema(the.REPORT) }) });
    the.expectReport(result.output);
  }
}

async function image() {
  const content = [
    { type: "text", text: "look at the image" },
    { type: "file", data: the.IMAGE, mediaType: "image/png" },
  ];
  the.expectSeen((await generated({ messages: [{ role: "user", content }] })).text);
}

async function reasoning() {
  const openai = { store: false, forceReasoning: true, reasoningEffort: "medium", reasoningSummary: "auto" };
  for (const ask of [generated, streamed]) {
    const result = await ask({ prompt: "think", tools, stopWhen: isStepCount(4), providerOptions: { openai } });
    expect(result.steps.length > 1, "no call came after the reasoning");
    expect(result.steps[0].reasoning.length > 0, "no reasoning came");
    expect(result.text.length > 0, "the last step has no text");
  }
}

async function errors() {
  for (const ask of [generated, streamed]) {
    const fails = async (options, status, what) => {
      const error = await the.rejection(ask({ prompt: "say hello", ...options }), what);
      expect(APICallError.isInstance(error), `${what}: ${error}`);
      expectEqual(error.statusCode, status, what);
      expect(error.data?.error?.message === error.message, `${what}: the message is ${error.message}`);
      return error;
    };
    await fails({ model: connect("sk-wrong").responses(MODEL) }, 401, "a wrong key");
    await fails({ model: provider.responses("no-such-model") }, 400, "an unknown model");
    const limited = await fails({ prompt: "fail 429" }, 429, "a rate limit");
    expect(limited.isRetryable, "a rate limit is not retryable");
    expect(Number(limited.responseHeaders["retry-after"]) > 0, `retry-after: ${limited.responseHeaders["retry-after"]}`);
  }
}

async function custom_tool() {
  const { name, description, grammar } = the.CUSTOM_TOOL;
  for (const format of [{ type: "grammar", syntax: "lark", definition: grammar }, { type: "text" }]) {
    const custom = provider.tools.customTool({ description, format, execute: async (input) => the.rows(input) });
    for (const ask of [generated, streamed]) {
      for (const options of [{}, stateless]) {
        const asked = { ...options, prompt: "use the custom tool", tools: { [name]: custom }, stopWhen: isStepCount(3) };
        the.expectRows((await ask(asked)).text);
      }
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
