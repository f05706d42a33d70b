/** Further operations on two operands, which broadcast as in NumPy. */
import { broadcastShapes } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat, type Operand, operands, single } from "./build.ts";
import { add, binary, cast, div, equal, greater, less, mul, sub, where } from "./core.ts";
import { atan, floor, log, sign } from "./unary.ts";

/** a to the power of b. The gradient in b needs a > 0 (it is 0 where a is 0). */
export function pow(a: Operand, b: Operand): Tensor {
  needFloat("pow", ...operands("pow", a, b));
  return binary("Pow", a, b, (g, a, b, y) => [
    mul(g, mul(b, pow(a, sub(b, 1)))),
    mul(g, where(equal(a, 0), 0, mul(y, log(a)))),
  ]);
}

/** The larger one. Where both are equal each gets half of the gradient. */
export function maximum(a: Operand, b: Operand): Tensor {
  return binary("Max", a, b, (g, a, b) => shareTies(g, greater(a, b), equal(a, b)));
}

/** The smaller one. Where both are equal each gets half of the gradient. */
export function minimum(a: Operand, b: Operand): Tensor {
  return binary("Min", a, b, (g, a, b) => shareTies(g, less(a, b), equal(a, b)));
}

function shareTies(g: Tensor, first: Tensor, tie: Tensor): [Tensor, Tensor] {
  const ga = mul(g, where(tie, 0.5, cast(first, g.dtype)));
  return [ga, sub(g, ga)];
}

/** a - b·floor(a/b): the sign of b, as in Python. */
export function floorMod(a: Operand, b: Operand): Tensor {
  const [x, y] = operands("floorMod", a, b);
  return x.dtype.startsWith("float") ? sub(x, mul(y, floor(div(x, y)))) : binary("Mod", x, y);
}

/** The remainder of truncated division: the sign of a, as C's fmod. */
export function fmod(a: Operand, b: Operand): Tensor {
  const [x, y] = operands("fmod", a, b);
  return single("Mod", [x, y], broadcastShapes("fmod", x.shape, y.shape), { attributes: { fmod: { int: 1 } } });
}

/** The angle of (x, y) in (-π, π], from atan of the quotient and the quadrant. */
export function atan2(y: Tensor, x: Tensor): Tensor {
  const quotient = atan(div(y, x));
  const turn = where(less(x, 0), where(less(y, 0), -Math.PI, y.graph.constant(Math.PI)), 0);
  return where(equal(x, 0), mul(sign(y), Math.PI / 2), add(quotient, turn));
}

/** `value` where the mask (bool) holds. */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  return where(mask, value, x);
}
