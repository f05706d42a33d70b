import { createRng } from "@bidden/runtime";
import { Graph, onnxModel, type TensorData } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { expect, test } from "vitest";
import type { TensorInfo } from "../checkpoint/checkpoint.ts";
import { joinRows } from "../checkpoint/floats.ts";
import type { Recipe } from "../checkpoint/weights.ts";
import { type MatrixForm, Net } from "./net.ts";
import {
  formsFor,
  halfForm,
  int4Form,
  int8Form,
  productsSaturate,
  quantisedSource,
  toInt4,
  toInt8,
} from "./quantised.ts";

const [ROWS, INPUTS, WIDTH] = [6, 80, 24] as const;
const rng = createRng(4);
const normal = (count: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, () => scale * rng.normal());
const matrix = normal(WIDTH * INPUTS, 0.1);
const bias = normal(WIDTH, 1);

/** Rows of x by the matrix in some form, and what they should be. */
async function product(x: Float32Array, form: MatrixForm | null): Promise<{ came: Float32Array; exact: Float32Array }> {
  const graph = new Graph("product");
  const net = new Net(graph, { form: () => form });
  graph.output("y", net.linear("layer", graph.input("x", "float32", [1, ROWS, INPUTS]), WIDTH));
  const parameters = new Map<string, TensorData>();
  for (const [name, { dtype, shape }] of graph.parameters) {
    const recipe = quantisedSource(name, (stored) => stored, shape);
    const info = {
      name: "layer.weight",
      dtype: "float32",
      shape: [WIDTH, INPUTS],
      file: "",
      offset: 0,
      bytes: 0,
    } as const;
    const data = recipe?.compute([matrix], [info]) ?? (name === "layer.bias" ? bias : matrix);
    parameters.set(name, { dtype, shape, data });
  }
  const session = await createSession(onnxModel(graph, { parameters }), { threads: 1 });
  const { y } = await session.run({ x });
  await session.close();
  const exact = new Float32Array(ROWS * WIDTH);
  for (let i = 0; i < exact.length; i++) {
    const [row, out] = [Math.floor(i / WIDTH), i % WIDTH];
    let sum = bias[out] as number;
    for (let k = 0; k < INPUTS; k++) sum += (x[row * INPUTS + k] as number) * (matrix[out * INPUTS + k] as number);
    exact[i] = sum;
  }
  return { came: (y as TensorData).data as Float32Array, exact };
}

function error(came: Float32Array, exact: Float32Array, from = 0, to = exact.length): number {
  let [difference, size] = [0, 0];
  for (let i = from; i < to; i++) {
    difference += ((came[i] as number) - (exact[i] as number)) ** 2;
    size += (exact[i] as number) ** 2;
  }
  return Math.sqrt(difference / size);
}

test("a matrix in float32 is exact, in 16 bits within 0.1 %, in 8 bits within 1 %, in 4 bits within 10 %", async () => {
  const x = normal(ROWS * INPUTS, 1);
  for (const [form, bound] of [
    [null, 1e-6],
    [halfForm, 1e-3],
    [int8Form(false), 0.01],
    [int8Form(true), 0.01],
    [int8Form(true, true), 0.02],
    [int4Form, 0.1],
  ] as const) {
    const { came, exact } = await product(x, form);
    expect(error(came, exact)).toBeLessThan(bound);
    expect(form === null || error(came, exact) > 1e-5).toBe(true);
  }
});

test("a row far larger than the others ruins them under one scale, not under a scale for each", async () => {
  const x = normal(ROWS * INPUTS, 1);
  for (let i = 0; i < INPUTS; i++) x[i] = (x[i] as number) * 300;
  const one = await product(x, int8Form(false));
  const each = await product(x, int8Form(true));
  const other = [WIDTH, ROWS * WIDTH] as const;
  expect(error(one.came, one.exact, ...other)).toBeGreaterThan(0.1);
  expect(error(each.came, each.exact, ...other)).toBeLessThan(0.01);
});

test("whole numbers and their scales give back the values, zeros included", () => {
  const values = Float32Array.of(0.5, -1, 0.25, 0, 0, 0, 2, 1, -0.5);
  const eight = toInt8(values, 3, 3);
  expect([...eight.values]).toEqual([64, 0, 127, -127, 0, 64, 32, 0, -32]);
  expect([...eight.scales]).toEqual([1 / 127, 0, 2 / 127].map(Math.fround));
  const four = toInt4(values, 3, 3);
  expect([...four.values.subarray(0, 3)]).toEqual([0x0c, 0x8a, 0x88]);
  expect([...four.scales]).toEqual([0.125, 0, -0.25]);
});

test("whether 8-bit products saturate is asked of the engine, not of the processor's name", async () => {
  const asked = { openSession: createSession, options: { threads: 1 } };
  const saturates = await productsSaturate(asked);
  // What is probed is what multiplies: full range is exact exactly where it says so.
  const ones = new Float32Array(ROWS * INPUTS).fill(1);
  matrix.fill(0.1);
  bias.fill(0);
  const { came, exact } = await product(ones, int8Form(false));
  expect(error(came, exact) > 0.1).toBe(saturates);
  const half = await product(ones, int8Form(false, true));
  expect(error(half.came, half.exact)).toBeLessThan(1e-5);
});

test("matrices of one input and one width become one product, joined below one another", async () => {
  const graph = new Graph("joined");
  const net = new Net(graph, { form: formsFor("int8") as NonNullable<ReturnType<typeof formsFor>> });
  const names = ["a", "b", "c"].map((part) => `tower.vision_model.0.self_attn.${part}`);
  const x = graph.input("x", "float32", [2, 8]);
  expect(net.linears(names, x, 3).map(({ shape }) => shape)).toEqual(names.map(() => [2, 3]));
  const joined = names.map((name) => `${name}.weight`).join("+");
  expect(graph.parameters.has(`${joined}#int8`)).toBe(true);
  const recipe = quantisedSource(`${joined}#int8`, (name) => name, [8, 9]) as Recipe;
  expect([recipe.from.length, recipe.shapes]).toEqual([3, names.map(() => [3, 8])]);
  const parts = names.map((_, i) => normal(24, 1 + i));
  const infos = names.map((name) => ({ name, shape: [3, 8] }) as unknown as TensorInfo);
  expect(recipe.compute(parts, infos)).toEqual(toInt8(joinRows(parts), 9, 8).values);
});

test("layers of transformers are quantised; what surrounds actions and states is not", () => {
  const int4 = formsFor("int4") as NonNullable<ReturnType<typeof formsFor>>;
  expect(formsFor("fp32")).toBeUndefined();
  expect(int4("model.vlm_with_expert.lm_expert.layers.0.mlp.up_proj.weight")).toBe(int4Form);
  expect(int4("a.vision_model.encoder.layers.1.self_attn.q_proj.weight")).not.toBe(int4Form);
  expect(int4("a.vision_model.encoder.layers.1.self_attn.q_proj.weight")).not.toBeNull();
  for (const name of ["model.action_out_proj.weight", "model.action_time_mlp_in.weight", "model.state_proj.weight"]) {
    expect(int4(name)).toBeNull();
  }
});

test("16 bits: values are kept as halves, and one that has no room there is refused by name", () => {
  const recipe = quantisedSource("layer.weight#fp16", (name) => `stored.${name}`, [1, 3]);
  expect(recipe?.from).toEqual(["stored.layer.weight"]);
  expect(recipe?.compute([Float32Array.of(1, -2, 65_504)], [])).toEqual(Uint16Array.of(0x3c00, 0xc000, 0x7bff));
  expect(() => recipe?.compute([Float32Array.of(7e4)], [])).toThrow(/"stored\.layer\.weight" holds 70000/);
});
