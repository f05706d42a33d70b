/** What a training begins with. */
import { toFloat32 } from "@bidden/models";
import { createRng } from "@bidden/runtime";
import { type Graph, initParameters, type TensorData } from "@bidden/tensor";

/** Random where nothing of the same name and shape is known already, in any float type. */
export function beginning(graph: Graph, seed: number, first: ReadonlyMap<string, TensorData>): Map<string, TensorData> {
  const parameters = new Map(initParameters(graph, createRng(seed)));
  for (const [name, value] of parameters) {
    const known = first.get(name);
    if (known === undefined || known.shape.join() !== value.shape.join()) continue;
    parameters.set(name, { dtype: "float32", shape: value.shape, data: toFloat32(known.data, known.dtype) });
  }
  return parameters;
}
