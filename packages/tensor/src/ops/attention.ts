/** Attention: scaled dot products, many heads, rotary positions. */
import type { DType } from "../graph/dtype.ts";
import { badShape, sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { single } from "./build.ts";
import { add, cast, expand, mul, reshape, sub, sum, where } from "./core.ts";
import { concat, slice, split, stack, transpose, unsqueeze } from "./layout.ts";
import { linear, matmul } from "./matmul.ts";
import { cos, sin, tanh } from "./unary.ts";

export type AttentionOptions = {
  /** Added to the scores (float), or true where a key may be attended to (bool); broadcast to [batch, heads, queries, keys]. */
  readonly mask?: Tensor | null;
  /** A query sees keys up to its own place only. */
  readonly causal?: boolean;
  /** Multiplies the scores; 1/√width when left out. */
  readonly scale?: number;
  /** Holds scores to (-cap, cap) by cap·tanh(score/cap), as Gemma does. */
  readonly softCap?: number;
};

/**
 * softmax(q·kᵀ·scale + mask)·v. Fewer key heads than query heads are shared by neighbouring query heads.
 * @param q float[batch, heads, queries, width]
 * @param k float[batch, key heads, keys, width]
 * @param v float[batch, key heads, keys, value width]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  if (q.rank !== 4 || k.rank !== 4 || v.rank !== 4 || q.shape[3] !== k.shape[3] || k.shape[2] !== v.shape[2]) {
    throw badShape("attention", "q [b, h, n, d], k [b, h', m, d] and v [b, h', m, e]", q.shape, k.shape, v.shape);
  }
  const [batch, heads, queries, width] = q.shape as unknown as readonly [number, number, number, number];
  const keyHeads = k.shape[1] as number;
  if (heads % keyHeads !== 0 || v.shape[1] !== keyHeads) {
    throw badShape("attention", "key heads that divide the query heads", q.shape, k.shape, v.shape);
  }
  const { mask = null, causal = false, scale = 1 / Math.sqrt(width), softCap } = options;
  // Query heads that share a key head become further rows of one product: keys and values are not copied.
  const rows = (heads / keyHeads) * queries;
  const raw = matmul(reshape(q, [batch, keyHeads, rows, width]), k, { transposeB: true, scale });
  const apart = reshape(raw, [batch, heads, queries, k.shape[2] as number]);
  const scores = softCap === undefined ? apart : mul(tanh(mul(apart, 1 / softCap)), softCap);
  const seen = causal ? add(scores, hiding(causalMask(q, k), scores.dtype)) : scores;
  const masked = mask === null ? seen : add(seen, mask.dtype === "bool" ? hiding(mask, scores.dtype) : mask);
  if (!sameShape(masked.shape, scores.shape))
    throw badShape("attention", "a mask that broadcasts to the scores", scores.shape, masked.shape);
  return weighted(masked, v);
}

/** A mask as something that is added: -1e30, beside which no score counts, where nothing may be attended to. */
function hiding(mask: Tensor, dtype: DType): Tensor {
  const { graph } = mask;
  return where(mask, graph.constant(0, dtype), graph.constant(-1e30, dtype));
}

/**
 * softmax(scores)·v. With P the softmax and o the result, the gradient of the scores is P∘(dP - Σ dP∘P), and the sum over keys
 * is Σ do∘o over features (Dao et al. 2022, arXiv:2205.14135, appendix B): two passes over the large matrix instead of four.
 * The product hands the softmax a gradient that is shifted already, so both are kept apart from equal nodes of others.
 * @param scores float[batch, heads, queries, keys]
 * @param v float[batch, key heads, keys, width]
 */
function weighted(scores: Tensor, v: Tensor): Tensor {
  const softened = single("Softmax", [scores], scores.shape, {
    attributes: { axis: { int: scores.rank - 1 } },
    variant: "in attention",
    vjp: (g, y) => [mul(g, y)],
  });
  const [batch, heads, queries, keys] = scores.shape as unknown as readonly [number, number, number, number];
  const [, keyHeads, , width] = v.shape as unknown as readonly [number, number, number, number];
  const rows = (heads / keyHeads) * queries;
  const shares = reshape(softened, [batch, keyHeads, rows, keys]);
  const values = expand(v, [batch, keyHeads, keys, width]);
  const mixed = single("MatMul", [shares, values], [batch, keyHeads, rows, width], {
    variant: "in attention",
    vjp: (g, y) => [
      sub(matmul(g, v, { transposeB: true }), sum(mul(g, y), -1, { keepDims: true })),
      matmul(shares, g, { transposeA: true }),
    ],
  });
  return reshape(mixed, [batch, heads, queries, width]);
}

/** bool[queries, keys]: true where the key's place is not after the query's. */
function causalMask(q: Tensor, k: Tensor): Tensor {
  const queries = q.shape[2] as number;
  const keys = k.shape[2] as number;
  const seen = new Uint8Array(queries * keys);
  for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) seen[i * keys + j] = j <= i ? 1 : 0;
  return q.graph.constant(seen, "bool", [queries, keys]);
}

/** float[batch, n, heads·width] to [batch, heads, n, width]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [batch, n, all] = x.shape as unknown as readonly [number, number, number];
  if (x.rank !== 3 || all % heads !== 0)
    throw badShape("splitHeads", `[batch, n, width] with a width that ${heads} divides`, x.shape);
  return transpose(reshape(x, [batch, n, heads, all / heads]), [0, 2, 1, 3]);
}

/** float[batch, heads, n, width] to [batch, n, heads·width]. */
export function joinHeads(x: Tensor): Tensor {
  const [batch, heads, n, width] = x.shape as unknown as readonly [number, number, number, number];
  if (x.rank !== 4) throw badShape("joinHeads", "[batch, heads, n, width]", x.shape);
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, n, heads * width]);
}

/** Self-attention from one product of queries, keys and values side by side: float[batch, n, 3·width] to [batch, n, width]. */
export function packedSelfAttention(qkv: Tensor, heads: number, options: AttentionOptions = {}): Tensor {
  const [batch, n, three] = qkv.shape as unknown as readonly [number, number, number];
  if (qkv.rank !== 3 || three % (3 * heads) !== 0) {
    throw badShape("packedSelfAttention", `[batch, n, 3·width] with a width that ${heads} divides`, qkv.shape);
  }
  const width = three / 3 / heads;
  const apart = transpose(reshape(qkv, [batch, n, 3, heads, width]), [2, 0, 3, 1, 4]);
  const [q, k, v] = split(apart, [1, 1, 1], 0).map((x) => reshape(x, [batch, heads, n, width])) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  return joinHeads(attention(q, k, v, options));
}

export type SelfAttentionWeights = {
  /** float[width, 3·inner]: what makes queries, keys and values, side by side. */
  readonly weight: Tensor;
  /** float[3·inner] */
  readonly bias: Tensor | null;
  readonly heads: number;
};

/**
 * Self-attention with queries, keys and values as one product each: float[batch, n, width] to [batch, n, inner]. The weights
 * are cut in three, and not the product, which is longer.
 */
export function selfAttention(x: Tensor, weights: SelfAttentionWeights, options: AttentionOptions = {}): Tensor {
  const { weight, bias, heads } = weights;
  const [batch, n] = x.shape as unknown as readonly [number, number];
  const inner = (weight.shape[1] ?? 0) / 3;
  if (x.rank !== 3 || weight.rank !== 2 || !Number.isInteger(inner)) {
    throw badShape("selfAttention", "x [batch, n, width] and weights [width, 3·inner]", x.shape, weight.shape);
  }
  const biases = bias === null ? null : split(bias, [inner, inner, inner], 0);
  const [q, k, v] = split(weight, [inner, inner, inner], 1).map((part, i) =>
    splitHeads(reshape(linear(x, part, biases?.[i] ?? null), [batch, n, inner]), heads),
  ) as [Tensor, Tensor, Tensor];
  return joinHeads(attention(q, k, v, options));
}

/**
 * Rotary positions (Su et al. 2021, arXiv:2104.09864): turns pairs of features by position·base^(-2i/width).
 * Pairs are (i, i + width/2), or neighbours with `interleaved`.
 * @param x float[batch, heads, n, width]
 * @param positions int64[batch, n] or float32[batch, n]
 */
export function rotaryEmbedding(
  x: Tensor,
  positions: Tensor,
  options: { readonly base?: number; readonly interleaved?: boolean } = {},
): Tensor {
  const { base = 10000, interleaved = false } = options;
  const width = x.shape.at(-1) ?? 0;
  if (x.rank !== 4 || width % 2 !== 0) throw badShape("rotaryEmbedding", "[batch, heads, n, even width]", x.shape);
  const half = width / 2;
  const frequencies = x.graph.constant(Array.from({ length: half }, (_, i) => base ** (-i / half)));
  const angles = unsqueeze(mul(unsqueeze(cast(positions, "float32"), -1), frequencies), 1);
  const [c, s] = [cos(angles), sin(angles)];
  const [a, b] = interleaved
    ? [slice(x, { axis: -1, step: 2 }), slice(x, { axis: -1, start: 1, step: 2 })]
    : (split(x, [half, half], -1) as [Tensor, Tensor]);
  const turnedA = sub(mul(a, c), mul(b, s));
  const turnedB = add(mul(b, c), mul(a, s));
  return interleaved ? reshape(stack([turnedA, turnedB], -1), x.shape) : concat([turnedA, turnedB], -1);
}
