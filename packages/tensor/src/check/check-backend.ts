/**
 * The conformance suite of sessions and trainers: whoever brings another engine or provider runs it and sees what does not hold.
 * Expected values are worked out in plain numbers here, so that nothing rests on another engine being right.
 */
import { BiddenError, createRng, messageOf } from "@bidden/runtime";
import type { Elements } from "../graph/dtype.ts";
import { gradients } from "../graph/gradients.ts";
import { Graph } from "../graph/graph.ts";
import { initParameters } from "../graph/init.ts";
import type { Tensor } from "../graph/tensor.ts";
import { onnxModel } from "../onnx/model.ts";
import { attention } from "../ops/attention.ts";
import { conv } from "../ops/conv.ts";
import { add, cast, div, mul, sub, sum, where } from "../ops/core.ts";
import { embedding, oneHot } from "../ops/indexing.ts";
import { concat, slice, transpose } from "../ops/layout.ts";
import { meanSquaredError } from "../ops/loss.ts";
import { linear, matmul } from "../ops/matmul.ts";
import { layerNorm } from "../ops/norm.ts";
import { mean } from "../ops/reduce.ts";
import { softmax } from "../ops/softmax.ts";
import { gelu, silu, tanh } from "../ops/unary.ts";
import { buildTrainStep } from "../optim/train-step.ts";
import type { Backend } from "../session/bind-engine.ts";
import type { SessionOptions } from "../session/engine.ts";

/** What is checked. */
export type Checked = Pick<Backend, "createSession" | "createTrainer">;

export type CheckResult = {
  readonly name: string;
  /** null: as it should be. */
  readonly problem: string | null;
};

type Check = (backend: Checked, options: SessionOptions) => Promise<void>;

/** Runs every check and says what came out. @param options provider and threads to check */
export async function checkBackend(backend: Checked, options: SessionOptions = {}): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(backend, options);
      results.push({ name, problem: null });
    } catch (error) {
      results.push({ name, problem: messageOf(error) });
    }
  }
  return results;
}

const a: readonly number[] = [0.5, -1, 2, 0, 1.5, -0.25];
const b: readonly number[] = [1, 2, -0.5, 0.75, -1.25, 3];

/** Builds a graph on inputs a and b, float32[2, 3], and compares its output. */
function values(build: (a: Tensor, b: Tensor) => Tensor, expected: readonly number[]): Check {
  return async (backend, options) => {
    const graph = new Graph("check");
    graph.output("y", build(graph.input("a", "float32", [2, 3]), graph.input("b", "float32", [2, 3])));
    const session = await backend.createSession(onnxModel(graph), options);
    const all = { a: Float32Array.from(a), b: Float32Array.from(b) };
    const feeds = Object.fromEntries(session.inputs.map(({ name }) => [name, all[name as "a" | "b"]]));
    const { y } = await session.run(feeds);
    await session.close();
    expectNear(y?.data, expected);
  };
}

function expectNear(came: Elements | undefined, expected: readonly number[]): void {
  const numbers = Array.from(came ?? [], Number);
  const near = numbers.length === expected.length && numbers.every((x, i) => Math.abs(x - (expected[i] ?? 0)) < 1e-4);
  if (!near) throw new BiddenError("engine", `expected ${expected.join(", ")}; came ${numbers.join(", ")}.`);
}

const pairs = (op: (x: number, y: number) => number): number[] => a.map((x, i) => op(x, b[i] as number));

/** Product of a [2, 3] and the transpose of b [2, 3]. */
function productWithTranspose(): number[] {
  const at = (list: readonly number[], row: number, k: number): number => list[row * 3 + k] ?? 0;
  return [0, 1].flatMap((i) => [0, 1].map((j) => [0, 1, 2].reduce((total, k) => total + at(a, i, k) * at(b, j, k), 0)));
}

function rowSoftmax(list: readonly number[]): number[] {
  return [0, 1].flatMap((row) => {
    const powers = list.slice(row * 3, row * 3 + 3).map(Math.exp);
    return powers.map((p) => p / powers.reduce((total, x) => total + x, 0));
  });
}

const checks: Readonly<Record<string, Check>> = {
  arithmetic: values(
    (x, y) => add(mul(x, y), sub(x, div(y, 2))),
    pairs((x, y) => x * y + x - y / 2),
  ),
  tanh: values(
    (x) => tanh(x),
    pairs((x) => Math.tanh(x)),
  ),
  "silu (fused)": values(
    (x) => silu(x),
    pairs((x) => x / (1 + Math.exp(-x))),
  ),
  "gelu, tanh form": values(
    (x) => gelu(x, "tanh"),
    pairs((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  ),
  "matmul with a transposed factor": values((x, y) => matmul(x, y, { transposeB: true }), productWithTranspose()),
  softmax: values((x) => softmax(x), rowSoftmax(a)),
  "layer norm": values(
    (x) => layerNorm(x),
    [0, 1].flatMap((row) => {
      const line = a.slice(row * 3, row * 3 + 3);
      const middle = line.reduce((total, x) => total + x, 0) / 3;
      const spread = Math.sqrt(line.reduce((total, x) => total + (x - middle) ** 2, 0) / 3 + 1e-5);
      return line.map((x) => (x - middle) / spread);
    }),
  ),
  "slice, transpose, concat": values(
    (x, y) => concat([transpose(slice(x, { axis: 1, end: 2 })), slice(y, { axis: 1, start: 1 })], 1),
    [0.5, 0, 2, -0.5, -1, 1.5, -1.25, 3],
  ),
  "rows by index, int64": values(
    (x) => embedding(x, x.graph.constant([1, 0, 1], "int64")),
    [...a.slice(3), ...a.slice(0, 3), ...a.slice(3)],
  ),
  "one-hot": values((x) => oneHot(x.graph.constant([2, 0], "int64"), 3), [0, 0, 1, 1, 0, 0]),
  "bool and uint8": values(
    (x) => where(x.graph.constant([1, 0, 1], "bool"), x, cast(x.graph.constant([7, 8, 9], "uint8"), "float32")),
    [0.5, 8, 2, 0, 8, -0.25],
  ),
  convolution: values((x, y) => conv(shaped(x, [1, 1, 6]), shaped(y, [2, 1, 3]), null, { stride: 3 }), convolved()),
  "attention with a mask": values(
    (x, y) => {
      const [q, k] = [shaped(x, [1, 1, 2, 3]), shaped(y, [1, 1, 2, 3])];
      return attention(q, k, k, { mask: x.graph.constant([1, 0], "bool"), scale: 1 });
    },
    [1, 2, -0.5, 1, 2, -0.5],
  ),
  gradients: values(
    (x, y) => gradients(sum(mul(tanh(x), y)), [x])[0] as Tensor,
    pairs((x, y) => y * (1 - Math.tanh(x) ** 2)),
  ),
  "same bits twice": async (backend, options) => {
    const graph = new Graph("twice");
    graph.output(
      "y",
      mean(softmax(matmul(graph.input("x", "float32", [64, 64]), graph.input("w", "float32", [64, 64])))),
    );
    const session = await backend.createSession(onnxModel(graph), options);
    const rng = createRng(1);
    const numbers = (): Float32Array => Float32Array.from({ length: 4096 }, () => rng.normal());
    const feeds = { x: numbers(), w: numbers() };
    const [one, two] = [await session.run(feeds), await session.run(feeds)];
    await session.close();
    if (one["y"]?.data[0] !== two["y"]?.data[0]) throw new BiddenError("engine", "the same inputs gave other bits.");
  },
  "a missing input is named": async (backend, options) => {
    const graph = new Graph("missing");
    graph.output("y", tanh(graph.input("x", "float32", [2])));
    const session = await backend.createSession(onnxModel(graph), options);
    const said = await session.run({}).then(() => "nothing", messageOf);
    await session.close();
    if (!said.includes('"x"')) throw new BiddenError("engine", `expected an error that names "x"; came ${said}.`);
  },
  "a training step learns and resumes": trainAndResume,
};

function shaped(x: Tensor, shape: readonly number[]): Tensor {
  return x.graph.node({
    op: "Reshape",
    inputs: [x, x.graph.constant(shape, "int64")],
    outputs: [{ dtype: x.dtype, shape }],
  })[0] as Tensor;
}

/** The kernels [b0..b2] and [b3..b5] at places 0 and 3 of a. */
function convolved(): number[] {
  const at = (kernel: number, place: number): number =>
    [0, 1, 2].reduce((total, k) => total + (a[place + k] ?? 0) * (b[kernel * 3 + k] ?? 0), 0);
  return [at(0, 0), at(0, 3), at(1, 0), at(1, 3)];
}

async function trainAndResume(backend: Checked, options: SessionOptions): Promise<void> {
  const graph = new Graph("train");
  const x = graph.input("x", "float32", [8, 4]);
  const hidden = gelu(
    linear(x, graph.parameter("w", [4, 16], { kind: "xavier" }), graph.parameter("b", [16], { kind: "zeros" })),
  );
  const y = linear(hidden, graph.parameter("v", [16, 1], { kind: "xavier" }));
  const loss = meanSquaredError(y, graph.input("target", "float32", [8, 1]));
  const step = buildTrainStep(graph, loss, { schedule: { peak: 0.02 }, clipNorm: 1, emaDecay: 0.9 });
  const parameters = initParameters(graph, createRng(3));
  const rng = createRng(4);
  const batch = {
    x: Float32Array.from({ length: 32 }, () => rng.normal()),
    target: Float32Array.from({ length: 8 }, () => rng.normal()),
  };
  const one = await backend.createTrainer(step, parameters, options);
  const first = await one.run(batch);
  for (let i = 0; i < 20; i++) await one.run(batch);
  const two = await backend.createTrainer(step, parameters, options);
  two.loadState(one.saveState());
  const [last, resumed] = [await one.run(batch), await two.run(batch)];
  await one.close();
  await two.close();
  if (!(last.loss < first.loss / 2)) {
    throw new BiddenError(
      "engine",
      `expected the loss to halve in 20 steps; it went from ${first.loss} to ${last.loss}.`,
    );
  }
  if (last.loss !== resumed.loss)
    throw new BiddenError("engine", `the resumed step gave ${resumed.loss}, not ${last.loss}.`);
}
