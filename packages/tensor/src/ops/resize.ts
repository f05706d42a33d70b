/**
 * Resizing and sampling of images. Interpolation along an axis is a product with a matrix that is worked out here, in float64:
 * the same numbers on every backend, and the gradient is a product with the transpose.
 */
import { badShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat } from "./build.ts";
import { add, and, cast, expand, greaterOrEqual, lessOrEqual, mul, reshape, sub } from "./core.ts";
import { gatherElements } from "./indexing.ts";
import { slice, transpose, unsqueeze } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { clip, floor } from "./unary.ts";

/** Multiplies an axis by a matrix [to, from], row-major. */
export function mapAxis(x: Tensor, matrix: Float64Array, to: number, axis: number): Tensor {
  const from = x.shape[axis] as number;
  const constant = x.graph.constant(matrix, x.dtype, [to, from]);
  if (axis === x.rank - 1) return matmul(x, constant, { transposeB: true });
  if (axis === x.rank - 2) return matmul(constant, x);
  const order = [...x.shape.map((_, i) => i).filter((i) => i !== axis), axis];
  const inverse = order.map((_, i) => order.indexOf(i));
  return transpose(matmul(transpose(x, order), constant, { transposeB: true }), inverse);
}

export type InterpolateOptions = {
  readonly mode?: "linear" | "cubic" | "nearest" | "nearest-exact";
  /** First and last elements stay where they are; otherwise pixels are areas (half-pixel centres). */
  readonly alignCorners?: boolean;
  /** Widen the kernel when shrinking, so that every input counts. */
  readonly antialias?: boolean;
  /** Output over input length for the coordinates, where it is not the quotient of the lengths. */
  readonly scale?: number;
};

/** Resizes the places of [n, channels, ...places] to given lengths: linear (bilinear in two places), cubic or nearest. */
export function interpolate(x: Tensor, lengths: readonly number[], options: InterpolateOptions = {}): Tensor {
  needFloat("interpolate", x);
  if (x.rank < 3 || lengths.length !== x.rank - 2) {
    throw badShape("interpolate", `[n, channels, ...places] and a length for every place`, x.shape, lengths);
  }
  return lengths.reduceRight<Tensor>((y, to, i) => {
    const from = x.shape[i + 2] as number;
    return from === to && options.scale === undefined
      ? y
      : mapAxis(y, interpolationMatrix(from, to, options), to, i + 2);
  }, x);
}

/** The matrix [to, from] of an interpolation along one axis, as PyTorch's `interpolate` defines it. */
export function interpolationMatrix(from: number, to: number, options: InterpolateOptions = {}): Float64Array {
  const { mode = "linear", alignCorners = false, antialias = false, scale } = options;
  const matrix = new Float64Array(to * from);
  const put = (row: number, at: number, weight: number): void => {
    const index = row * from + Math.min(Math.max(at, 0), from - 1);
    matrix[index] = (matrix[index] as number) + weight;
  };
  const ratio = alignCorners ? (to > 1 ? (from - 1) / (to - 1) : 0) : scale === undefined ? from / to : 1 / scale;
  for (let row = 0; row < to; row++) {
    const centre = alignCorners ? row * ratio : (row + 0.5) * ratio - 0.5;
    if (mode === "nearest") put(row, Math.floor(row * ratio), 1);
    else if (mode === "nearest-exact") put(row, Math.floor((row + 0.5) * ratio), 1);
    else if (antialias) widened(mode, centre, Math.max(ratio, 1), from, (at, weight) => put(row, at, weight));
    else if (mode === "linear") {
      const place = Math.max(centre, 0);
      const left = Math.min(Math.floor(place), from - 1);
      put(row, left, 1 - (place - left));
      put(row, left + 1, place - left);
    } else {
      const left = Math.floor(centre);
      for (let k = -1; k <= 2; k++) put(row, left + k, cubic(centre - left - k, -0.75));
    }
  }
  return matrix;
}

/** A kernel stretched by `stretch` around `centre`, cut at the ends and normalised, as Pillow does. */
function widened(
  mode: "linear" | "cubic",
  centre: number,
  stretch: number,
  from: number,
  put: (at: number, weight: number) => void,
): void {
  const support = (mode === "linear" ? 1 : 2) * stretch;
  const first = Math.max(Math.floor(centre + 0.5 - support + 0.5), 0);
  const last = Math.min(Math.floor(centre + 0.5 + support + 0.5), from);
  const weights: number[] = [];
  for (let at = first; at < last; at++) {
    const distance = (at - centre) / stretch;
    weights.push(mode === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubic(distance, -0.5));
  }
  const total = weights.reduce((a, b) => a + b, 0);
  weights.forEach((weight, i) => put(first + i, weight / total));
}

/** Cubic convolution (Keys 1981) with the free parameter a. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/**
 * Bilinear samples of images, zeros outside. Coordinates -1 and 1 are the outer edges of the first and last pixel.
 * @param x float[n, channels, height, width]
 * @param grid float[n, h, w, 2]: (x, y) of every sample
 * @returns float[n, channels, h, w]
 */
export function gridSample(x: Tensor, grid: Tensor): Tensor {
  const [n, channels, height, width] = x.shape as unknown as readonly [number, number, number, number];
  const [batch, h, w, two] = grid.shape as unknown as readonly [number, number, number, number];
  if (x.rank !== 4 || grid.rank !== 4 || batch !== n || two !== 2) {
    throw badShape("gridSample", "x [n, c, height, width] and grid [n, h, w, 2]", x.shape, grid.shape);
  }
  const pixels = reshape(x, [n, channels, height * width]);
  const place = (i: number, length: number): Tensor =>
    reshape(sub(mul(add(slice(grid, { axis: 3, start: i, end: i + 1 }), 1), length / 2), 0.5), [n, h * w]);
  const px = place(0, width);
  const py = place(1, height);
  const left = floor(px);
  const top = floor(py);
  const corner = (dx: number, dy: number): Tensor => {
    const [cx, cy] = [add(left, dx), add(top, dy)];
    const inside = and(
      and(greaterOrEqual(cx, 0), lessOrEqual(cx, width - 1)),
      and(greaterOrEqual(cy, 0), lessOrEqual(cy, height - 1)),
    );
    const weight = mul(weightOf(px, left, dx), weightOf(py, top, dy));
    const index = add(mul(clip(cy, 0, height - 1), width), clip(cx, 0, width - 1));
    const spots = expand(unsqueeze(cast(index, "int64"), 1), [n, channels, h * w]);
    return mul(gatherElements(pixels, spots, 2), unsqueeze(mul(weight, cast(inside, "float32")), 1));
  };
  const total = add(add(corner(0, 0), corner(1, 0)), add(corner(0, 1), corner(1, 1)));
  return reshape(total, [n, channels, h, w]);
}

/** Share of the left (offset 0) or right (1) neighbour. */
function weightOf(place: Tensor, left: Tensor, offset: number): Tensor {
  const fraction = sub(place, left);
  return offset === 1 ? fraction : sub(1, fraction);
}

/**
 * The columns of a sliding window: float[n, c, height, width] to [n, c·kernel², windows] (PyTorch's unfold, without padding).
 */
export function unfold(x: Tensor, kernel: number, stride: number): Tensor {
  const [n, channels, height, width] = x.shape as unknown as readonly [number, number, number, number];
  if (x.rank !== 4 || height < kernel || width < kernel)
    throw badShape("unfold", `images of at least ${kernel} x ${kernel}`, x.shape);
  const rows = Math.floor((height - kernel) / stride) + 1;
  const columns = Math.floor((width - kernel) / stride) + 1;
  const index: number[] = [];
  for (let i = 0; i < kernel; i++) {
    for (let j = 0; j < kernel; j++) {
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++) index.push((r * stride + i) * width + c * stride + j);
    }
  }
  const spots = expand(x.graph.constant(index, "int64", [1, 1, index.length]), [n, channels, index.length]);
  const cells = gatherElements(reshape(x, [n, channels, height * width]), spots, 2);
  return reshape(cells, [n, channels * kernel * kernel, rows * columns]);
}
