/**
 * Products of matrices. Gradients need transposed factors: `Gemm` (two dimensions) and ONNX Runtime's `FusedMatMul` (batches)
 * multiply them where they lie, without a transposing pass.
 */
import { type Shape, sizeOf } from "../graph/dtype.ts";
import { badShape, broadcastShapes } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { needFloat, single } from "./build.ts";
import { expand, reshape, sum, sumTo } from "./core.ts";

export type MatmulOptions = {
  /** Use the last two dimensions of a (of b) the other way round. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Multiplies the product. */
  readonly scale?: number;
};

/** Matrix product of the last two dimensions; those before broadcast. A vector is a row on the left, a column on the right. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  needFloat("matmul", a, b);
  if (a.rank === 0 || b.rank === 0) throw badShape("matmul", "at least one dimension on both sides", a.shape, b.shape);
  const rows = a.rank === 1 ? reshape(a, [1, ...a.shape]) : a;
  const columns = b.rank === 1 ? reshape(b, [...b.shape, 1]) : b;
  const product = matrices(rows, columns, options);
  if (a.rank > 1 && b.rank > 1) return product;
  const batch = product.shape.slice(0, -2);
  const [m, n] = product.shape.slice(-2) as [number, number];
  return reshape(product, [...batch, ...(a.rank > 1 ? [m] : []), ...(b.rank > 1 ? [n] : [])]);
}

/** Rows and columns of the last two dimensions, as they enter the product. */
function matrixDims(shape: Shape, transposed: boolean): readonly [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

function matrices(a: Tensor, b: Tensor, options: MatmulOptions): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  const [m, inner] = matrixDims(a.shape, transposeA);
  const [innerB, n] = matrixDims(b.shape, transposeB);
  if (inner !== innerB) {
    const turned = `${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`;
    throw badShape("matmul", `[..., m, k] and [..., k, n]${turned}`, a.shape, b.shape);
  }
  if (b.rank === 2 && a.rank > 2 && !transposeA) {
    const flat = matrices(reshape(a, [-1, inner]), b, options);
    return reshape(flat, [...a.shape.slice(0, -1), n]);
  }
  const vjp = (g: Tensor): Tensor[] => {
    const ga = transposeA
      ? matrices(b, g, { transposeA: transposeB, transposeB: true, scale })
      : matrices(g, b, { transposeB: !transposeB, scale });
    const gb = transposeB
      ? matrices(g, a, { transposeA: true, transposeB: transposeA, scale })
      : matrices(a, g, { transposeA: !transposeA, scale });
    return [sumTo(ga, a.shape), sumTo(gb, b.shape)];
  };
  if (a.rank === 2 && b.rank === 2) return gemm(a, b, null, [m, n], options, (g) => vjp(g));
  const shape = [...broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n];
  if (!transposeA && !transposeB && scale === 1) return single("MatMul", [a, b], shape, { vjp });
  return single("FusedMatMul", [a, b], shape, {
    domain: "com.microsoft",
    attributes: {
      alpha: { float: scale },
      transA: { int: transposeA ? 1 : 0 },
      transB: { int: transposeB ? 1 : 0 },
    },
    vjp,
  });
}

function gemm(
  a: Tensor,
  b: Tensor,
  bias: Tensor | null,
  shape: Shape,
  options: MatmulOptions,
  vjp: (g: Tensor) => readonly (Tensor | null)[],
): Tensor {
  const { transposeA = false, transposeB = false, scale = 1 } = options;
  return single("Gemm", bias === null ? [a, b] : [a, b, bias], shape, {
    attributes: {
      alpha: { float: scale },
      transA: { int: transposeA ? 1 : 0 },
      transB: { int: transposeB ? 1 : 0 },
    },
    vjp,
  });
}

/** Fewer rows than these are summed as they are. */
const MANY_ROWS = 64;

/**
 * The sum of all rows, [..., n] -> [n]. Of many rows it is a product with ones: ONNX Runtime's products read a matrix two to
 * three times as fast as its reductions do.
 */
export function sumRows(x: Tensor): Tensor {
  const n = x.shape.at(-1) as number;
  const rows = sizeOf(x.shape) / n;
  const flat = reshape(x, [rows, n]);
  if (x.dtype !== "float32" || rows < MANY_ROWS) return sum(flat, 0);
  const ones = expand(x.graph.constant(1), [1, rows]);
  return reshape(matrices(ones, flat, {}), [n]);
}

/**
 * x·w + b over the last dimension of x.
 * @param x float[..., in]
 * @param w float[in, out], or [out, in] with `transposed` (PyTorch's layout)
 * @param b float[out]
 */
export function linear(
  x: Tensor,
  w: Tensor,
  b?: Tensor | null,
  options: { readonly transposed?: boolean } = {},
): Tensor {
  needFloat("linear", x, w);
  const { transposed = false } = options;
  const [inner, outer] = w.rank === 2 ? matrixDims(w.shape, transposed) : [NaN, NaN];
  const bias = b ?? null;
  if (x.rank < 1 || x.shape.at(-1) !== inner) {
    throw badShape("linear", `x [..., in] and w [${transposed ? "out, in" : "in, out"}]`, x.shape, w.shape);
  }
  if (bias !== null && (bias.rank !== 1 || bias.shape[0] !== outer)) {
    throw badShape("linear", `a bias [${outer}] for w`, w.shape, bias.shape);
  }
  const flat = reshape(x, [-1, inner]);
  const rows = sizeOf(x.shape) / inner;
  const y = gemm(flat, w, bias, [rows, outer], { transposeB: transposed }, (g) => [
    matrices(g, w, { transposeB: !transposed }),
    transposed ? matrices(g, flat, { transposeA: true }) : matrices(flat, g, { transposeA: true }),
    ...(bias === null ? [] : [sumRows(g)]),
  ]);
  return reshape(y, [...x.shape.slice(0, -1), outer]);
}
