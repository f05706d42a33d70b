/**
 * One axis of a resize as a table: which input samples each output sample is made of, with which weights. The references
 * differ in where samples lie, how far a filter reaches and in which precision that is computed; each is stated here.
 */

export type Filter = "bilinear" | "bicubic" | "lanczos3";

/** For output sample i: weights[i * taps + t] of input sample first[i] + t (clamped to the axis by the builder). */
export type AxisTable = {
  readonly size: number;
  readonly taps: number;
  readonly index: Int32Array;
  readonly weight: Float64Array;
};

const REACH: Readonly<Record<Filter, number>> = { bilinear: 1, bicubic: 2, lanczos3: 3 };

/** Keys' cubic convolution kernel; a is -0.5 in PIL, TensorFlow and antialiased PyTorch, -0.75 in plain PyTorch. */
function cubic(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kernel(filter: Filter, x: number): number {
  if (filter === "bilinear") return Math.max(0, 1 - Math.abs(x));
  if (filter === "bicubic") return cubic(x, -0.5);
  return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

/** Whose rounding: PIL computes weights in float64; PyTorch and JAX in float32; TensorFlow in float32 from 1 / (out / in). */
export type Arithmetic = "pil" | "torch" | "tensorflow";

/**
 * The antialiased resize of PIL, torchvision, JAX and TensorFlow: the filter is stretched by the scale when shrinking, and
 * its weights are normalised over the samples that exist.
 */
export function antialiasedTable(input: number, output: number, filter: Filter, arithmetic: Arithmetic): AxisTable {
  const r = arithmetic === "pil" ? (x: number): number => x : Math.fround;
  const scale = arithmetic === "tensorflow" ? r(1 / r(output / input)) : r(input / output);
  const stretch = Math.max(scale, 1);
  const support = r(REACH[filter] * stretch);
  const inverse = r(1 / stretch);
  const taps = Math.min(input, Math.ceil(support) * 2 + 1);
  const table = emptyTable(output, taps);
  for (let i = 0; i < output; i++) {
    const center = r(scale * (i + 0.5));
    const from = Math.max(0, Math.trunc(r(r(center - support) + 0.5)));
    const to = Math.min(input, Math.trunc(r(r(center + support) + 0.5)));
    let total = 0;
    for (let j = from; j < to && j - from < taps; j++) {
      const weight = r(kernel(filter, r(r(r(j - center) + 0.5) * inverse)));
      table.index[i * taps + j - from] = j;
      table.weight[i * taps + j - from] = weight;
      total = r(total + weight);
    }
    for (let t = 0; t < taps; t++) {
      const at = i * taps + t;
      table.weight[at] = total === 0 ? 0 : r((table.weight[at] as number) / total);
    }
  }
  return table;
}

/** torch.nn.functional.interpolate with align_corners=False and antialias=False: two or four neighbours, borders repeated. */
export function interpolateTable(input: number, output: number, filter: "bilinear" | "bicubic"): AxisTable {
  const r = Math.fround;
  const scale = r(input / output);
  const taps = filter === "bilinear" ? 2 : 4;
  const table = emptyTable(output, taps);
  const last = input - 1;
  for (let i = 0; i < output; i++) {
    // One rounding: the reference is compiled to a fused multiply-add.
    const source = r(scale * (i + 0.5) - 0.5);
    const at = filter === "bilinear" ? Math.max(0, source) : source;
    const first = Math.min(Math.floor(at), filter === "bilinear" ? last : Number.POSITIVE_INFINITY);
    const t = filter === "bilinear" ? Math.min(Math.max(r(at - first), 0), 1) : r(at - first);
    const weights = filter === "bilinear" ? [r(1 - t), t] : [t + 1, t, 1 - t, 2 - t].map((x) => r(cubic(x, -0.75)));
    const start = filter === "bilinear" ? first : first - 1;
    weights.forEach((weight, k) => {
      table.index[i * taps + k] = Math.min(last, Math.max(0, start + k));
      table.weight[i * taps + k] = weight;
    });
  }
  return table;
}

/**
 * tf.image.crop_and_resize: samples between the corners of a box (in units of size - 1), two neighbours, no antialiasing.
 * @param from @param to the box along this axis, 0..1
 */
export function cropTable(input: number, output: number, from: number, to: number): AxisTable {
  const r = Math.fround;
  const scale = output > 1 ? r(r(r(to - from) * (input - 1)) / (output - 1)) : 0;
  const table = emptyTable(output, 2);
  for (let i = 0; i < output; i++) {
    const at = output > 1 ? r(r(r(from) * (input - 1)) + r(i * scale)) : r(0.5 * r(r(from + to) * (input - 1)));
    if (at < 0 || at > input - 1) continue;
    const low = Math.floor(at);
    const t = r(at - low);
    table.index.set([low, Math.ceil(at)], i * 2);
    table.weight.set([1 - t, t], i * 2);
  }
  return table;
}

function emptyTable(size: number, taps: number): AxisTable {
  return { size, taps, index: new Int32Array(size * taps), weight: new Float64Array(size * taps) };
}
