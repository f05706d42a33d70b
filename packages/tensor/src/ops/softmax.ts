/** Softmax and its logarithm along an axis. */
import { normaliseAxis } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat, single } from "./build.ts";
import { mul, sub, sum } from "./core.ts";
import { exp } from "./unary.ts";

export function softmax(x: Tensor, axis = -1): Tensor {
  needFloat("softmax", x);
  const at = normaliseAxis("softmax", axis, x.shape);
  return single("Softmax", [x], x.shape, {
    attributes: { axis: { int: at } },
    vjp: (g, y) => {
      const weighted = mul(g, y);
      return [sub(weighted, mul(y, sum(weighted, at, { keepDims: true })))];
    },
  });
}

export function logSoftmax(x: Tensor, axis = -1): Tensor {
  needFloat("logSoftmax", x);
  const at = normaliseAxis("logSoftmax", axis, x.shape);
  return single("LogSoftmax", [x], x.shape, {
    attributes: { axis: { int: at } },
    vjp: (g, y) => [sub(g, mul(exp(y), sum(g, at, { keepDims: true })))],
  });
}
