/**
 * Matrices in fewer bits. int8: a scale for every output and whole numbers in -127..127; what is multiplied by them is brought
 * to 8 bits on the way (ONNX Runtime's DynamicQuantizeMatMul), with one scale for all rows, or with one for each where rows
 * differ much, as tokens of language models do. int4: a scale for every 128 inputs of an output (MatMulNBits, whose products
 * are of 8 bits, with a scale for every row and block).
 *
 * A quantised parameter is named after the tensor that it is made of: `x.weight#int8`, `x.weight#int8.scale`; `#int7` are int8
 * that use half of their range (see `productsSaturate`), `#fp16` are halves.
 */
import { BiddenError } from "@bidden/runtime";
import {
  abs,
  add,
  cast,
  div,
  type Elements,
  Graph,
  linear,
  max,
  maximum,
  mul,
  onnxModel,
  reshape,
  type Shape,
  sizeOf,
  type Tensor,
} from "@bidden/tensor";
import { fromFloat32, joinRows } from "../checkpoint/floats.ts";
import type { Engine } from "../checkpoint/engine.ts";
import type { Recipe } from "../checkpoint/weights.ts";
import type { MatrixForm } from "./net.ts";

/** Rows that are turned into columns together. */
const TILE = 64;

/** Inputs that share a scale in int4. With 32 the error is a sixth smaller, and products take 1.4 times as long. */
const BLOCK = 128;

/** The whole number at the end of the range, the same on both sides of zero. */
const INT8_END = 127;
/** What rounds to infinity in float16. */
const HALF_END = 65_520;
const INT7_END = 63;
/** Four bits hold -8..7: the scale's sign is chosen so that the largest of a block becomes -8. */
const INT4_END = -8;

/**
 * @param rows give every row of x a scale of its own: more exact, two more passes over x and the product
 * @param narrow use half of the range, where products saturate
 */
export function int8Form(rows: boolean, narrow = false): MatrixForm {
  return (graph, name, x, width, bias) => {
    const inputs = x.shape.at(-1) as number;
    const held = `${name}#${narrow ? "int7" : "int8"}`;
    const weight = graph.parameter(held, [inputs, width], { kind: "zeros" }, { dtype: "int8" });
    const scale = graph.parameter(`${held}.scale`, [width], { kind: "zeros" }, { trainable: false });
    const flat = reshape(x, [-1, inputs]);
    const count = flat.shape[0] as number;
    const multiply = (a: Tensor, offset: Tensor | null): Tensor =>
      contributed(graph, "DynamicQuantizeMatMul", [a, weight, scale, null, offset], [count, width]);
    if (!rows) return reshape(multiply(flat, bias), [...x.shape.slice(0, -1), width]);
    // Rows are brought to the same size first, so that one scale fits all; the product gets it back.
    const size = maximum(max(abs(flat), -1, { keepDims: true }), 1e-30);
    const product = mul(multiply(div(flat, size), null), size);
    return reshape(bias === null ? product : add(product, bias), [...x.shape.slice(0, -1), width]);
  };
}

export const int4Form: MatrixForm = (graph, name, x, width, bias) => {
  const inputs = x.shape.at(-1) as number;
  const blocks = Math.ceil(inputs / BLOCK);
  const dtype = { dtype: "uint8" } as const;
  const weight = graph.parameter(`${name}#int4`, [width, blocks, BLOCK / 2], { kind: "zeros" }, dtype);
  const scale = graph.parameter(`${name}#int4.scale`, [width * blocks], { kind: "zeros" }, { trainable: false });
  const flat = reshape(x, [-1, inputs]);
  const [product] = graph.node({
    op: "MatMulNBits",
    domain: "com.microsoft",
    inputs: [flat, weight, scale],
    attributes: {
      K: { int: inputs },
      N: { int: width },
      bits: { int: 4 },
      block_size: { int: BLOCK },
      // Products of 8 bits.
      accuracy_level: { int: 4 },
    },
    outputs: [{ dtype: "float32", shape: [flat.shape[0] as number, width] }],
  }) as [Tensor];
  return reshape(bias === null ? product : add(product, bias), [...x.shape.slice(0, -1), width]);
};

/**
 * fp16: half the memory, and products in float32 all the same: processors have none of 16 bits that the engine knows. A matrix is
 * widened when its turn comes and forgotten after it.
 */
export const halfForm: MatrixForm = (graph, name, x, width, bias) => {
  const inputs = x.shape.at(-1) as number;
  const held = `${name}#fp16`;
  const weight =
    graph.parameters.get(held) ?? graph.parameter(held, [width, inputs], { kind: "zeros" }, { dtype: "float16" });
  return linear(x, cast(weight, "float32"), bias, { transposed: true });
};

/** How the matrices of a policy are held; fp32 leaves them as they are. */
export type Precision = "fp32" | "fp16" | "int8" | "int4";

/**
 * Attention and MLP of transformer layers (in the names of transformers, timm and diffusers), and the projection of image
 * features: nearly all of the weights.
 */
const LARGE =
  /\.(self_attn|attn|mlp)\.\w+\.weight$|\.attn1\.to_(q|k|v|out\.0)\.weight$|\.ff\.net\.(0\.proj|2)\.weight$|\.(connector|multi_modal_projector|mlp1)\./;

/**
 * Which form each matrix takes. Image encoders have many rows of like size, so one scale a matrix is enough and quickest; in 4
 * bits they would only get slower. First and last layers around actions, times and states stay in float32.
 */
export function formsFor(precision: Precision, narrow = false): ((name: string) => MatrixForm | null) | undefined {
  if (precision === "fp32") return undefined;
  if (precision === "fp16") return (name) => (LARGE.test(name) ? halfForm : null);
  const eyes = int8Form(false, narrow);
  const language = precision === "int8" ? int8Form(true, narrow) : int4Form;
  return (name) => {
    if (!LARGE.test(name)) return null;
    return /\.vision_(model|tower)\./.test(name) ? eyes : language;
  };
}

/** Inputs of the probe: enough for the widest of the engine's kernels. */
const PROBE = 256;

/**
 * Whether products of 8 bits lose what exceeds 16 bits on the way, as x86 processors without VNNI do: two products of 255·127
 * are added before there is room for them. Weights that use half of the range are exact there.
 */
export async function productsSaturate(engine: Engine): Promise<boolean> {
  const graph = new Graph("probe");
  const x = graph.input("x", "float32", [16, PROBE]);
  const weight = graph.constant(new Int8Array(PROBE * 16).fill(INT8_END), "int8", [PROBE, 16]);
  const scale = graph.constant(new Float32Array(16).fill(1), "float32", [16]);
  graph.output("y", contributed(graph, "DynamicQuantizeMatMul", [x, weight, scale], [16, 16]));
  const session = await engine.openSession(onnxModel(graph), engine.options);
  const { y } = await session.run({ x: new Float32Array(16 * PROBE).fill(1) });
  await session.close();
  const exact = PROBE * INT8_END;
  return Array.from(y?.data ?? [], Number).some((value) => Math.abs(value - exact) > 0.01 * exact);
}

function contributed(graph: Graph, op: string, inputs: readonly (Tensor | null)[], shape: readonly number[]): Tensor {
  const outputs = [{ dtype: "float32", shape }] as const;
  // Inputs that are left out at the end are not written.
  const last = inputs.findLastIndex((input) => input !== null);
  return graph.node({ op, domain: "com.microsoft", inputs: inputs.slice(0, last + 1), outputs })[0] as Tensor;
}

/** Between the names of tensors that are one parameter, below one another. */
const JOINT = "+";

/**
 * How a parameter is made that is no tensor of the checkpoint as it is: quantised, several joined, or both; null for any other.
 * @param stored name in the checkpoint of a tensor [width, inputs]
 * @param shape of the parameter
 */
export function quantisedSource(parameter: string, stored: (name: string) => string, shape: Shape): Recipe | null {
  const [whole, form, scale] = (/^(.*)#(int[478]|fp16)(\.scale)?$/.exec(parameter)?.slice(1) ?? [parameter]) as [
    string,
    ("int4" | "int7" | "int8" | "fp16")?,
    string?,
  ];
  const from = whole.split(JOINT).map(stored);
  if (form === undefined)
    return from.length === 1 ? null : { id: "joined", from, ...partShapes(shape, from), compute: joinRows };
  const [name] = from as [string];
  if (form === "fp16") {
    return { id: "fp16 values", from, ...partShapes(shape, from), compute: (all) => toHalf(joinRows(all), name) };
  }
  const part = scale === undefined ? "values" : "scales";
  return {
    id: `${form} ${part}`,
    from,
    // [inputs, width] in 8 bits; the others' shapes do not tell both numbers, and go with these.
    ...(form !== "int4" && scale === undefined ? partShapes(shape.toReversed(), from) : {}),
    compute: (all, infos) => {
      const inputs = infos[0]?.shape[1] as number;
      const width = infos.reduce((sum, info) => sum + (info.shape[0] as number), 0);
      const blocks = Math.ceil(inputs / BLOCK);
      const fits = form !== "int4" || sizeOf(shape) === width * blocks * (scale === undefined ? BLOCK / 2 : 1);
      if (!fits || (scale === undefined && form === "int4" && shape[0] !== width)) {
        throw new BiddenError("bad-checkpoint", `"${name}": expected ${shape[0]} rows; came [${width}, ${inputs}].`, {
          tensor: name,
        });
      }
      const matrix = all.length === 1 ? (all[0] as Float32Array) : joinRows(all);
      if (form === "int4") return toInt4(matrix, width, inputs)[part];
      return toInt8(matrix, width, inputs, form === "int8" ? INT8_END : INT7_END)[part];
    },
  };
}

/** Joined tensors are of one shape. */
function partShapes([rows = 0, ...rest]: Shape, from: readonly string[]): Pick<Recipe, "shapes"> {
  return { shapes: from.map(() => [rows / from.length, ...rest]) };
}

/** The nearest halves, as bits. */
function toHalf(values: Float32Array, name: string): Elements {
  const beyond = values.find((value) => Math.abs(value) >= HALF_END);
  if (beyond === undefined) return fromFloat32(values, "float16");
  throw new BiddenError(
    "bad-checkpoint",
    `"${name}" holds ${beyond}, which float16 has no room for: open it in fp32.`,
    {
      tensor: name,
    },
  );
}

/** [width, inputs] to values int8[inputs, width] and scales float32[width]. */
export function toInt8(
  matrix: Float32Array,
  width: number,
  inputs: number,
  end = INT8_END,
): { readonly values: Int8Array; readonly scales: Float32Array } {
  const scales = new Float32Array(width);
  const factors = new Float64Array(width);
  const values = new Int8Array(width * inputs);
  for (let row = 0; row < width; row++) {
    const largest = Math.abs(extremeOf(matrix, row * inputs, (row + 1) * inputs));
    scales[row] = largest / end;
    factors[row] = largest === 0 ? 0 : end / largest;
  }
  // A few rows at a time, so that what is written lies side by side.
  for (let first = 0; first < width; first += TILE) {
    const last = Math.min(first + TILE, width);
    for (let i = 0; i < inputs; i++) {
      for (let row = first, from = first * inputs + i; row < last; row++, from += inputs) {
        values[i * width + row] = rounded((matrix[from] as number) * (factors[row] as number));
      }
    }
  }
  return { values, scales };
}

/** The nearest whole number, halves upwards, of a number above -1024: several times as fast as Math.round. */
function rounded(value: number): number {
  return ((value + 1024.5) | 0) - 1024;
}

/** [width, inputs] to values uint8[width, blocks, 64], two to a byte, the first below, 8 for zero, and scales float32[width, blocks]. */
export function toInt4(
  matrix: Float32Array,
  width: number,
  inputs: number,
): { readonly values: Uint8Array; readonly scales: Float32Array } {
  const blocks = Math.ceil(inputs / BLOCK);
  const scales = new Float32Array(width * blocks);
  // Zeros stand for what lies beyond the inputs in the last block.
  const values = new Uint8Array((width * blocks * BLOCK) / 2).fill(0x88);
  for (let row = 0; row < width; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * inputs + block * BLOCK;
      const end = Math.min(start + BLOCK, (row + 1) * inputs);
      const extreme = extremeOf(matrix, start, end);
      if (extreme === 0) continue;
      const at = row * blocks + block;
      scales[at] = extreme / INT4_END;
      const factor = INT4_END / extreme;
      for (let i = start, byte = (at * BLOCK) / 2; i < end; i += 2, byte++) {
        const low = Math.min(15, 8 + rounded((matrix[i] as number) * factor));
        const high = i + 1 < end ? Math.min(15, 8 + rounded((matrix[i + 1] as number) * factor)) : 8;
        values[byte] = low | (high << 4);
      }
    }
  }
  return { values, scales };
}

/** The value furthest from 0, with its sign. */
function extremeOf(values: Float32Array, start: number, end: number): number {
  let [least, most] = [0, 0];
  for (let i = start; i < end; i++) {
    const value = values[i] as number;
    if (value < least) least = value;
    else if (value > most) most = value;
  }
  return -least > most ? least : most;
}
