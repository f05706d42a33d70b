/** How sizes that every run may choose (`Graph.anySize`) are written: by name in inputs and outputs, by rule in reshapes. */
import { BiddenError } from "@bidden/runtime";
import type { Shape } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import { showShape } from "../graph/shape.ts";
import type { Node, Tensor } from "../graph/tensor.ts";

/** The name of an open size, of a multiple or of the sum of two ("rows", "3*rows", "places+rows"); null for a fixed one. */
export function sizeName({ anySizes }: Graph, dim: number): string | null {
  for (const [size, name] of anySizes) {
    if (dim === 0 || dim < size) continue;
    if (dim % size === 0) return dim === size ? name : `${dim / size}*${name}`;
    const other = anySizes.get(dim - size);
    if (other !== undefined) return [name, other].toSorted().join("+");
  }
  return null;
}

/**
 * The shape to write for a Reshape whose target holds open sizes: 0 takes the input's size of the same axis over, -1 follows
 * from all others. Null where the target is fixed, or the node no Reshape.
 * @throws `bad-graph` where two sizes would have to follow, or another operator is given an open size as a number.
 */
export function openTarget(graph: Graph, node: Node): number[] | null {
  if (graph.anySizes.size === 0) return null;
  if (!node.inputs.some((input) => input !== null && holdsOpenSize(input))) return null;
  const from = node.inputs[0]?.shape ?? [];
  const target = node.outputs[0]?.shape ?? [];
  const open = target.map((dim, i) => (sizeName(graph, dim) === null ? dim : dim === from[i] ? 0 : -1));
  if (node.op !== "Reshape" || open.filter((dim) => dim === -1).length > 1) throw unwritable(graph, node, from, target);
  return open;
}

/** Whether a constant holds the number that stands for an open size: it means nothing to a session. */
export function holdsOpenSize({ graph, dtype, source }: Tensor): boolean {
  if (graph.anySizes.size === 0 || source.kind !== "constant" || dtype !== "int64") return false;
  return Array.from(source.value.data, Number).some((value) => sizeName(graph, value) !== null);
}

function unwritable(graph: Graph, { op }: Node, from: Shape, target: Shape): BiddenError {
  const names = (shape: Shape): string => showShape(shape.map((dim) => sizeName(graph, dim) ?? dim) as Shape);
  return new BiddenError(
    "bad-graph",
    `${op}: expected sizes that are fixed, or one that follows from the others; came ${names(from)} to ${names(target)}.`,
    { op },
  );
}
