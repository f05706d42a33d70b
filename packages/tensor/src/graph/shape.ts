/** Shape arithmetic: broadcasting (as NumPy and ONNX), axes that count from the end, and the one way a bad shape is reported. */
import { BiddenError } from "@bidden/runtime";
import type { Shape } from "./dtype.ts";

export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The error for shapes that do not fit: names the operation, then what was expected, then every shape that came. */
export function badShape(op: string, expected: string, ...came: readonly Shape[]): BiddenError {
  const shown = came.map(showShape);
  return new BiddenError("bad-shape", `${op}: expected ${expected}; came ${shown.join(" and ")}.`, {
    op,
    expected,
    came: shown,
  });
}

/** The common shape of operands, NumPy's rule: align right, 1 stretches. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw badShape(op, "shapes that are equal or 1 in every dimension, aligned on the right", a, b);
    }
    out.push(left === 1 ? right : left);
  }
  return out;
}

/** An axis in [0, rank), from one in [-rank, rank). */
export function normaliseAxis(op: string, axis: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw badShape(op, `an axis in [${-rank}, ${rank}), not ${axis}`, shape);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes ascending and without repeats; none given means all. */
export function normaliseAxes(op: string, axes: number | readonly number[] | undefined, shape: Shape): number[] {
  if (axes === undefined) return shape.map((_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => normaliseAxis(op, axis, shape));
  const unique = [...new Set(list)].sort((a, b) => a - b);
  if (unique.length !== list.length) throw badShape(op, `every axis once, not ${showShape(list)}`, shape);
  return unique;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function checkDims(op: string, shape: Shape): void {
  if (!shape.every((dim) => Number.isInteger(dim) && dim >= 0)) {
    throw badShape(op, "whole numbers of at least 0 in every dimension", shape);
  }
}
