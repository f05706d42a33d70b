/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864) on halves: feature i turns with feature i + width/2, as in Llama, Gemma
 * and Qwen files (not the neighbours of the paper). Angles are computed outside of graphs, rounded as PyTorch rounds them.
 */
import { add, concat, type Graph, mul, split, sub, type Tensor } from "@bidden/tensor";
import { BiddenError } from "@bidden/runtime";

/** cos and sin of every position's angles: float32[n, width/2], or any shape that broadcasts to [batch, heads, n, width/2]. */
export type Turns = { readonly cos: Tensor; readonly sin: Tensor };

export type TurnValues = { readonly cos: Float32Array; readonly sin: Float32Array };

export type RopeOptions = {
  readonly base?: number;
  /**
   * Which product is rounded: "divided" is position / base^(2i/width) (openpi, SmolVLA), "multiplied" is position times a
   * stored 1 / base^(2i/width) (transformers).
   */
  readonly angle?: "divided" | "multiplied";
};

/** @returns float32[positions.length, width/2] each */
export function turnValues(positions: ArrayLike<number>, width: number, options: RopeOptions = {}): TurnValues {
  const { base = 10_000, angle = "divided" } = options;
  if (width % 2 !== 0) {
    throw new BiddenError("bad-shape", `Rotary positions turn pairs: expected an even width of a head; came ${width}.`);
  }
  const half = width / 2;
  const periods = Float32Array.from({ length: half }, (_, i) => {
    const exponent = angle === "divided" ? Math.fround(2 / width) * i : (2 * i) / width;
    return base ** Math.fround(exponent);
  });
  const frequencies = periods.map((period) => 1 / period);
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let p = 0; p < positions.length; p++) {
    const position = positions[p] as number;
    for (let i = 0; i < half; i++) {
      const exact = angle === "divided" ? position / (periods[i] as number) : position * (frequencies[i] as number);
      const radians = Math.fround(exact);
      cos[p * half + i] = Math.cos(radians);
      sin[p * half + i] = Math.sin(radians);
    }
  }
  return { cos, sin };
}

/** The places 0 to `count` - 1 as values of the graph. */
export function fixedTurns(graph: Graph, count: number, width: number, options: RopeOptions = {}): Turns {
  const places = Array.from({ length: count }, (_, i) => i);
  const { cos, sin } = turnValues(places, width, options);
  const shape = [count, width / 2];
  return { cos: graph.constant(cos, "float32", shape), sin: graph.constant(sin, "float32", shape) };
}

/** Turns x, float32[batch, heads, n, width]. */
export function rope(x: Tensor, { cos, sin }: Turns): Tensor {
  const half = (x.shape.at(-1) as number) / 2;
  const [a, b] = split(x, [half, half], -1) as [Tensor, Tensor];
  return concat([sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))], -1);
}
