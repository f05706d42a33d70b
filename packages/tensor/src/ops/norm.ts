/** Normalisations. Layer and RMS norm are one node forward and keep its statistics for the gradient. */
import { sizeOf } from "../graph/dtype.ts";
import { badShape, sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat } from "./build.ts";
import { add, cast, div, mul, reshape, sub, sumTo } from "./core.ts";
import { sumRows } from "./matmul.ts";
import { mean, variance } from "./reduce.ts";
import { rsqrt, sqrt } from "./unary.ts";

export type NormOptions = { readonly epsilon?: number };

/**
 * (x - mean)/√(variance + ε)·scale + bias over the trailing dimensions that `scale` has (the last one without a scale).
 * Gradient: with x̂ the normalised value and h = g·scale, dx = (h - mean(h) - x̂·mean(h·x̂))/√(variance + ε).
 */
export function layerNorm(x: Tensor, scale?: Tensor | null, bias?: Tensor | null, options: NormOptions = {}): Tensor {
  needFloat("layerNorm", x);
  const { epsilon = 1e-5 } = options;
  const over = scale?.shape ?? [x.shape.at(-1) ?? 0];
  const first = x.rank - over.length;
  if (first < 0 || !sameShape(x.shape.slice(first), over))
    throw badShape("layerNorm", "a scale of x's last dimensions", x.shape, over);
  if (bias != null && !sameShape(bias.shape, over))
    throw badShape("layerNorm", "a bias of the scale's shape", over, bias.shape);
  const gain = scale ?? x.graph.constant(new Float32Array(sizeOf(over)).fill(1), x.dtype, over);
  // ONNX keeps the statistics in float32 whatever x is.
  const statistics = { dtype: "float32" as const, shape: x.shape.map((dim, i) => (i < first ? dim : 1)) };
  const [y] = x.graph.node({
    op: "LayerNormalization",
    inputs: bias == null ? [x, gain] : [x, gain, bias],
    attributes: { axis: { int: first }, epsilon: { float: epsilon } },
    outputs: [{ dtype: x.dtype, shape: x.shape }, statistics, statistics],
    vjp: ([g], [value, ...kept]) => {
      const [average, inverse] = kept.map((statistic) => cast(statistic, x.dtype));
      const back = g as Tensor;
      const axes = over.map((_, i) => first + i);
      // Without scale and bias the result is the normalised value itself.
      const plain = scale == null && bias == null;
      const unit = plain ? (value as Tensor) : mul(sub(x, average as Tensor), inverse as Tensor);
      const gu = mul(back, unit);
      const h = scale == null ? back : mul(back, scale);
      const centred = sub(h, mean(h, axes, { keepDims: true }));
      const along = mean(scale == null ? gu : mul(gu, scale), axes, { keepDims: true });
      const dx = mul(sub(centred, mul(unit, along)), inverse as Tensor);
      const total = (each: Tensor): Tensor => (over.length === 1 ? sumRows(each) : sumTo(each, over));
      return [dx, scale == null ? null : total(gu), ...(bias == null ? [] : [total(back)])];
    },
  });
  return y as Tensor;
}

/** x/√(mean(x²) + ε)·scale over the last dimension (Zhang & Sennrich 2019, arXiv:1910.07467). */
export function rmsNorm(x: Tensor, scale?: Tensor | null, options: NormOptions = {}): Tensor {
  needFloat("rmsNorm", x);
  const { epsilon = 1e-6 } = options;
  const width = x.shape.at(-1) ?? 0;
  if (scale != null && !sameShape(scale.shape, [width]))
    throw badShape("rmsNorm", `a scale [${width}]`, x.shape, scale.shape);
  const inverse = rsqrt(add(mean(mul(x, x), -1, { keepDims: true }), epsilon));
  const unit = mul(x, inverse);
  return scale == null ? unit : mul(unit, scale);
}

/** Normalises groups of channels of [n, channels, ...] over their places (Wu & He 2018, arXiv:1803.08494). */
export function groupNorm(x: Tensor, groups: number, scale: Tensor, bias: Tensor, options: NormOptions = {}): Tensor {
  needFloat("groupNorm", x);
  const [n, channels] = x.shape as unknown as readonly [number, number];
  if (x.rank < 2 || channels % groups !== 0)
    throw badShape("groupNorm", `[n, channels, ...] with channels that ${groups} divides`, x.shape);
  if (!sameShape(scale.shape, [channels]) || !sameShape(bias.shape, [channels])) {
    throw badShape("groupNorm", `scale and bias [${channels}]`, scale.shape, bias.shape);
  }
  const unit = reshape(layerNorm(reshape(x, [n, groups, -1]), null, null, options), x.shape);
  const perChannel = [channels, ...x.shape.slice(2).map(() => 1)];
  return add(mul(unit, reshape(scale, perChannel)), reshape(bias, perChannel));
}

/** Normalises every channel of every sample over its places. */
export function instanceNorm(x: Tensor, scale: Tensor, bias: Tensor, options: NormOptions = {}): Tensor {
  return groupNorm(x, x.shape[1] ?? 1, scale, bias, options);
}

/** (x - mean)/√(variance + ε)·scale + bias with given statistics of every channel of [n, channels, ...]. */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  bias: Tensor,
  statistics: { readonly mean: Tensor; readonly variance: Tensor } | "of this batch",
  options: NormOptions = {},
): Tensor {
  needFloat("batchNorm", x);
  const { epsilon = 1e-5 } = options;
  const perChannel = [x.shape[1] ?? 0, ...x.shape.slice(2).map(() => 1)];
  const axes = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const centre =
    statistics === "of this batch" ? mean(x, axes, { keepDims: true }) : reshape(statistics.mean, perChannel);
  const spread =
    statistics === "of this batch"
      ? variance(x, axes, { keepDims: true, correction: 0 })
      : reshape(statistics.variance, perChannel);
  const unit = div(sub(x, centre), sqrt(add(spread, epsilon)));
  return add(mul(unit, reshape(scale, perChannel)), reshape(bias, perChannel));
}
