/** Random values for all parameters of graphs, by their published names: what `policy make` writes, tensor by tensor. */
import { BiddenError, createRng, type Rng } from "@bidden/runtime";
import {
  allocate,
  bytesOf,
  type DType,
  type Elements,
  type Graph,
  type Init,
  type Shape,
  sizeOf,
  type Tensor,
} from "@bidden/tensor";
import { fromFloat32 } from "../checkpoint/floats.ts";
import type { WrittenWeights } from "../checkpoint/make.ts";

export type RandomOptions = {
  readonly seed: number;
  readonly file?: string;
  readonly dtype?: DType;
  /** Names that some parameters have in the file. */
  readonly rename?: (name: string) => string;
};

/** Every tensor draws from a generator named after it: adding one changes no other. None begins at zeros or ones. */
export function randomWeights(graphs: readonly Graph[], options: RandomOptions): WrittenWeights {
  const { seed, file = "model.safetensors", dtype = "float32", rename = (name) => name } = options;
  const parameters = new Map<string, Tensor>();
  for (const graph of graphs) for (const [name, tensor] of graph.parameters) parameters.set(rename(name), tensor);
  const rng = createRng(seed);
  return {
    file,
    tensors: [...parameters].map(([name, { shape }]) => ({ name, dtype, shape })),
    fill: (name, shape) => {
      const source = parameters.get(name)?.source;
      if (source?.kind !== "parameter") throw new BiddenError("internal", `internal: no parameter "${name}" to fill`);
      return repeated(fromFloat32(randomValues(source.init, shape, rng.fork(name)), dtype), dtype, sizeOf(shape));
    },
    metadata: { format: "pt" },
  };
}

/** The first values of a tensor. */
function randomValues(init: Init, shape: Shape, rng: Rng): Float32Array {
  if (init.kind === "values") return init.values;
  const { mean, std } = spreadOf(init);
  return Float32Array.from({ length: Math.min(sizeOf(shape), DRAWN) }, () => mean + std * rng.normal());
}

/** The values again and again. */
function repeated(values: Elements, dtype: DType, count: number): Elements {
  if (values.length === count) return values;
  const out = allocate(dtype, count);
  const [from, to] = [bytesOf(values), bytesOf(out)];
  to.set(from);
  for (let at = from.length; at < to.length; at += from.length)
    to.copyWithin(at, 0, Math.min(from.length, to.length - at));
  return out;
}

/**
 * So many values are drawn for a tensor and then repeated: billions would take an hour. A prime number, so that the rows of a
 * matrix are not the same ones again.
 */
const DRAWN = 65_521;

/** Scales around 1 and shifts around 0 get a little noise, so that leaving one out shows. */
function spreadOf(init: Init): { readonly mean: number; readonly std: number } {
  if (init.kind === "normal") return { mean: init.mean ?? 0, std: init.std };
  return { mean: init.kind === "ones" ? 1 : 0, std: 0.05 };
}
