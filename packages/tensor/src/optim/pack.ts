/**
 * Small parameters are trained side by side in one vector: a bias alone costs as many operators as a large matrix, and each
 * operator costs microseconds however little it does. The graph goes on using the single parameters, cut from the vector.
 */
import { type Shape, sizeOf } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { reshape } from "../ops/core.ts";
import { concat, split } from "../ops/layout.ts";

/** Parameters of at most this many values are packed, and packs have at most that many: a megabyte stays in the cache. */
const SMALL = 32_768;
const LARGEST_PACK = 262_144;

/** A parameter's place in a vector of several; alone it has the whole array. */
export type Part = { readonly parameter: string; readonly shape: Shape; readonly offset: number };

/** What is updated as one array. */
export type Pack = {
  readonly name: string;
  readonly shape: Shape;
  readonly value: Tensor;
  readonly gradient: Tensor;
  readonly decays: boolean;
  readonly parts: readonly Part[];
};

type Entry = { readonly parameter: Tensor; readonly gradient: Tensor };

/** Groups parameters into packs; `found` holds their gradients. `views`: what a packed parameter is in the graph now. */
export function packParameters(
  graph: Graph,
  parameters: readonly Tensor[],
  found: readonly Tensor[],
  decays: (name: string, shape: Shape) => boolean,
): { readonly packs: Pack[]; readonly views: ReadonlyMap<Tensor, Tensor> } {
  const views = new Map<Tensor, Tensor>();
  const packs: Pack[] = [];
  const gathering: Record<"decaying" | "kept", Entry[]> = { decaying: [], kept: [] };
  const close = (kind: "decaying" | "kept"): void => {
    const entries = gathering[kind];
    const decaying = kind === "decaying";
    if (entries.length === 1) packs.push(alone(entries[0] as Entry, decaying));
    else if (entries.length > 1) packs.push(together(graph, `packed.${packs.length}`, entries, decaying, views));
    gathering[kind] = [];
  };
  parameters.forEach((parameter, i) => {
    const entry = { parameter, gradient: found[i] as Tensor };
    const kind = decays(parameter.name, parameter.shape) ? "decaying" : "kept";
    const size = sizeOf(parameter.shape);
    if (size > SMALL) {
      packs.push(alone(entry, kind === "decaying"));
      return;
    }
    const gathered = gathering[kind].reduce((total, e) => total + sizeOf(e.parameter.shape), 0);
    if (gathered + size > LARGEST_PACK) close(kind);
    gathering[kind].push(entry);
  });
  close("decaying");
  close("kept");
  return { packs, views };
}

function alone(entry: Entry, decays: boolean): Pack {
  const { name, shape } = entry.parameter;
  return {
    name,
    shape,
    value: entry.parameter,
    gradient: entry.gradient,
    decays,
    parts: [{ parameter: name, shape, offset: 0 }],
  };
}

function together(
  graph: Graph,
  name: string,
  entries: readonly Entry[],
  decays: boolean,
  views: Map<Tensor, Tensor>,
): Pack {
  const lengths = entries.map(({ parameter }) => sizeOf(parameter.shape));
  const total = lengths.reduce((a, b) => a + b, 0);
  const value = graph.input(name, "float32", [total]);
  const parts: Part[] = [];
  let offset = 0;
  split(value, lengths, 0).forEach((slice, i) => {
    const { parameter } = entries[i] as Entry;
    views.set(parameter, reshape(slice, parameter.shape));
    parts.push({ parameter: parameter.name, shape: parameter.shape, offset });
    offset += lengths[i] as number;
  });
  const gradient = concat(
    entries.map((entry, i) => reshape(entry.gradient, [lengths[i] as number])),
    0,
  );
  return { name, shape: [total], value, gradient, decays, parts };
}
