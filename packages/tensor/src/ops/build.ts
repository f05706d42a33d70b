/** Small helpers that every family of operations uses. */
import { BiddenError } from "@bidden/runtime";
import { type DType, isFloat, type Shape } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import type { Attributes, Tensor } from "../graph/tensor.ts";

/** A tensor, or a number that becomes a scalar of the other operand's type. */
export type Operand = Tensor | number;

export type SingleSpec = {
  readonly domain?: string;
  readonly attributes?: Attributes;
  readonly dtype?: DType;
  /** Gradients of the inputs from that of the only output. Left out: not differentiable. */
  readonly variant?: string;
  readonly vjp?: (g: Tensor, y: Tensor) => readonly (Tensor | null)[];
};

/** A node with one output. Its type is the first input's unless given. */
export function single(op: string, inputs: readonly (Tensor | null)[], shape: Shape, spec: SingleSpec = {}): Tensor {
  const first = inputs.find((input) => input !== null);
  if (first === undefined || first === null) {
    throw new BiddenError("bad-graph", `${op}: expected at least one tensor among its operands.`, { op });
  }
  const { vjp } = spec;
  const outputs = first.graph.node({
    op,
    inputs,
    outputs: [{ dtype: spec.dtype ?? first.dtype, shape }],
    ...(spec.domain === undefined ? {} : { domain: spec.domain }),
    ...(spec.attributes === undefined ? {} : { attributes: spec.attributes }),
    ...(spec.variant === undefined ? {} : { variant: spec.variant }),
    ...(vjp === undefined ? {} : { vjp: ([g], [y]) => vjp(g as Tensor, y as Tensor) }),
  });
  return outputs[0] as Tensor;
}

/** Both operands as tensors of one graph. */
export function operands(op: string, a: Operand, b: Operand): readonly [Tensor, Tensor] {
  if (typeof a === "number" && typeof b === "number") {
    throw new BiddenError("bad-graph", `${op}: expected at least one tensor; came two numbers.`, { op });
  }
  const left = typeof a === "number" ? (b as Tensor).graph.constant(a, (b as Tensor).dtype) : a;
  const right = typeof b === "number" ? left.graph.constant(b, left.dtype) : b;
  if (left.dtype !== right.dtype) {
    throw new BiddenError(
      "bad-shape",
      `${op}: expected operands of one type; came ${left.dtype} and ${right.dtype}. Cast one of them.`,
      { op, a: left.dtype, b: right.dtype },
    );
  }
  return [left, right];
}

/** Refuses tensors that are not of a floating-point type. */
export function needFloat(op: string, ...tensors: readonly Tensor[]): void {
  for (const tensor of tensors) {
    if (!isFloat(tensor.dtype)) {
      throw new BiddenError("bad-shape", `${op}: expected a floating-point tensor; came ${tensor.dtype}. Cast it.`, {
        op,
        came: tensor.dtype,
      });
    }
  }
}

/** A vector of int64, as ONNX wants shapes and axes. */
export function int64s(graph: Graph, values: readonly number[]): Tensor {
  return graph.constant(values, "int64", [values.length]);
}
