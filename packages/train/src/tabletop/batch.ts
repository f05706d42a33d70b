/** One batch in memory: the graph's inputs as flat arrays, and a picture's view into those that a `RowMaker` fills. */
import { type TabletopConfig, type TabletopRow, tabletopSizes } from "@bidden/models";
import { readingShapes, targetShapes } from "./objective.ts";

/** Targets and inputs that go with a picture. */
const PICTURE = [
  "seenTarget",
  "seenWeight",
  "presentTarget",
  "guessTarget",
  "guessWeight",
  "actionTarget",
  "actionWeight",
  "flowNoise",
  "flowTime",
  "doneTarget",
  "doneWeight",
  "rays",
  "proprio",
  "tool",
  "hints",
  "hintMask",
] as const;
/** Those that go with a sentence, whatever the picture. */
const READING = [
  "textIntentTarget",
  "skillTarget",
  "askedTarget",
  "excludedTarget",
  "placingTarget",
  "text",
  "textMask",
] as const;
/** Those that go with each sentence about a picture. */
const SENTENCE = [
  "pointTarget",
  "pointWeight",
  "placeTarget",
  "placeWeight",
  "sceneIntentTarget",
  "answerTarget",
  ...READING,
] as const;

type FloatName = (typeof PICTURE)[number] | (typeof SENTENCE)[number];
/** What sentences alone teach, as flat arrays. */
export type ReadingArrays = Readonly<Record<(typeof READING)[number], Float32Array>>;
export type BatchArrays = { readonly windows: Uint8Array } & Readonly<Record<FloatName, Float32Array>>;
/** `rows`: one a picture. */
export type TabletopBatch = { readonly arrays: BatchArrays; readonly rows: readonly TabletopRow[] };

/** @param sentences about each of the `batch` pictures */
export function createBatch(config: TabletopConfig, batch: number, sentences: number): TabletopBatch {
  const { patches, windows, windowBytes, proprio } = tabletopSizes(config);
  const targets = targetShapes(config);
  const shapes: Readonly<Record<string, readonly number[]>> = {
    ...targets.picture,
    ...targets.sentence,
    rays: [patches, 3],
    proprio: [proprio],
    tool: [3],
    hints: [2, 3],
    hintMask: [2],
    ...textShapes(config),
  };
  const arrays: BatchArrays = {
    ...floats(PICTURE, shapes, batch),
    ...floats(SENTENCE, shapes, batch * sentences),
    windows: new Uint8Array(windows * windowBytes * batch),
  };
  return {
    arrays,
    rows: Array.from({ length: batch }, (_, i) => ({
      windows: row(arrays.windows, i, batch),
      rays: row(arrays.rays, i, batch),
      proprio: row(arrays.proprio, i, batch),
      tool: row(arrays.tool, i, batch),
    })),
  };
}

/** The arrays of `sentences` that are read without a picture. */
export function createReadingBatch(config: TabletopConfig, sentences: number): ReadingArrays {
  return floats(READING, { ...readingShapes(config), ...textShapes(config) }, sentences);
}

function textShapes({ textTokens, textWidth }: TabletopConfig): Readonly<Record<string, readonly number[]>> {
  return { text: [textTokens, textWidth], textMask: [textTokens] };
}

function floats<N extends string>(
  names: readonly N[],
  shapes: Readonly<Record<string, readonly number[]>>,
  rows: number,
): Record<N, Float32Array> {
  const arrays = names.map((name) => [name, new Float32Array(product(shapes[name] as readonly number[]) * rows)]);
  return Object.fromEntries(arrays) as Record<N, Float32Array>;
}

/** Row `index` of `count` equal rows. */
export function row<A extends Uint8Array | Float32Array>(array: A, index: number, count: number): A {
  const size = array.length / count;
  return array.subarray(index * size, (index + 1) * size) as A;
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
