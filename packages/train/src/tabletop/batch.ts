/** One batch in memory: the graph's inputs as flat arrays, and a row's view into those that a `RowMaker` fills. */
import { type TabletopConfig, type TabletopRow, tabletopSizes } from "@bidden/models";
import { targetShapes } from "./objective.ts";

const TARGETS = [
  "pointTarget",
  "pointWeight",
  "placeTarget",
  "placeWeight",
  "actionTarget",
  "actionWeight",
  "flowNoise",
  "flowTime",
  "doneTarget",
  "doneWeight",
  "textIntentTarget",
  "sceneIntentTarget",
  "skillTarget",
  "answerTarget",
  "seenTarget",
  "seenWeight",
  "askedTarget",
] as const;
const INPUTS = ["rays", "proprio", "tool", "text", "textMask", "hints", "hintMask"] as const;

type FloatName = (typeof TARGETS)[number] | (typeof INPUTS)[number];
export type BatchArrays = { readonly patches: Uint8Array } & Readonly<Record<FloatName, Float32Array>>;
export type TabletopBatch = { readonly arrays: BatchArrays; readonly rows: readonly TabletopRow[] };

export function createBatch(config: TabletopConfig, batch: number): TabletopBatch {
  const { patches, patchBytes, proprio } = tabletopSizes(config);
  const targets = targetShapes(config);
  const sizes: Record<FloatName, number> = {
    ...(Object.fromEntries(TARGETS.map((name) => [name, product(targets[name] as readonly number[])])) as Record<
      (typeof TARGETS)[number],
      number
    >),
    rays: patches * 3,
    proprio,
    tool: 3,
    text: config.textTokens * config.textWidth,
    textMask: config.textTokens,
    hints: 6,
    hintMask: 2,
  };
  const floats = Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => [name, new Float32Array(size * batch)]),
  ) as Record<FloatName, Float32Array>;
  const arrays: BatchArrays = { ...floats, patches: new Uint8Array(patches * patchBytes * batch) };
  const row = <A extends Uint8Array | Float32Array>(array: A, index: number): A => {
    const size = array.length / batch;
    return array.subarray(index * size, (index + 1) * size) as A;
  };
  return {
    arrays,
    rows: Array.from({ length: batch }, (_, i) => ({
      patches: row(arrays.patches, i),
      rays: row(arrays.rays, i),
      proprio: row(arrays.proprio, i),
      tool: row(arrays.tool, i),
    })),
  };
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
