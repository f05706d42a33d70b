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
  matmul,
  mul,
  reshape,
  selfAttention,
  split,
  splitHeads,
  sum,
  type Tensor,
  transpose,
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
  if (options.bias !== false) {
    const { weight, bias } = denseParameters(graph, name, lastDim(x), width, options.std);
    return linear(x, weight, bias);
  }
  return linear(x, weightOf(graph, name, lastDim(x), width, options.std), null);
}

/**
 * `dense` of x·scale + shift, with scale and shift in the weights: a pass over fewer numbers than x has, and none at all once
 * the weights are constants.
 */
export function denseScaled(
  graph: Graph,
  name: string,
  x: Tensor,
  width: number,
  { scale, shift }: { readonly scale: number; readonly shift: number },
): Tensor {
  const { weight, bias } = denseParameters(graph, name, lastDim(x), width);
  return linear(x, mul(weight, scale), add(bias, mul(sum(weight, 0), shift)));
}

function weightOf(graph: Graph, name: string, inputs: number, width: number, std = 1 / Math.sqrt(inputs)): Tensor {
  return graph.parameter(`${name}.weight`, [inputs, width], { kind: "normal", std });
}

function denseParameters(
  graph: Graph,
  name: string,
  inputs: number,
  width: number,
  std?: number,
): { readonly weight: Tensor; readonly bias: Tensor } {
  const weight = weightOf(graph, name, inputs, width, std);
  return { weight, bias: graph.parameter(`${name}.bias`, [width], { kind: "zeros" }) };
}

/** Layer normalisation over the last axis (epsilon 1e-5); a dense layer follows, so it has no scale and shift of its own. */
export function norm(x: Tensor): Tensor {
  return layerNorm(x);
}

/** Pre-norm self-attention and MLP, each with a residual: [b, t, width] -> the same. */
export function selfLayer(graph: Graph, name: string, x: Tensor, heads: number, mlpWidth: number): Tensor {
  const width = lastDim(x);
  const rows = rowsOf(x);
  const { weight, bias } = denseParameters(graph, `${name}.qkv`, width, 3 * width);
  const values = selfAttention(reshape(norm(rows), x.shape), { weight, bias, heads });
  const attended = dense(graph, `${name}.out`, rowsOf(values), width);
  return reshape(mlp(graph, name, add(rows, attended), mlpWidth), x.shape);
}

/** [b, t, width] -> [b * t, width]: a layer works on rows, so that no shape is changed between its products. */
function rowsOf(x: Tensor): Tensor {
  return reshape(x, [-1, lastDim(x)]);
}

type CrossOptions = { readonly heads: number; readonly mlpWidth: number; readonly mask?: Tensor };

/** Pre-norm attention of `x` [b, n, width] to `memory` [b, m, width] (already normalised) and MLP, each with a residual. */
export function crossLayer(graph: Graph, name: string, x: Tensor, memory: Tensor, options: CrossOptions): Tensor {
  const width = lastDim(x);
  const rows = rowsOf(x);
  const q = splitHeads(reshape(dense(graph, `${name}.query`, norm(rows), width), x.shape), options.heads);
  const look = isCheaperFolded(x, memory, options.heads) ? lookFolded : lookProjected;
  const looked = joinHeads(look(graph, name, q, memory, options.mask ?? null));
  const attended = dense(graph, `${name}.out`, rowsOf(looked), width);
  return reshape(mlp(graph, name, add(rows, attended), options.mlpWidth), x.shape);
}

/** Whether few queries look at a long memory, counted in multiplications. */
function isCheaperFolded(x: Tensor, memory: Tensor, heads: number): boolean {
  const [, n, width] = x.shape as readonly [number, number, number];
  const m = memory.shape[1] as number;
  return 2 * n * width * width + 2 * n * heads * m * width < 2 * m * width * width + 2 * n * m * width;
}

/** Keys and values are made of all of memory: q [b, heads, n, d] -> [b, heads, n, d]. */
function lookProjected(graph: Graph, name: string, q: Tensor, memory: Tensor, mask: Tensor | null): Tensor {
  const heads = q.shape[1] as number;
  const width = lastDim(memory);
  const [k, v] = split(dense(graph, `${name}.memory`, memory, 2 * width), [width, width], -1) as [Tensor, Tensor];
  return attention(q, splitHeads(k, heads), splitHeads(v, heads), { mask });
}

/**
 * The same numbers from the other side: (m Wk)·q = m·(Wk q), and shares·(m Wv) = (shares·m) Wv, so that the weights meet the
 * few queries instead of all of memory. A bias of the keys adds the same to all scores of a query and falls out.
 */
function lookFolded(graph: Graph, name: string, q: Tensor, memory: Tensor, mask: Tensor | null): Tensor {
  const [batch, heads, n, d] = q.shape as readonly [number, number, number, number];
  const [, m, width] = memory.shape as readonly [number, number, number];
  const { weight, bias } = denseParameters(graph, `${name}.memory`, width, 2 * width);
  const [toKeys, toValues] = split(weight, [width, width], -1).map((part) =>
    transpose(reshape(part, [width, heads, d]), [1, 0, 2]),
  ) as [Tensor, Tensor];
  const shared = reshape(memory, [batch, 1, m, width]);
  // All heads look at the same memory, so that their queries are rows of one product.
  const asked = reshape(matmul(q, toKeys, { transposeB: true }), [batch, 1, heads * n, width]);
  const mixed = reshape(attention(asked, shared, shared, { mask, scale: 1 / Math.sqrt(d) }), [batch, heads, n, width]);
  const shift = split(bias, [width, width], -1)[1] as Tensor;
  return add(matmul(mixed, toValues), reshape(shift, [1, heads, 1, d]));
}

function mlp(graph: Graph, name: string, x: Tensor, mlpWidth: number): Tensor {
  const hidden = silu(dense(graph, `${name}.up`, norm(x), mlpWidth));
  return add(x, dense(graph, `${name}.down`, hidden, lastDim(x)));
}
