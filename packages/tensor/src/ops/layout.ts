/** Operations that move elements and leave them as they are. */

import { BiddenError } from "@bidden/runtime";
import type { Shape } from "../graph/dtype.ts";
import { badShape, normaliseAxis, sameShape, showShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { int64s, single } from "./build.ts";
import { add, cast, expand, mul, reshape } from "./core.ts";

/** Dimensions in a new order; left out, in the reverse order. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  const perm = order?.map((axis) => normaliseAxis("transpose", axis, x.shape)) ?? x.shape.map((_, i) => x.rank - 1 - i);
  if (perm.length !== x.rank || new Set(perm).size !== x.rank) {
    throw badShape("transpose", `every axis once, not ${showShape(perm)}`, x.shape);
  }
  if (perm.every((axis, i) => axis === i)) return x;
  const inverse = perm.map((_, i) => perm.indexOf(i));
  return single(
    "Transpose",
    [x],
    perm.map((axis) => x.shape[axis] as number),
    {
      attributes: { perm: { ints: perm } },
      vjp: (g) => [transpose(g, inverse)],
    },
  );
}

export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw new BiddenError("bad-shape", "concat: expected at least one tensor; came none.");
  const at = normaliseAxis("concat", axis, first.shape);
  for (const part of parts) {
    const fits = part.rank === first.rank && part.shape.every((dim, i) => i === at || dim === first.shape[i]);
    if (!fits) throw badShape("concat", `the same shape except in axis ${at}`, first.shape, part.shape);
    if (part.dtype !== first.dtype) {
      throw new BiddenError("bad-shape", `concat: expected one type; came ${first.dtype} and ${part.dtype}.`);
    }
  }
  if (parts.length === 1) return first;
  const lengths = parts.map((part) => part.shape[at] as number);
  const total = lengths.reduce((a, b) => a + b, 0);
  return single(
    "Concat",
    parts,
    first.shape.map((dim, i) => (i === at ? total : dim)),
    {
      attributes: { axis: { int: at } },
      vjp: (g) => split(g, lengths, at),
    },
  );
}

/** Joins equal shapes along a new axis. */
export function stack(parts: readonly Tensor[], axis: number): Tensor {
  const [first] = parts;
  if (first === undefined) throw new BiddenError("bad-shape", "stack: expected at least one tensor; came none.");
  const at = axis < 0 ? axis + first.rank + 1 : axis;
  return concat(
    parts.map((part) => unsqueeze(part, at)),
    at,
  );
}

/** Parts of given lengths along an axis. */
export function split(x: Tensor, lengths: readonly number[], axis: number): Tensor[] {
  return splitBy(x, lengths, axis, () => int64s(x.graph, lengths));
}

/** Parts as long along an axis as other tensors are along axis `from` of theirs: those may be sizes that every run chooses. */
export function splitLike(x: Tensor, like: readonly Tensor[], from: number, axis: number): Tensor[] {
  const lengths = like.map((tensor) => tensor.shape[from] as number);
  return splitBy(x, lengths, axis, () =>
    concat(
      like.map((tensor) => sizeAt(tensor, from)),
      0,
    ),
  );
}

/** A size of a tensor as int64[1]. */
function sizeAt(x: Tensor, axis: number): Tensor {
  return single("Shape", [x], [1], { dtype: "int64", attributes: { start: { int: axis }, end: { int: axis + 1 } } });
}

function splitBy(x: Tensor, lengths: readonly number[], axis: number, measure: () => Tensor): Tensor[] {
  const at = normaliseAxis("split", axis, x.shape);
  const total = lengths.reduce((a, b) => a + b, 0);
  if (total !== x.shape[at])
    throw badShape("split", `lengths that add up to axis ${at}, not ${showShape(lengths)}`, x.shape);
  if (lengths.length === 1) return [x];
  const outputs = lengths.map((length) => ({
    dtype: x.dtype,
    shape: x.shape.map((dim, i) => (i === at ? length : dim)),
  }));
  const made = x.graph.node({
    op: "Split",
    inputs: [x, measure()],
    attributes: { axis: { int: at } },
    outputs,
    vjp: (gs) => [
      concat(
        gs.map((g, i) => g ?? zeros(x, outputs[i]?.shape ?? [])),
        at,
      ),
      null,
    ],
  });
  return [...made];
}

function zeros(like: Tensor, shape: Shape): Tensor {
  return expand(like.graph.constant(0, like.dtype), shape);
}

export type SliceRange = {
  readonly axis: number;
  /** Inclusive; negative counts from the end. */
  readonly start?: number;
  /** Exclusive; negative counts from the end. */
  readonly end?: number;
  /** Negative walks backwards: then `start` is the last element and `end` lies before the first when left out. */
  readonly step?: number;
};

/** A range of an axis, or of several. */
export function slice(x: Tensor, ...ranges: readonly SliceRange[]): Tensor {
  const plan = ranges.map((range) => planSlice(x.shape, range));
  const shape = x.shape.map((dim, i) => plan.find((range) => range.axis === i)?.length ?? dim);
  const whole = plan.every((range) => range.step === 1 && range.length === x.shape[range.axis]);
  if (whole) return x;
  const list = (pick: (range: SlicePlan) => number): Tensor => int64s(x.graph, plan.map(pick));
  return single(
    "Slice",
    [x, list((r) => r.start), list((r) => r.end), list((r) => r.axis), list((r) => r.step)],
    shape,
    {
      vjp: (g) => [plan.reduceRight((gradient, range) => unslice(gradient, x.shape, range), g), null, null, null, null],
    },
  );
}

type SlicePlan = {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly length: number;
};

function planSlice(shape: Shape, range: SliceRange): SlicePlan {
  const axis = normaliseAxis("slice", range.axis, shape);
  const dim = shape[axis] as number;
  const { step = 1 } = range;
  if (!Number.isInteger(step) || step === 0)
    throw badShape("slice", `a step that is a whole number and not 0, not ${step}`, shape);
  const place = (value: number | undefined, missing: number): number => {
    if (value === undefined) return missing;
    const from = value < 0 ? value + dim : value;
    return step > 0 ? Math.min(Math.max(from, 0), dim) : Math.min(Math.max(from, -1), dim - 1);
  };
  const start = place(range.start, step > 0 ? 0 : dim - 1);
  const end = place(range.end, step > 0 ? dim : -1);
  const length = Math.max(0, Math.ceil((end - start) / step));
  if (length === 0) throw badShape("slice", `a range that is not empty in axis ${axis}, not ${start} to ${end}`, shape);
  // ONNX counts a negative end from the end; "before the first" is written as a number far below.
  return { axis, start, end: end === -1 ? -(dim + 1) : end, step, length };
}

/** Puts a gradient back at the places that were sliced, zeros elsewhere. */
function unslice(g: Tensor, full: Shape, range: SlicePlan): Tensor {
  const { axis, start, step, length } = range;
  const dim = full[axis] as number;
  if (step === 1) return pad(g, [{ axis, before: start, after: dim - start - length }]);
  if (step === -1) return unslice(flip(g, axis), full, { ...range, start: start - length + 1, step: 1 });
  const spaced = spread(step < 0 ? flip(g, axis) : g, axis, Math.abs(step));
  const first = step < 0 ? start + (length - 1) * step : start;
  const span = (length - 1) * Math.abs(step) + 1;
  return pad(slice(spaced, { axis, end: span }), [{ axis, before: first, after: dim - first - span }]);
}

/** Every element of an axis followed by `factor` - 1 zeros. */
function spread(g: Tensor, axis: number, factor: number): Tensor {
  const wide = pad(unsqueeze(g, axis + 1), [{ axis: axis + 1, before: 0, after: factor - 1 }]);
  return reshape(
    wide,
    g.shape.map((dim, i) => (i === axis ? dim * factor : dim)),
  );
}

/** An axis in the reverse order. */
export function flip(x: Tensor, axis: number): Tensor {
  return slice(x, { axis, step: -1 });
}

export type Padding = { readonly axis: number; readonly before: number; readonly after: number };
export type PadMode = "constant" | "reflect" | "edge" | "wrap";

/** Adds elements at the ends of axes: a constant, the mirror image, the last element again, or those of the other end. */
export function pad(x: Tensor, paddings: readonly Padding[], mode: PadMode = "constant", value = 0): Tensor {
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  for (const { axis, before: b, after: a } of paddings) {
    const at = normaliseAxis("pad", axis, x.shape);
    if (b < 0 || a < 0)
      throw badShape("pad", `lengths of at least 0, not ${b} and ${a}; slice to make smaller`, x.shape);
    const dim = x.shape[at] as number;
    const limit = mode === "reflect" ? dim - 1 : mode === "wrap" ? dim : Infinity;
    if (Math.max(a, b) > limit)
      throw badShape("pad", `at most ${limit} elements of "${mode}" in axis ${at}, not ${Math.max(a, b)}`, x.shape);
    before[at] = b;
    after[at] = a;
  }
  if ([...before, ...after].every((length) => length === 0)) return x;
  if (mode !== "constant") return padByCopies(x, before, after, mode);
  const shape = x.shape.map((dim, i) => dim + (before[i] as number) + (after[i] as number));
  return single("Pad", [x, int64s(x.graph, [...before, ...after]), x.graph.constant(value, x.dtype)], shape, {
    vjp: (g) => [
      slice(
        g,
        ...x.shape.map((dim, axis) => ({ axis, start: before[axis] as number, end: (before[axis] as number) + dim })),
      ),
      null,
      null,
    ],
  });
}

/** Padding from the tensor's own elements, so that slices and their gradients do the work. */
function padByCopies(x: Tensor, before: readonly number[], after: readonly number[], mode: PadMode): Tensor {
  return x.shape.reduce<Tensor>((y, dim, axis) => {
    const b = before[axis] as number;
    const a = after[axis] as number;
    const left =
      b === 0 ? [] : [copiesFor(y, axis, mode, { reflect: [1, b + 1], wrap: [dim - b, dim], edge: [0, 1] }, b)];
    const right =
      a === 0
        ? []
        : [copiesFor(y, axis, mode, { reflect: [dim - 1 - a, dim - 1], wrap: [0, a], edge: [dim - 1, dim] }, a)];
    return concat([...left, y, ...right], axis);
  }, x);
}

function copiesFor(
  x: Tensor,
  axis: number,
  mode: PadMode,
  ranges: Readonly<Record<"reflect" | "wrap" | "edge", readonly [number, number]>>,
  count: number,
): Tensor {
  const [start, end] = ranges[mode === "constant" ? "edge" : mode];
  const part = slice(x, { axis, start, end });
  if (mode === "reflect") return flip(part, axis);
  return mode === "wrap"
    ? part
    : expand(
        part,
        x.shape.map((dim, i) => (i === axis ? count : dim)),
      );
}

/** A new dimension of 1 before `axis` (which may be the rank, to append). */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const at = axis < 0 ? axis + x.rank + 1 : axis;
  if (!Number.isInteger(at) || at < 0 || at > x.rank)
    throw badShape("unsqueeze", `an axis in [0, ${x.rank}], not ${axis}`, x.shape);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Drops a dimension of 1. */
export function squeeze(x: Tensor, axis: number): Tensor {
  const at = normaliseAxis("squeeze", axis, x.shape);
  if (x.shape[at] !== 1) throw badShape("squeeze", `1 in axis ${at}`, x.shape);
  return reshape(
    x,
    x.shape.filter((_, i) => i !== at),
  );
}

/** The whole repeated `counts[i]` times along every axis. */
export function tile(x: Tensor, counts: readonly number[]): Tensor {
  if (counts.length !== x.rank) throw badShape("tile", `one count for every axis, not ${showShape(counts)}`, x.shape);
  const wide = reshape(
    x,
    x.shape.flatMap((dim) => [1, dim]),
  );
  const stretched = expand(
    wide,
    x.shape.flatMap((dim, i) => [counts[i] as number, dim]),
  );
  return reshape(
    stretched,
    x.shape.map((dim, i) => dim * (counts[i] as number)),
  );
}

/** Every element of an axis repeated `count` times in place. */
export function repeatInterleave(x: Tensor, count: number, axis: number): Tensor {
  const at = normaliseAxis("repeatInterleave", axis, x.shape);
  const wide = unsqueeze(x, at + 1);
  const stretched = expand(
    wide,
    wide.shape.map((dim, i) => (i === at + 1 ? count : dim)),
  );
  return reshape(
    stretched,
    x.shape.map((dim, i) => (i === at ? dim * count : dim)),
  );
}

/** Shifts an axis by `shift` places to the right; what falls off the end comes in at the start. */
export function roll(x: Tensor, shift: number, axis: number): Tensor {
  const at = normaliseAxis("roll", axis, x.shape);
  const dim = x.shape[at] as number;
  const by = ((shift % dim) + dim) % dim;
  if (by === 0) return x;
  return concat([slice(x, { axis: at, start: dim - by }), slice(x, { axis: at, end: dim - by })], at);
}

/** Zeros above (`lower`) or below (`upper`) the diagonal of the last two dimensions, which `offset` moves to the right. */
export function triangle(x: Tensor, part: "lower" | "upper", offset = 0): Tensor {
  if (x.rank < 2) throw badShape("triangle", "at least two dimensions", x.shape);
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  const mask = new Uint8Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++)
      mask[i * columns + j] = (part === "lower" ? j <= i + offset : j >= i + offset) ? 1 : 0;
  }
  return mul(x, cast(x.graph.constant(mask, "bool", [rows, columns]), x.dtype));
}

/** [n, c·r², h, w] to [n, c, h·r, w·r] (PyTorch's pixel_shuffle). */
export function depthToSpace(x: Tensor, block: number): Tensor {
  const [n, depth, h, w] = imageShape("depthToSpace", x);
  const c = depth / (block * block);
  if (!Number.isInteger(c)) throw badShape("depthToSpace", `channels that ${block}² divides`, x.shape);
  const cells = transpose(reshape(x, [n, c, block, block, h, w]), [0, 1, 4, 2, 5, 3]);
  return reshape(cells, [n, c, h * block, w * block]);
}

/** [n, c, h, w] to [n, c·r², h/r, w/r], the inverse of depthToSpace: also how an image is cut into patches. */
export function spaceToDepth(x: Tensor, block: number): Tensor {
  const [n, c, h, w] = imageShape("spaceToDepth", x);
  if (h % block !== 0 || w % block !== 0)
    throw badShape("spaceToDepth", `height and width that ${block} divides`, x.shape);
  const cells = transpose(reshape(x, [n, c, h / block, block, w / block, block]), [0, 1, 3, 5, 2, 4]);
  return reshape(cells, [n, c * block * block, h / block, w / block]);
}

function imageShape(op: string, x: Tensor): readonly [number, number, number, number] {
  if (x.rank !== 4) throw badShape(op, "[n, channels, height, width]", x.shape);
  return x.shape as unknown as readonly [number, number, number, number];
}

/** Sum of tensors of one shape. */
export function addAll(parts: readonly Tensor[]): Tensor {
  const [first, ...rest] = parts;
  if (first === undefined) throw new BiddenError("bad-shape", "addAll: expected at least one tensor; came none.");
  for (const part of rest)
    if (!sameShape(part.shape, first.shape)) throw badShape("addAll", "one shape", first.shape, part.shape);
  return rest.reduce((total, part) => add(total, part), first);
}
