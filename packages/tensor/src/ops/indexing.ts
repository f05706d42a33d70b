/** Choosing elements by index (int64 or int32), and putting them back. */
import { BiddenError } from "@bidden/runtime";
import { type DType, sizeOf } from "../graph/dtype.ts";
import { badShape, normaliseAxis, sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { single } from "./build.ts";
import { cast, equal, expand, reshape, sum } from "./core.ts";
import { pad, unsqueeze } from "./layout.ts";
import { matmul } from "./matmul.ts";

function needIndices(op: string, indices: Tensor): void {
  if (indices.dtype !== "int64" && indices.dtype !== "int32") {
    throw new BiddenError("bad-shape", `${op}: expected indices of int64 or int32; came ${indices.dtype}.`, { op });
  }
}

function zerosLike(x: Tensor): Tensor {
  return expand(x.graph.constant(0, x.dtype), x.shape);
}

/**
 * Rows of `x` along an axis; the indices' shape takes the axis's place. With axis 0 this is an embedding.
 * @param indices int64[...] in [0, x.shape[axis])
 */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  needIndices("gather", indices);
  const at = normaliseAxis("gather", axis, x.shape);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return single("Gather", [x, indices], shape, {
    attributes: { axis: { int: at } },
    vjp: (g) => [gatherGradient(g, x, indices, at), null],
  });
}

/** A product with the one-hot matrix: quick for small tables, deterministic for all. Long tables scatter. */
function gatherGradient(g: Tensor, x: Tensor, indices: Tensor, at: number): Tensor {
  const count = sizeOf(indices.shape);
  const rows = x.shape[at] as number;
  if (at === 0) {
    const width = sizeOf(x.shape.slice(1));
    const flat = reshape(g, [count, width]);
    if (rows <= 4096) {
      const hot = oneHot(reshape(indices, [count]), rows, g.dtype);
      return reshape(matmul(hot, flat, { transposeA: true }), x.shape);
    }
    const spots = expand(reshape(indices, [count, 1]), [count, width]);
    return reshape(scatterAdd(zerosLike(reshape(x, [rows, width])), cast(spots, "int64"), flat, 0), x.shape);
  }
  const outer = x.shape.slice(0, at);
  const inner = x.shape.slice(at + 1);
  const spots = expand(reshape(indices, [...outer.map(() => 1), count, ...inner.map(() => 1)]), [
    ...outer,
    count,
    ...inner,
  ]);
  return scatterAdd(zerosLike(x), spots, reshape(g, [...outer, count, ...inner]), at);
}

/**
 * Rows of `x` side by side: float[b, n, f] -> float[b, places.length / each, each * f], zeros where there is no row. Its
 * gradient is made of rows side by side as well, which is quicker than adding them up where they come from.
 *
 * @param places numbers of rows, `each` for every new row, -1 for none; a row comes at most once as the first of a new row, at
 *   most once as the second, and so on, as neighbours on a grid do
 */
export function rowsBeside(x: Tensor, places: readonly number[], each: number): Tensor {
  const [batch, rows, width] = x.shape as readonly [number, number, number];
  const made = places.length / each;
  if (x.rank !== 3 || !Number.isInteger(made) || places.some((row) => row < -1 || row >= rows)) {
    throw badShape("rowsBeside", "[b, n, f] and places within n, a multiple of how many are side by side", x.shape, [
      places.length,
      each,
    ]);
  }
  const cameTo = Array.from({ length: rows * each }, () => -1);
  places.forEach((row, i) => {
    if (row < 0) return;
    const spot = row * each + (i % each);
    if (cameTo[spot] !== -1) {
      throw badShape("rowsBeside", `row ${row} once at most in each column of places`, x.shape, [places.length, each]);
    }
    cameTo[spot] = i;
  });
  const chosen = single("Gather", [withZeroRow(x), orZeroRow(x, places)], [batch, places.length, width], {
    attributes: { axis: { int: 1 } },
    vjp: (g) => {
      const back = gather(withZeroRow(g), orZeroRow(g, cameTo), 1);
      return [withZeroRow(sum(reshape(back, [batch, rows, each, width]), 2)), null];
    },
  });
  return reshape(chosen, [batch, made, each * width]);
}

/** [b, n, f] -> [b, n + 1, f] */
function withZeroRow(x: Tensor): Tensor {
  return pad(x, [{ axis: 1, before: 0, after: 1 }]);
}

/** Row numbers, of which -1 means the row that `withZeroRow` adds. */
function orZeroRow(x: Tensor, places: readonly number[]): Tensor {
  const rows = x.shape[1] as number;
  return x.graph.constant(
    places.map((row) => (row < 0 ? rows : row)),
    "int64",
  );
}

/** Rows of a table by their number: float[rows, width] and int64[...] give float[..., width]. */
export function embedding(table: Tensor, indices: Tensor): Tensor {
  return gather(table, indices, 0);
}

/** y[i][j] = x[indices[i][j]][j] for axis 0, likewise for others: one index for every element of the result. */
export function gatherElements(x: Tensor, indices: Tensor, axis: number): Tensor {
  needIndices("gatherElements", indices);
  const at = normaliseAxis("gatherElements", axis, x.shape);
  const fits = indices.rank === x.rank && indices.shape.every((dim, i) => i === at || dim <= (x.shape[i] as number));
  if (!fits)
    throw badShape(
      "gatherElements",
      "indices of the tensor's rank, no longer outside the axis",
      x.shape,
      indices.shape,
    );
  return single("GatherElements", [x, indices], indices.shape, {
    attributes: { axis: { int: at } },
    vjp: (g) => [scatterAdd(zerosLike(x), indices, g, at), null],
  });
}

/** x with updates[i][j] added at [indices[i][j]][j] (axis 0); repeated places add up. */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return scatterElements("scatterAdd", x, indices, updates, axis);
}

/** x with updates[i][j] put at [indices[i][j]][j] (axis 0); places must not repeat. */
export function scatter(x: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return scatterElements("scatter", x, indices, updates, axis);
}

function scatterElements(
  op: "scatterAdd" | "scatter",
  x: Tensor,
  indices: Tensor,
  updates: Tensor,
  axis: number,
): Tensor {
  needIndices(op, indices);
  const at = normaliseAxis(op, axis, x.shape);
  if (!sameShape(indices.shape, updates.shape))
    throw badShape(op, "indices and updates of one shape", indices.shape, updates.shape);
  const adds = op === "scatterAdd";
  return single("ScatterElements", [x, indices, updates], x.shape, {
    attributes: { axis: { int: at }, reduction: { text: adds ? "add" : "none" } },
    vjp: (g) => [
      adds ? g : scatter(g, indices, expand(x.graph.constant(0, x.dtype), updates.shape), at),
      null,
      gatherElements(g, indices, at),
    ],
  });
}

/** Slices of x at index tuples: indices int64[..., k] and x[d1..dk, rest] give [..., rest]. */
export function gatherNd(x: Tensor, indices: Tensor): Tensor {
  needIndices("gatherNd", indices);
  const depth = indices.shape.at(-1) ?? 0;
  if (depth < 1 || depth > x.rank)
    throw badShape("gatherNd", "index tuples no longer than the tensor's rank", x.shape, indices.shape);
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
  return single("GatherND", [x, indices], shape, {
    vjp: (g) => [scatterNd(zerosLike(x), indices, g, "add"), null],
  });
}

/** x with slices replaced by (or, with "add", increased by) updates at index tuples. */
export function scatterNd(x: Tensor, indices: Tensor, updates: Tensor, reduction: "none" | "add" = "none"): Tensor {
  needIndices("scatterNd", indices);
  const depth = indices.shape.at(-1) ?? 0;
  const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)];
  if (!sameShape(updates.shape, expected))
    throw badShape("scatterNd", `updates [${expected.join(", ")}]`, x.shape, indices.shape, updates.shape);
  return single("ScatterND", [x, indices, updates], x.shape, {
    attributes: { reduction: { text: reduction } },
    vjp: (g) => [
      reduction === "add" ? g : scatterNd(g, indices, expand(x.graph.constant(0, x.dtype), updates.shape)),
      null,
      gatherNd(g, indices),
    ],
  });
}

/** 1 at the index, 0 elsewhere, along a new last axis: int64[...] to float32[..., depth], or another type. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = "float32"): Tensor {
  needIndices("oneHot", indices);
  const graph = indices.graph;
  const ids = graph.constant(
    Array.from({ length: depth }, (_, i) => i),
    indices.dtype,
    [depth],
  );
  return cast(equal(unsqueeze(indices, indices.rank), ids), dtype);
}

/** The largest `count` elements of the last axis, in falling order, and their places (int64). */
export function topK(x: Tensor, count: number): readonly [values: Tensor, indices: Tensor] {
  const length = x.shape.at(-1) ?? 0;
  if (x.rank < 1 || count < 1 || count > length) throw badShape("topK", `a last axis of at least ${count}`, x.shape);
  const shape = [...x.shape.slice(0, -1), count];
  const [values, indices] = x.graph.node({
    op: "TopK",
    inputs: [x, x.graph.constant([count], "int64", [1])],
    attributes: { axis: { int: x.rank - 1 } },
    outputs: [
      { dtype: x.dtype, shape },
      { dtype: "int64", shape },
    ],
    vjp: ([g], [, places]) => [
      g === null || g === undefined ? null : scatterAdd(zerosLike(x), places as Tensor, g, -1),
      null,
    ],
  }) as readonly [Tensor, Tensor];
  return [values, indices];
}
