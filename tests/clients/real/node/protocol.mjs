// What a client program is told and how it answers: settings come by environment, one JSON line a scenario goes to standard output.

import { createHash } from "node:crypto";

export const BASE_URL = process.env.BASE_URL;
export const API_KEY = process.env.API_KEY;
export const MODEL = process.env.MODEL;

const LIMIT_MS = 60_000;

/** A feature that the client does not have. */
export class Skip extends Error {}

export function expect(holds, what) {
  if (!holds) throw new Error(what);
}

export function expectEqual(found, wanted, what) {
  expect(Object.is(found, wanted), `${what}: ${show(found)}, expected ${show(wanted)}`);
}

export function expectIncludes(text, wanted, what) {
  expect(typeof text === "string" && text.includes(wanted), `${what}: ${show(text)} does not hold ${show(wanted)}`);
}

function show(value) {
  const text = JSON.stringify(value);
  return text === undefined ? String(value) : text.slice(0, 600);
}

/** The error that the promise is rejected with. */
export async function rejection(promise, what) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`${what}: no error came, but ${show(value)}`);
}

/** Run the scenarios that were asked for, in the order of the table, and print what became of each. */
export async function run(scenarios) {
  const asked = (process.env.SCENARIOS ?? "").split(",").filter(Boolean);
  for (const [scenario, check] of Object.entries(scenarios)) {
    if (asked.length > 0 && !asked.includes(scenario)) continue;
    console.log(JSON.stringify({ scenario, ...(await outcome(check)) }));
  }
  for (const scenario of asked.filter((name) => !(name in scenarios))) {
    console.log(JSON.stringify({ scenario, skip: "this program has no such scenario" }));
  }
  process.exit(0); // a client may keep connections open
}

async function outcome(check) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    await Promise.race([check(), late]);
    return { ok: true };
  } catch (error) {
    return error instanceof Skip ? { skip: error.message } : { ok: false, error: described(error) };
  } finally {
    clearTimeout(timer);
  }
}

function described(error) {
  const body = error?.responseBody ?? error?.lastError?.responseBody;
  const cause = error?.cause ? ` (${error.cause})` : "";
  return `${error?.name}: ${error?.message}${cause}${body ? ` ${body}` : ""}`.slice(0, 2000);
}

// --- what all programs ask for --------------------------------------------------------------------------------------

export const GREETING = "Hello from the model.";

const DEGREES = { Oslo: "4 degrees", Bergen: "9 degrees" };

/** The tool that the models call. */
export const WEATHER = {
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "The city's name." } },
    required: ["city"],
    additionalProperties: false,
  },
};

/** What the tool returns; throws for arguments that are not those the models give. */
export function weather({ city }) {
  expect(city in DEGREES, `get_weather was called for ${show(city)}`);
  return `${city}: ${DEGREES[city]}`;
}

/** The model has seen both results when it names them. */
export function expectBothResults(text) {
  for (const degrees of Object.values(DEGREES)) expectIncludes(text, degrees, "the answer");
}

export const CUSTOM_TOOL = {
  name: "write_sql",
  description: "Run one SQL statement.",
  grammar: 'start: "SELECT " /[a-z*]+/ " FROM " /[a-z]+/\n',
};

const ROWS = "3 rows";

/** What the custom tool returns for raw text: the text must be the tool's input itself, not JSON around it. */
export function rows(input) {
  expect(/^SELECT \S+ FROM \S+/.test(input), `write_sql was given ${show(input)}`);
  return ROWS;
}

export function expectRows(text) {
  expectIncludes(text, ROWS, "the answer");
}

/** The schema of the structured answer. */
export const REPORT = {
  type: "object",
  properties: { city: { type: "string" }, temperature: { type: "integer" } },
  required: ["city", "temperature"],
  additionalProperties: false,
};

export function expectReport(report) {
  expectEqual(typeof report?.city, "string", "the city's type");
  expect(Number.isInteger(report?.temperature), `temperature: ${show(report?.temperature)} is no integer`);
}

/** A PNG image of one red dot. */
export const IMAGE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);

/** The model answers with the beginning of the SHA-256 of the bytes that it was given. */
export function expectSeen(text) {
  const digest = createHash("sha256").update(IMAGE).digest("hex");
  const found = /\b[0-9a-f]{8,64}\b/.exec(text ?? "")?.[0];
  expect(found !== undefined && digest.startsWith(found), `the image: ${show(text)}, expected a beginning of ${digest}`);
}
