/** Reads what a page sent. A page is not trusted: every field is checked, and what is wrong is said in a sentence. */
import { BiddenError } from "@bidden/runtime";
import type { PageMessage } from "./messages.ts";

/** Longest token the server compares, characters. */
const MAX_TOKEN = 200;

const READERS: Readonly<Record<PageMessage["type"], (fields: Readonly<Record<string, unknown>>) => PageMessage>> = {
  hello: (fields) => {
    const { version, token } = fields;
    if (!isWhole(version)) throw bad("hello.version must be a whole number", version);
    if (token !== null && typeof token !== "string") throw bad("hello.token must be a string or null", token);
    if (token !== null && token.length > MAX_TOKEN) throw bad(`hello.token may have ${MAX_TOKEN} characters`, token);
    return { type: "hello", version, token };
  },
  instruct: ({ text }) => {
    if (typeof text !== "string") throw bad("instruct.text must be a string", text);
    return { type: "instruct", text };
  },
  choose: ({ entry, candidate }) => {
    if (!isWhole(entry)) throw bad("choose.entry must be a whole number", entry);
    if (!isWhole(candidate)) throw bad("choose.candidate must be a whole number", candidate);
    return { type: "choose", entry, candidate };
  },
  stop: () => ({ type: "stop" }),
  release: () => ({ type: "release" }),
  shuffle: ({ seed }) => {
    if (seed !== null && !isWhole(seed)) throw bad("shuffle.seed must be a whole number or null", seed);
    return { type: "shuffle", seed };
  },
  seen: ({ count }) => {
    if (!isWhole(count)) throw bad("seen.count must be a whole number", count);
    return { type: "seen", count };
  },
};

/** @throws BiddenError("bad-argument") naming the field that is wrong. */
export function readPageMessage(text: string): PageMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BiddenError("bad-argument", `A message must be JSON, and this is not: ${brief(text)}`, {}, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw bad("A message must be an object", value);
  const fields = value as Readonly<Record<string, unknown>>;
  const { type } = fields;
  if (typeof type !== "string" || !Object.hasOwn(READERS, type)) {
    throw bad(`A message's type must be one of ${Object.keys(READERS).join(", ")}`, type);
  }
  return READERS[type as PageMessage["type"]](fields);
}

function isWhole(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function bad(rule: string, got: unknown): BiddenError {
  return new BiddenError("bad-argument", `${rule}; got ${brief(JSON.stringify(got) ?? String(got))}.`);
}

function brief(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
