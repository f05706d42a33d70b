import { createRng } from "@bidden/runtime";
import { Graph, initParameters, onnxModel, type TensorData } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { expect, it } from "vitest";
import { windowBytes, windowCount, windowGrid } from "../image/patches.ts";
import { readPatches } from "./stem.ts";

const config = {
  cameras: [
    { name: "front", grid: { width: 24, height: 16, stride: 8, window: 6 } },
    { name: "wrist", grid: { width: 16, height: 16, stride: 8, window: 6 } },
  ],
  stemWidth: 3,
  patchWidth: 5,
  width: 4,
} as const;
const WHERE = 2;
const patches = 6 + 4;

type Weights = ReadonlyMap<string, TensorData>;
const silu = (x: number): number => x / (1 + Math.exp(-x));
const sum = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + (b[i] as number));

/** x W + b for one row. */
function dense(weights: Weights, name: string, x: readonly number[]): number[] {
  const { shape, data } = weights.get(`${name}.weight`) as TensorData;
  const bias = weights.get(`${name}.bias`)?.data as Float32Array | undefined;
  const width = shape[1] as number;
  return Array.from({ length: width }, (_, j) =>
    x.reduce((total, value, i) => total + value * (data[i * width + j] as number), bias?.[j] ?? 0),
  );
}

/** The same by loops over windows and their neighbours, one camera after the other. */
function byHand(weights: Weights, windows: Uint8Array, where: Float32Array): number[] {
  const out: number[] = [];
  let [firstWindow, patch] = [0, 0];
  for (const { grid } of config.cameras) {
    const { rows, columns } = windowGrid(grid);
    const bytes = windowBytes(grid);
    const alone = Array.from({ length: rows * columns }, (_, i) => {
      const from = (firstWindow + i) * bytes;
      return dense(
        weights,
        "patch.pixels",
        [...windows.subarray(from, from + bytes)].map((b) => b / 64 - 2),
      ).map(silu);
    });
    const at = (row: number, column: number): number[] =>
      row < 0 || column < 0 || row >= rows || column >= columns
        ? [0, 0, 0]
        : (alone[row * columns + column] as number[]);
    const windowed = alone.map((own, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const around = [-1, 0, 1].flatMap((down) => [-1, 0, 1].flatMap((right) => at(row + down, column + right)));
      return sum(own, dense(weights, "patch.around", around).map(silu));
    });
    for (let row = 0; row < rows; row += 2) {
      for (let column = 0; column < columns; column += 2) {
        const four = [0, 1].flatMap((d) =>
          [0, 1].flatMap((r) => windowed[(row + d) * columns + column + r] as number[]),
        );
        const rays = dense(weights, "patch.rays", [...where.subarray(patch * WHERE, ++patch * WHERE)]);
        const first = sum(dense(weights, "patch.join", four), rays).map(silu);
        out.push(...dense(weights, "patch.out", sum(first, dense(weights, "patch.deep", first).map(silu))));
      }
    }
    firstWindow += rows * columns;
  }
  return out;
}

it("sees every window with its own neighbours, in its own camera and patch", async () => {
  const rng = createRng(3);
  const count = config.cameras.reduce((total, { grid }) => total + windowCount(grid), 0);
  const bytes = windowBytes(config.cameras[0].grid);
  const graph = new Graph("stem");
  const inputs = {
    windows: graph.input("windows", "uint8", [1, count, bytes]),
    where: graph.input("where", "float32", [1, patches, WHERE]),
  };
  graph.output("patches", readPatches(graph, config, inputs.windows, inputs.where));
  const weights = new Map(initParameters(graph, rng));
  for (const { data } of weights.values()) {
    for (let i = 0; i < data.length; i++) (data as Float32Array)[i] = 0.3 * rng.normal();
  }
  const windows = Uint8Array.from({ length: count * bytes }, () => rng.below(256));
  const where = Float32Array.from({ length: patches * WHERE }, () => rng.normal());
  const session = await createSession(onnxModel(graph, { parameters: weights }), { threads: 1 });
  const out = (await session.run({ windows, where })).patches as TensorData;
  await session.close();
  const expected = byHand(weights, windows, where);
  expect(out.shape).toEqual([1, patches, config.width]);
  expect(expected).toHaveLength(patches * config.width);
  expected.forEach((value, i) => expect(out.data[i]).toBeCloseTo(value, 3));
});
