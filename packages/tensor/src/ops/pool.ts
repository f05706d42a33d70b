/** Pooling: the maximum or the mean of a window that slides over the places of [n, channels, ...places]. */
import { type Shape, sizeOf } from "../graph/dtype.ts";
import { badShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat } from "./build.ts";
import { conv, type PerPlace, slidLength, type Window, windowOf } from "./conv.ts";
import { expand, mul, reshape } from "./core.ts";
import { scatterAdd } from "./indexing.ts";
import { mean } from "./reduce.ts";
import { mapAxis } from "./resize.ts";

export type PoolOptions = {
  /** Left out: the window's size. */
  readonly stride?: PerPlace;
  readonly padding?: PerPlace;
};

function poolWindow(op: string, x: Tensor, size: PerPlace, options: PoolOptions): Window {
  needFloat(op, x);
  if (x.rank < 3) throw badShape(op, "[n, channels, ...places]", x.shape);
  const kernel = typeof size === "number" ? x.shape.slice(2).map(() => size) : size;
  if (kernel.length !== x.rank - 2) throw badShape(op, `a size for ${x.rank - 2} places`, x.shape, kernel);
  return windowOf(op, kernel, { stride: options.stride ?? kernel, padding: options.padding ?? 0 });
}

/** The largest element of each window; `ceil` also takes windows that the end cuts off. */
export function maxPool(x: Tensor, size: PerPlace, options: PoolOptions & { readonly ceil?: boolean } = {}): Tensor {
  const window = poolWindow("maxPool", x, size, options);
  const { ceil = false } = options;
  const places = x.shape.slice(2).map((length, i) => {
    const stride = window.strides[i] as number;
    const rest =
      (length + (window.before[i] as number) + (window.after[i] as number) - (window.kernel[i] as number)) % stride;
    return slidLength(window, i, length) + (ceil && rest > 0 ? 1 : 0);
  });
  const shape = [...x.shape.slice(0, 2), ...places];
  const [y] = x.graph.node({
    op: "MaxPool",
    inputs: [x],
    attributes: {
      kernel_shape: { ints: window.kernel },
      strides: { ints: window.strides },
      pads: { ints: [...window.before, ...window.after] },
      ceil_mode: { int: ceil ? 1 : 0 },
    },
    outputs: [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ],
    vjp: ([g], [, winners]) => {
      // The second output numbers the winners over the whole flattened input.
      const flat = expand(x.graph.constant(0, x.dtype), [sizeOf(x.shape)]);
      const count = sizeOf(shape);
      return [
        reshape(scatterAdd(flat, reshape(winners as Tensor, [count]), reshape(g as Tensor, [count]), 0), x.shape),
      ];
    },
  });
  return y as Tensor;
}

/** The mean of each window; padding counts as zeros, or not at all with `countPadding: false`. */
export function avgPool(
  x: Tensor,
  size: PerPlace,
  options: PoolOptions & { readonly countPadding?: boolean } = {},
): Tensor {
  const window = poolWindow("avgPool", x, size, options);
  const { countPadding = true } = options;
  const channels = x.shape[1] as number;
  const sums = conv(x, expand(x.graph.constant(1, x.dtype), [channels, 1, ...window.kernel]), null, {
    stride: window.strides,
    padding: window.before,
    groups: channels,
  });
  if (countPadding) return mul(sums, 1 / sizeOf(window.kernel));
  const places = sums.shape.slice(2);
  return mul(sums, x.graph.constant(inverseCounts(window, x.shape.slice(2), places), x.dtype, places));
}

/** 1 over the number of elements of each window that are not padding. */
function inverseCounts(window: Window, lengths: Shape, places: Shape): Float32Array {
  const perPlace = places.map((count, i) =>
    Array.from({ length: count }, (_, at) => {
      const start = at * (window.strides[i] as number) - (window.before[i] as number);
      const end = start + (window.kernel[i] as number);
      return Math.min(end, lengths[i] as number) - Math.max(start, 0);
    }),
  );
  const out = new Float32Array(sizeOf(places));
  for (let flat = 0; flat < out.length; flat++) {
    let rest = flat;
    let product = 1;
    for (let i = places.length - 1; i >= 0; i--) {
      product *= perPlace[i]?.[rest % (places[i] as number)] ?? 1;
      rest = Math.floor(rest / (places[i] as number));
    }
    out[flat] = 1 / product;
  }
  return out;
}

/** The mean over all places: [n, channels, ...places] to [n, channels, 1, ...]. */
export function globalAvgPool(x: Tensor): Tensor {
  return mean(
    x,
    x.shape.slice(2).map((_, i) => i + 2),
    { keepDims: true },
  );
}

/** Means of near-equal windows, so many that the places have the given lengths (PyTorch's rule for where windows begin and end). */
export function adaptiveAvgPool(x: Tensor, lengths: readonly number[]): Tensor {
  if (lengths.length !== x.rank - 2) throw badShape("adaptiveAvgPool", `${x.rank - 2} lengths`, x.shape, lengths);
  return lengths.reduce<Tensor>((y, to, i) => {
    const from = x.shape[i + 2] as number;
    const matrix = new Float64Array(to * from);
    for (let row = 0; row < to; row++) {
      const start = Math.floor((row * from) / to);
      const end = Math.ceil(((row + 1) * from) / to);
      matrix.fill(1 / (end - start), row * from + start, row * from + end);
    }
    return mapAxis(y, matrix, to, i + 2);
  }, x);
}
