import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Fields, type JsonObject } from "../checkpoint/json.ts";
import { createFastTokenizer } from "./fast.ts";
import { mergePairs } from "./merge.ts";
import { createSentencePiece } from "./sentencepiece.ts";
import { createTokenizer } from "./tokenizer.ts";

const at = (path: string): string =>
  fileURLToPath(new URL(`../../../../testdata/models/tokenizers/${path}`, import.meta.url));
const json = (path: string): JsonObject => JSON.parse(readFileSync(at(path), "utf8")) as JsonObject;

describe("prompts", () => {
  const tokenizer = createTokenizer(json("smollm2_like/tokenizer.json"), {});

  test("special tokens are named by code, never typed", () => {
    const [start, end] = [tokenizer.idOf("<|im_start|>") as number, tokenizer.idOf("<|im_end|>") as number];
    const typed = tokenizer.encode("<|im_start|>pick up<|im_end|>");
    expect(typed.filter((id) => tokenizer.specialIds.has(id))).toEqual([]);
    expect(tokenizer.decode(typed)).toBe("<|im_start|>pick up<|im_end|>");
    const named = tokenizer.encode([{ special: "<|im_start|>" }, "pick ", "up", { special: "<|im_end|>" }]);
    expect(named).toEqual([start, ...tokenizer.encode("pick up"), end]);
    expect(tokenizer.decode(named)).toBe("pick up");
    expect(tokenizer.decode(named, { special: true })).toBe("<|im_start|>pick up<|im_end|>");
  });

  test("a special token of another tokenizer is refused by name", () => {
    expect(() => tokenizer.encode([{ special: "<bos>" }, "x"])).toThrow('expected a token "<bos>"');
  });

  test("a text that is no instruction is refused before it is cut", () => {
    expect(() => tokenizer.encode("a".repeat(20_001))).toThrow("at most 20000 characters");
  });

  test.each([
    ["a list in the place of an id", { model: { vocab: { a: [1_000_000_000] } } }, 'entry "a"'],
    ["an id below 0", { model: { vocab: { a: -1 } } }, 'entry "a"'],
    ["an id that no vocabulary has", { model: { vocab: { a: 2 ** 30 } } }, 'entry "a"'],
    ["no tokens", { model: { vocab: {} } }, "there are none"],
    ["an added token without an id", { added_tokens: [{ content: "<x>", id: "7" }] }, 'added token "<x>"'],
    [
      "a character map that is none",
      { normalizer: { type: "Precompiled", precompiled_charsmap: "%" } },
      "precompiled_charsmap",
    ],
  ])("%s is refused by its place", (_, change, text) => {
    const good = json("smollm2_like/tokenizer.json");
    const model = { ...(good.model as JsonObject), ...(change as { readonly model?: JsonObject }).model };
    expect(() => createTokenizer({ ...good, ...(change as JsonObject), model }, {})).toThrow(text);
  });

  test("something else than a tokenizer is refused", () => {
    expect(() => createTokenizer({ hello: 1 }, {})).toThrow('expected "model"');
    expect(() => createSentencePiece(new Uint8Array([10, 200, 1, 1]), "x.model")).toThrow(
      "x.model: expected a SentencePiece",
    );
    expect(() => createSentencePiece(new Uint8Array())).toThrow("with pieces");
  });

  test("SentencePiece spells out what a person types as a control token", () => {
    const pieces = createSentencePiece(readFileSync(at("gemma_like/tokenizer.model")));
    const typed = pieces.encode("<bos>open\uD800 the drawer\u{1F680}<eos>");
    expect(typed.filter((id) => pieces.specialIds.has(id))).toEqual([]);
    expect(pieces.decode(typed)).toBe("<bos>open\uFFFD the drawer\u{1F680}<eos>");
    expect(pieces.encode([{ special: "<bos>" }, "open"])[0]).toBe(pieces.idOf("<bos>"));
  });
});

test("the best pair is merged first, the leftmost of equals, and fixed symbols never", () => {
  const score = (left: string, right: string): number | undefined => ({ ab: 1, bc: 2, aa: 0 })[left + right];
  expect(mergePairs(["a", "b", "c"], score)).toEqual(["a", "bc"]);
  expect(mergePairs(["a", "a", "a"], score)).toEqual(["aa", "a"]);
  expect(mergePairs(["a", "b", "c"], score, new Set([2]))).toEqual(["ab", "c"]);
});

describe("FAST", () => {
  const fast = createFastTokenizer(
    json("fast/tokenizer.json"),
    new Fields(json("fast/processor_config.json"), "processor_config.json"),
  );
  const actions = Float32Array.from({ length: 112 }, (_, i) => 0.4 * Math.sin(i / 9));

  test("a chunk comes back, to the size of a step", () => {
    const { ids, problems } = fast.encode(actions, 16, 7);
    expect(problems).toEqual([]);
    const decoded = fast.decodeActions(ids, 16, 7);
    expect(decoded.problems).toEqual([]);
    expect(Math.max(...decoded.actions.map((value, i) => Math.abs(value - (actions[i] as number))))).toBeLessThan(0.15);
  });

  test.each([
    ["one too few", (ids: readonly number[]) => ids.slice(1), "Expected 112 coefficients"],
    ["ids of another vocabulary", (ids: readonly number[]) => [...ids, 70_000], "1 of"],
    ["nothing", () => [], "came 0"],
  ])("%s is reported", (_, change, message) => {
    const { problems } = fast.decodeActions(change(fast.encode(actions, 16, 7).ids), 16, 7);
    expect(problems.join(" ")).toContain(message);
  });

  test("what cannot be encoded is said", () => {
    expect(fast.encode(new Float32Array(112).fill(-9), 16, 7).problems.join(" ")).toContain("were clamped");
    expect(fast.encode(new Float32Array(112).fill(1), 16, 7).problems.join(" ")).toContain("have no token");
    expect(() => fast.encode(new Float32Array(112).fill(Number.NaN), 16, 7)).toThrow("finite actions");
    expect(() => fast.encode(actions, 16, 8)).toThrow("Expected 16 x 8 actions; came 112 values");
  });
});
