/**
 * Reverse-mode differentiation: walk the nodes from the loss backwards, ask each for its vector-Jacobian product, add up what
 * meets. The gradients are ordinary tensors of the same graph; what nobody uses is never written.
 */
import { BiddenError } from "@bidden/runtime";
import { add, expand } from "../ops/core.ts";
import { sizeOf } from "./dtype.ts";
import { sameShape, showShape } from "./shape.ts";
import type { Node, Tensor } from "./tensor.ts";

/**
 * Gradients of a value with respect to tensors, in their order. `seed` is the cotangent of `value` and may be left out where
 * the value has one element. A tensor that the value does not depend on gets zeros.
 */
export function gradients(value: Tensor, wrt: readonly Tensor[], seed?: Tensor): Tensor[] {
  const graph = value.graph;
  if (seed === undefined && sizeOf(value.shape) !== 1) {
    throw new BiddenError(
      "bad-shape",
      `gradients: expected a loss of one element, or a seed of the value's shape; came ${showShape(value.shape)} without a seed.`,
    );
  }
  if (seed !== undefined && !sameShape(seed.shape, value.shape)) {
    throw new BiddenError(
      "bad-shape",
      `gradients: expected a seed of shape ${showShape(value.shape)}; came ${showShape(seed.shape)}.`,
    );
  }
  const order = nodesTowards(value, new Set(wrt));
  const sums = new Map<Tensor, Tensor>();
  sums.set(value, seed ?? graph.constant([1], value.dtype, value.shape));
  for (const node of order.reverse()) propagate(node, sums);
  return wrt.map((tensor) => sums.get(tensor) ?? zeros(tensor));
}

function zeros(tensor: Tensor): Tensor {
  return expand(tensor.graph.constant(0, tensor.dtype), tensor.shape);
}

function propagate(node: Node, sums: Map<Tensor, Tensor>): void {
  const incoming = node.outputs.map((output) => sums.get(output) ?? null);
  if (incoming.every((gradient) => gradient === null)) return;
  if (node.vjp === null) {
    throw new BiddenError("unsupported", `gradients: ${node.op} has no gradient; detach its input or its result.`, {
      op: node.op,
    });
  }
  const outgoing = node.vjp(incoming, node.outputs);
  node.inputs.forEach((input, i) => {
    const gradient = outgoing[i] ?? null;
    if (input === null || gradient === null) return;
    if (!sameShape(gradient.shape, input.shape)) {
      throw new BiddenError(
        "internal",
        `internal: the gradient of ${node.op}'s input ${i} has shape ${showShape(gradient.shape)}, the input ${showShape(input.shape)}.`,
      );
    }
    const sum = sums.get(input);
    sums.set(input, sum === undefined ? gradient : add(sum, gradient));
  });
}

/** Nodes on a path from any of `from` to `value`, producers before users. */
function nodesTowards(value: Tensor, from: ReadonlySet<Tensor>): Node[] {
  const order: Node[] = [];
  const depends = new Map<Tensor, boolean>();
  const visited = new Set<Node>();
  // An explicit stack: graphs are deeper than the call stack allows.
  const stack: { readonly tensor: Tensor; readonly done: boolean }[] = [{ tensor: value, done: false }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { tensor, done } = top;
    if (depends.has(tensor)) continue;
    const { source } = tensor;
    if (source.kind !== "node") {
      depends.set(tensor, from.has(tensor));
      continue;
    }
    const inputs = source.node.inputs.filter((input) => input !== null);
    if (!done) {
      stack.push({ tensor, done: true });
      for (const input of inputs) if (!depends.has(input)) stack.push({ tensor: input, done: false });
      continue;
    }
    const used = inputs.some((input) => depends.get(input) === true);
    depends.set(tensor, used || from.has(tensor));
    if (used && !visited.has(source.node)) {
      visited.add(source.node);
      order.push(source.node);
    }
  }
  return order;
}
