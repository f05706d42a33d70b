import { BiddenError } from "@bidden/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PageMessage } from "./messages.ts";
import { readPageMessage } from "./validate.ts";

const whole = fc.nat(Number.MAX_SAFE_INTEGER);
const messages: fc.Arbitrary<PageMessage> = fc.oneof(
  fc.record({ type: fc.constant("hello" as const), version: whole, token: fc.option(fc.string({ maxLength: 200 })) }),
  fc.record({ type: fc.constant("instruct" as const), text: fc.string() }),
  fc.record({ type: fc.constant("choose" as const), entry: whole, candidate: whole }),
  fc.record({ type: fc.constant("shuffle" as const), seed: fc.option(whole) }),
  fc.record({ type: fc.constant("seen" as const), count: whole }),
  fc.constantFrom({ type: "stop" as const }, { type: "release" as const }),
);

/** The type of what was read, or what was thrown. */
function attempt(text: string): unknown {
  try {
    return readPageMessage(text).type;
  } catch (thrown) {
    return thrown;
  }
}

describe("messages of a page", () => {
  test("every good one is read as it was written, and unknown fields are dropped", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(readPageMessage(JSON.stringify({ ...message, extra: [1] }))).toEqual(message);
      }),
    );
  });

  test("anything else is an error in words, never another kind of throw", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `{"type":"instruct","text":${json}}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const outcome = attempt(text);
        expect(outcome instanceof BiddenError ? outcome.code : outcome).toMatch(/^(bad-argument|instruct)$/);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['{"type":"shuffle","seed":1.5}', "shuffle.seed must be a whole number or null; got 1.5."],
    ['{"type":"choose","entry":-1,"candidate":0}', "choose.entry must be a whole number; got -1."],
    ['{"type":"instruct"}', "instruct.text must be a string; got undefined."],
    ['{"type":"constructor"}', "A message's type must be one of hello, instruct"],
    ["[]", "A message must be an object; got []."],
    ["stop", "A message must be JSON"],
  ])("%s: %s", (text, sentence) => {
    expect(() => readPageMessage(text)).toThrow(sentence);
  });

  test("a token of any length is not kept in an error", () => {
    const text = JSON.stringify({ type: "hello", version: 1, token: "x".repeat(5000) });
    expect(() => readPageMessage(text)).toThrow(/200 characters; got "x{59}…/);
  });
});
