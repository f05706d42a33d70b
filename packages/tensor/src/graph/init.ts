/** First values of parameters. Every parameter draws from its own generator, named after it: adding one changes no other. */
import { BiddenError, type Rng } from "@bidden/runtime";
import { type Shape, sizeOf, type TensorData } from "./dtype.ts";
import type { Graph } from "./graph.ts";
import type { Init } from "./tensor.ts";

/** Values for every parameter of a graph, the same for the same seed. */
export function initParameters(graph: Graph, rng: Rng): Map<string, TensorData> {
  const values = new Map<string, TensorData>();
  for (const { name, shape, source } of graph.parameters.values()) {
    if (source.kind === "parameter") {
      values.set(name, { dtype: "float32", shape, data: initialValues(source.init, shape, rng.fork(name)) });
    }
  }
  return values;
}

function initialValues(init: Init, shape: Shape, rng: Rng): Float32Array {
  const data = new Float32Array(sizeOf(shape));
  const [fanIn, fanOut] = fans(shape);
  switch (init.kind) {
    case "zeros":
      return data;
    case "ones":
      return data.fill(1);
    case "constant":
      return data.fill(init.value);
    case "values":
      return init.values.slice();
    case "normal":
      return data.map(() => (init.mean ?? 0) + init.std * rng.normal());
    case "truncated-normal":
      return data.map(() => init.std * truncatedNormal(rng));
    case "uniform":
      return data.map(() => init.bound * (2 * rng.uniform() - 1));
    case "xavier": {
      // Glorot & Bengio 2010, the uniform form.
      const bound = (init.gain ?? 1) * Math.sqrt(6 / (fanIn + fanOut));
      return data.map(() => bound * (2 * rng.uniform() - 1));
    }
    case "he": {
      // He et al. 2015, the normal form for relu.
      const std = Math.sqrt(2 / fanIn);
      return data.map(() => std * rng.normal());
    }
    default:
      return init satisfies never;
  }
}

/** A standard normal number within two standard deviations. */
function truncatedNormal(rng: Rng): number {
  for (let tries = 0; tries < 1000; tries++) {
    const value = rng.normal();
    if (Math.abs(value) <= 2) return value;
  }
  throw new BiddenError("internal", "internal: the generator gives no normal number within two standard deviations.");
}

/** Values that enter and leave one unit: [in, out] of a matrix, [out, in, ...kernel] of a convolution. */
function fans(shape: Shape): readonly [number, number] {
  if (shape.length < 2) return [sizeOf(shape), sizeOf(shape)];
  const [first, second, ...kernel] = shape as readonly [number, number, ...number[]];
  const field = sizeOf(kernel);
  return shape.length === 2 ? [first, second] : [second * field, first * field];
}
