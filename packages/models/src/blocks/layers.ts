/**
 * The building blocks of transformers: dense layers, normalisation, attention, MLP. Parameters are named by a path such as
 * "mix.0.attention.query.weight", which is also their name in the safetensors file.
 */
import {
  add,
  attention,
  type Graph,
  silu,
  joinHeads,
  layerNorm,
  linear,
  packedSelfAttention,
  split,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";

export type DenseOptions = {
  readonly bias?: boolean;
  /** Standard deviation of the initial weights; by default 1 / sqrt(inputs). */
  readonly std?: number;
};

function lastDim(x: Tensor): number {
  return x.shape[x.shape.length - 1] as number;
}

/** y = x W + b over the last axis: [..., in] -> [..., width]. Weight is stored [in, width]. */
export function dense(graph: Graph, name: string, x: Tensor, width: number, options: DenseOptions = {}): Tensor {
  const inputs = lastDim(x);
  const weight = graph.parameter(`${name}.weight`, [inputs, width], {
    kind: "normal",
    std: options.std ?? 1 / Math.sqrt(inputs),
  });
  const bias = options.bias === false ? null : graph.parameter(`${name}.bias`, [width], { kind: "zeros" });
  return linear(x, weight, bias);
}

/** Layer normalisation over the last axis (epsilon 1e-5); a dense layer follows, so it has no scale and shift of its own. */
export function norm(x: Tensor): Tensor {
  return layerNorm(x);
}

/** Pre-norm self-attention and MLP, each with a residual: [b, t, width] -> the same. */
export function selfLayer(graph: Graph, name: string, x: Tensor, heads: number, mlpWidth: number): Tensor {
  const width = lastDim(x);
  const normed = norm(x);
  const values = packedSelfAttention(dense(graph, `${name}.qkv`, normed, 3 * width), heads);
  const attended = dense(graph, `${name}.out`, values, width);
  return mlp(graph, name, add(x, attended), mlpWidth);
}

/** Pre-norm attention of `x` to `memory` (already normalised) and MLP, each with a residual. */
export function crossLayer(
  graph: Graph,
  name: string,
  x: Tensor,
  memory: Tensor,
  options: { readonly heads: number; readonly mlpWidth: number; readonly mask?: Tensor },
): Tensor {
  const width = lastDim(x);
  const q = dense(graph, `${name}.query`, norm(x), width);
  const [k, v] = split(dense(graph, `${name}.memory`, memory, 2 * width), [width, width], -1) as [Tensor, Tensor];
  const apart = (tokens: Tensor): Tensor => splitHeads(tokens, options.heads);
  const values = joinHeads(attention(apart(q), apart(k), apart(v), { mask: options.mask ?? null }));
  const attended = dense(graph, `${name}.out`, values, width);
  return mlp(graph, name, add(x, attended), options.mlpWidth);
}

function mlp(graph: Graph, name: string, x: Tensor, mlpWidth: number): Tensor {
  const hidden = silu(dense(graph, `${name}.up`, norm(x), mlpWidth));
  return add(x, dense(graph, `${name}.down`, hidden, lastDim(x)));
}
