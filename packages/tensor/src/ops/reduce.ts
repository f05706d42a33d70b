/** Reductions over axes (all of them when left out), and scans along one. */
import { sizeOf } from "../graph/dtype.ts";
import { normaliseAxes, normaliseAxis } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { int64s, needFloat, single } from "./build.ts";
import { add, cast, div, equal, expand, mul, type ReduceOptions, reducedShape, reshape, sub, sum } from "./core.ts";
import { exp, log, sqrt, square } from "./unary.ts";

type Axes = number | readonly number[];

/** Number of elements that fall together when `axes` are reduced. */
function countOver(x: Tensor, axes: Axes | undefined): number {
  return sizeOf(normaliseAxes("mean", axes, x.shape).map((axis) => x.shape[axis] as number));
}

export function mean(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  needFloat("mean", x);
  const list = normaliseAxes("mean", axes, x.shape);
  const { keepDims = false } = options;
  if (list.length === 0) return x;
  return single("ReduceMean", [x, int64s(x.graph, list)], reducedShape(x.shape, list, keepDims), {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    vjp: (g) => {
      const share = mul(g, 1 / countOver(x, list));
      return [expand(reshape(share, reducedShape(x.shape, list, true)), x.shape), null];
    },
  });
}

/** The largest element over axes; equal ones share the gradient. */
export function max(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return extreme("ReduceMax", x, axes, options);
}

/** The smallest element over axes; equal ones share the gradient. */
export function min(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return extreme("ReduceMin", x, axes, options);
}

function extreme(op: "ReduceMax" | "ReduceMin", x: Tensor, axes: Axes | undefined, options: ReduceOptions): Tensor {
  const list = normaliseAxes(op === "ReduceMax" ? "max" : "min", axes, x.shape);
  const { keepDims = false } = options;
  if (list.length === 0) return x;
  return single(op, [x, int64s(x.graph, list)], reducedShape(x.shape, list, keepDims), {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    vjp: (g, y) => {
      const kept = reducedShape(x.shape, list, true);
      const chosen = cast(equal(x, reshape(y, kept)), x.dtype);
      const share = div(reshape(g, kept), sum(chosen, list, { keepDims: true }));
      return [mul(chosen, share), null];
    },
  });
}

/** The product over axes; its gradient needs elements that are not zero. */
export function prod(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const list = normaliseAxes("prod", axes, x.shape);
  const { keepDims = false } = options;
  if (list.length === 0) return x;
  return single("ReduceProd", [x, int64s(x.graph, list)], reducedShape(x.shape, list, keepDims), {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    vjp: (g, y) => [div(reshape(mul(g, y), reducedShape(x.shape, list, true)), x), null],
  });
}

export function sumSquares(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  const list = normaliseAxes("sumSquares", axes, x.shape);
  const { keepDims = false } = options;
  if (list.length === 0) return square(x);
  return single("ReduceSumSquare", [x, int64s(x.graph, list)], reducedShape(x.shape, list, keepDims), {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    vjp: (g) => [mul(mul(x, 2), reshape(g, reducedShape(x.shape, list, true))), null],
  });
}

/** The Euclidean length over axes; its gradient at zero is not defined. */
export function norm(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  return sqrt(sumSquares(x, axes, options));
}

/** x divided by its Euclidean length along an axis, which is taken as at least `epsilon`. */
export function normalize(x: Tensor, axis = -1, epsilon = 1e-12): Tensor {
  const squared = sumSquares(x, axis, { keepDims: true });
  const floor = x.graph.constant(epsilon * epsilon, x.dtype);
  return div(x, sqrt(single("Max", [squared, floor], squared.shape, { vjp: (g) => [g, null] })));
}

/** Variance over axes; `correction` 1 divides by n - 1, 0 by n. */
export function variance(
  x: Tensor,
  axes?: Axes,
  options: ReduceOptions & { readonly correction?: number } = {},
): Tensor {
  const centred = sub(x, mean(x, axes, { keepDims: true }));
  const { correction = 1, ...keep } = options;
  return mul(sumSquares(centred, axes, keep), 1 / (countOver(x, axes) - correction));
}

/** log Σ exp over axes, without overflow. */
export function logSumExp(x: Tensor, axes?: Axes, options: ReduceOptions = {}): Tensor {
  needFloat("logSumExp", x);
  const list = normaliseAxes("logSumExp", axes, x.shape);
  // The shift by the maximum cancels out, so no gradient needs to flow through it.
  const top = single("Identity", [max(x, list, { keepDims: true })], reducedShape(x.shape, list, true), {
    vjp: () => [null],
  });
  const kept = add(log(sum(exp(sub(x, top)), list, { keepDims: true })), top);
  return reshape(kept, reducedShape(x.shape, list, options.keepDims ?? false));
}

/** Running sum along an axis; `exclusive` leaves the own element out, `reverse` runs from the end. */
export function cumulativeSum(
  x: Tensor,
  axis: number,
  options: { readonly exclusive?: boolean; readonly reverse?: boolean } = {},
): Tensor {
  const at = normaliseAxis("cumulativeSum", axis, x.shape);
  const { exclusive = false, reverse = false } = options;
  return single("CumSum", [x, x.graph.constant(at, "int64")], x.shape, {
    attributes: { exclusive: { int: exclusive ? 1 : 0 }, reverse: { int: reverse ? 1 : 0 } },
    vjp: (g) => [cumulativeSum(g, at, { exclusive, reverse: !reverse }), null],
  });
}

/** The place (int64) of the largest element along an axis; the first of equal ones. */
export function argMax(x: Tensor, axis = -1): Tensor {
  const at = normaliseAxis("argMax", axis, x.shape);
  return single("ArgMax", [x], reducedShape(x.shape, [at], false), {
    dtype: "int64",
    attributes: { axis: { int: at }, keepdims: { int: 0 } },
  });
}
