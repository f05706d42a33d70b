/** π0-FAST against LeRobot's values; chunks that decode wrongly; decoding that cannot go wrong. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openCheckpoint } from "../../checkpoint/checkpoint.ts";
import { familyOf } from "../../checkpoint/families.ts";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { GoldenCheck, openGolden } from "../../checkpoint/golden.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { madeFiles } from "../made-files.ts";
import { type ActionWords, decodeActions, type FastText } from "./actions.ts";
import { chunkGrammar } from "./grammar.ts";
import { pi0Fast } from "./pi0-fast.ts";

const DATA = fileURLToPath(new URL("../../../../../testdata/models/pi0_fast", import.meta.url));
const engine = nodeEngine({ threads: 1 });

it("every stage, token, chunk, loss and gradient of the golden set", async () => {
  const checkpoint = await openCheckpointAt(DATA);
  const golden = await openGolden(checkpoint.source);
  const check = new GoldenCheck(golden as NonNullable<typeof golden>);
  await pi0Fast.checkGolden?.(checkpoint, engine, check);
  expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
  expect(check.results.length).toBeGreaterThan(50);
  await checkpoint.close();
});

/** Characters a..d, and a pair; words 10.. mirrored from 20. */
const fast: FastText = {
  vocabulary: 5,
  scale: 2,
  minToken: -97,
  decode: (ids) => ids.map((id) => ["a", "b", "c", "ab", "\ufffd"][id] ?? "").join(""),
};
const words: ActionWords = { prefix: [1, 2, 3], end: 4, vocabulary: 21, skipped: 0 };
const size = { horizon: 2, dim: 1 };
const text = (...ids: readonly number[]): number[] => ids.map((id) => 20 - id);

describe("answers of the model", () => {
  it("a chunk as it should be", () => {
    const { values, problems } = decodeActions([1, 2, 3, ...text(2, 0), 4], words, fast, size);
    expect(problems).toEqual([]);
    // Coefficients 2 and 0 over a scale of 2, orthonormal over two steps.
    expect([...values].map((value) => value.toFixed(6))).toEqual(["0.707107", "0.707107"]);
  });

  it.each([
    ["no beginning", [...text(2, 0), 4], /did not begin/],
    ["no end", [1, 2, 3, ...text(2, 0)], /did not end/],
    ["too few", [1, 2, 3, ...text(2), 4], /Expected 2 coefficients; came 1/],
    ["too many", [1, 2, 3, ...text(2, 0, 1), 4], /Expected 2 coefficients; came 3/],
    ["a word among them", [1, 2, 3, ...text(2), 9, ...text(0), 4], /1 of 3 tokens stand for no action/],
    ["half a character", [1, 2, 3, ...text(2, 4), 4], /cut a coefficient in two/],
    ["an id beyond the end", [1, 2, 3, 21, 4], /stand for no action/],
    ["nothing", [], /did not begin/],
  ])("%s is decoded and reported", (_, ids, problem) => {
    const { values, problems } = decodeActions(ids, words, fast, size);
    expect(problems.join(" ")).toMatch(problem);
    expect(values).toHaveLength(2);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it("the grammar asks for the words around, and never for more coefficients than are missing", () => {
    const grammar = chunkGrammar(words, fast, size);
    expect(grammar([])).toEqual(new Set([1]));
    expect(grammar([1, 2])).toEqual(new Set([3]));
    expect(grammar([1, 2, 3])).toEqual(new Set(text(0, 1, 2, 3)));
    expect(grammar([1, 2, 3, ...text(1)])).toEqual(new Set(text(0, 1, 2)));
    expect(grammar([1, 2, 3, ...text(3)])).toEqual(new Set([4]));
  });
});

describe("a model of random weights", () => {
  const made = pi0Fast.make?.({ size: "tiny", dims: { chunk_size: 3, action_dim: 2 }, seed: 5 });
  const observation: FamilyObservation = {
    images: { "observation.images.base_0_rgb": { width: 8, height: 6, data: new Uint8Array(144).fill(80) } },
    state: new Float32Array(8).fill(0.1),
    instruction: "go",
  };

  it.each(["greedy", "constrained"])("%s decoding", async (decoding) => {
    const checkpoint = await openCheckpoint(memorySource(madeFiles(made as NonNullable<typeof made>)));
    const policy = await familyOf(checkpoint).open(checkpoint, engine, { settings: { decoding } });
    const chunk = await policy.predict(observation, { seed: 1 });
    expect(chunk).toMatchObject({ horizon: 3, dim: 2 });
    // It babbles when it may, and cannot when it may not.
    expect(chunk.executable).toBe(decoding === "constrained");
    expect(chunk.warnings.length > 0).toBe(decoding === "greedy");
    await policy.close();
  });
});
