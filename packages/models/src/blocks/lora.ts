/**
 * Fine-tuning by additions of low rank (Hu et al. 2021, arXiv:2106.09685): y = x·Wᵀ + (alpha/rank)·x·Aᵀ·Bᵀ with W as it was. A begins
 * as He et al.'s uniform numbers and B as zeros, as in PEFT, so that training starts from the checkpoint's own answers.
 *
 * The additions of a matrix are named after it: `x.weight#lora_A` [rank, in], `x.weight#lora_B` [out, rank].
 */
import { add, type Graph, type Init, linear, mul, type Shape, type Tensor, type TensorData } from "@bidden/tensor";
import type { MatrixForm } from "./net.ts";

export type LoraOptions = {
  readonly rank: number;
  /** Scale of the addition, divided by the rank. */
  readonly alpha: number;
};

const A = "#lora_A";
const B = "#lora_B";

/** Whether a parameter is one of the additions. */
export function isLora(name: string): boolean {
  return name.endsWith(A) || name.endsWith(B);
}

/** A matrix that stays, with an addition that is trained. */
export function loraForm({ rank, alpha }: LoraOptions): MatrixForm {
  return (graph, name, x, width, bias) => {
    const inputs = x.shape.at(-1) as number;
    const weight = parameter(graph, name, [width, inputs], { kind: "zeros" }, false);
    // PEFT: kaiming_uniform_(a=√5), which is a bound of 1/√in.
    const down = parameter(graph, name + A, [rank, inputs], { kind: "uniform", bound: 1 / Math.sqrt(inputs) }, true);
    const up = parameter(graph, name + B, [width, rank], { kind: "zeros" }, true);
    const plain = linear(x, weight, bias, { transposed: true });
    const low = linear(linear(x, down, null, { transposed: true }), up, null, { transposed: true });
    return add(plain, mul(low, alpha / rank));
  };
}

/** A matrix may be multiplied by in several places. */
function parameter(graph: Graph, name: string, shape: Shape, init: Init, trainable: boolean): Tensor {
  return graph.parameters.get(name) ?? graph.parameter(name, shape, init, { trainable });
}

/**
 * The matrices with their additions worked in, float32 [out, in] by the matrix's name.
 * @param values matrices and additions by name
 */
export function mergeLora(
  values: ReadonlyMap<string, TensorData>,
  { rank, alpha }: LoraOptions,
): Map<string, TensorData> {
  const merged = new Map<string, TensorData>();
  for (const [key, down] of values) {
    if (!key.endsWith(A)) continue;
    const name = key.slice(0, -A.length);
    const { shape, data } = values.get(name) as TensorData;
    const up = (values.get(name + B) as TensorData).data as Float32Array;
    const [width, inputs] = shape as readonly [number, number];
    const out = Float32Array.from(data as Float32Array);
    for (let row = 0; row < width; row++) {
      for (let r = 0; r < rank; r++) {
        const scale = ((up[row * rank + r] as number) * alpha) / rank;
        if (scale === 0) continue;
        for (let i = 0; i < inputs; i++) {
          out[row * inputs + i] =
            (out[row * inputs + i] as number) + scale * ((down.data as Float32Array)[r * inputs + i] as number);
        }
      }
    }
    merged.set(name, { dtype: "float32", shape, data: out });
  }
  return merged;
}
