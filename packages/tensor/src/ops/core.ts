/**
 * The operations that gradients themselves are made of: arithmetic with broadcasting, comparison, choice, cast, sum and the
 * changes of shape that undo it. They refer to each other in their gradients and so live in one file.
 */
import { type DType, isFloat, onnxCode, type Shape, sizeOf } from "../graph/dtype.ts";
import { badShape, broadcastShapes, normaliseAxes, sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { int64s, type Operand, operands, single } from "./build.ts";

/** Sums a gradient over the dimensions in which its operand of shape `shape` was stretched. */
export function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((dim, i) => (i < extra || (shape[i - extra] === 1 && dim !== 1) ? [i] : []));
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), shape);
}

type BinaryVjp = (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [Tensor | null, Tensor | null];

/** An ONNX operator of two broadcast operands. */
export function binary(op: string, x: Operand, y: Operand, vjp?: BinaryVjp, dtype?: DType): Tensor {
  const [a, b] = operands(op.toLowerCase(), x, y);
  const shape = broadcastShapes(op.toLowerCase(), a.shape, b.shape);
  if (vjp === undefined) return single(op, [a, b], shape, dtype === undefined ? {} : { dtype });
  return single(op, [a, b], shape, {
    vjp: (g, out) => {
      const [ga, gb] = vjp(g, a, b, out);
      return [ga === null ? null : sumTo(ga, a.shape), gb === null ? null : sumTo(gb, b.shape)];
    },
  });
}

export function neg(x: Tensor): Tensor {
  return single("Neg", [x], x.shape, { vjp: (g) => [neg(g)] });
}

export function add(a: Operand, b: Operand): Tensor {
  return binary("Add", a, b, (g) => [g, g]);
}

export function sub(a: Operand, b: Operand): Tensor {
  return binary("Sub", a, b, (g) => [g, neg(g)]);
}

export function mul(a: Operand, b: Operand): Tensor {
  // A square: one product and a doubling instead of two products and a sum.
  if (a === b) return binary("Mul", a, b, (g, a) => [mul(g, mul(a, 2)), null]);
  return binary("Mul", a, b, (g, a, b) => [mul(g, b), mul(g, a)]);
}

export function div(a: Operand, b: Operand): Tensor {
  return binary("Div", a, b, (g, _, b, y) => {
    const ga = div(g, b);
    return [ga, neg(mul(ga, y))];
  });
}

export function equal(a: Operand, b: Operand): Tensor {
  return binary("Equal", a, b, undefined, "bool");
}

export function less(a: Operand, b: Operand): Tensor {
  return binary("Less", a, b, undefined, "bool");
}

export function lessOrEqual(a: Operand, b: Operand): Tensor {
  return binary("LessOrEqual", a, b, undefined, "bool");
}

export function greater(a: Operand, b: Operand): Tensor {
  return binary("Greater", a, b, undefined, "bool");
}

export function greaterOrEqual(a: Operand, b: Operand): Tensor {
  return binary("GreaterOrEqual", a, b, undefined, "bool");
}

export function and(a: Tensor, b: Tensor): Tensor {
  return binary("And", a, b);
}

export function or(a: Tensor, b: Tensor): Tensor {
  return binary("Or", a, b);
}

export function not(a: Tensor): Tensor {
  return single("Not", [a], a.shape);
}

/** a where the condition (bool) holds, else b. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const bothNumbers = typeof a === "number" && typeof b === "number";
  const [x, y] = operands("where", bothNumbers ? condition.graph.constant(a) : a, b);
  const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", x.shape, y.shape));
  return single("Where", [condition, x, y], shape, {
    dtype: x.dtype,
    vjp: (g) => [null, sumTo(where(condition, g, 0), x.shape), sumTo(where(condition, 0, g), y.shape)],
  });
}

/** Another element type. The gradient is cast back where both are floating-point, and stops elsewhere. */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  return single("Cast", [x], x.shape, {
    dtype,
    attributes: { to: { int: onnxCode(dtype) } },
    vjp: (g) => [isFloat(x.dtype) && isFloat(dtype) ? cast(g, x.dtype) : null],
  });
}

/** The same value, through which no gradient flows. */
export function detach(x: Tensor): Tensor {
  return single("Identity", [x], x.shape, { vjp: () => [null] });
}

/** The same elements in another shape; one dimension may be -1 and is worked out. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const count = sizeOf(x.shape);
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const target = shape.map((dim) => (dim === -1 ? count / known : dim));
  const valid = target.every((dim) => Number.isInteger(dim) && dim >= 0);
  if (!valid || sizeOf(target) !== count || shape.filter((dim) => dim === -1).length > 1) {
    throw badShape("reshape", `a target of ${count} elements`, x.shape, shape);
  }
  if (sameShape(target, x.shape)) return x;
  // Of several changes of shape only the last one counts.
  if (x.source.kind === "node" && x.source.node.op === "Reshape")
    return reshape(x.source.node.inputs[0] as Tensor, target);
  return single("Reshape", [x, int64s(x.graph, target)], target, { vjp: (g) => [reshape(g, x.shape), null] });
}

/** Stretches dimensions of 1, and adds dimensions on the left, to a given shape. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (!sameShape(broadcastShapes("expand", x.shape, shape), shape)) {
    throw badShape("expand", "a target that the tensor stretches to", x.shape, shape);
  }
  return single("Expand", [x, int64s(x.graph, shape)], shape, { vjp: (g) => [sumTo(g, x.shape), null] });
}

export type ReduceOptions = { readonly keepDims?: boolean };

/** The shape after reducing `axes`, kept as 1 or dropped. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((dim, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [dim]));
}

/** Sum over axes (all of them when left out). */
export function sum(x: Tensor, axes?: number | readonly number[], options: ReduceOptions = {}): Tensor {
  const list = normaliseAxes("sum", axes, x.shape);
  const { keepDims = false } = options;
  if (list.length === 0) return x;
  return single("ReduceSum", [x, int64s(x.graph, list)], reducedShape(x.shape, list, keepDims), {
    attributes: { keepdims: { int: keepDims ? 1 : 0 } },
    vjp: (g) => [expand(reshape(g, reducedShape(x.shape, list, true)), x.shape), null],
  });
}
