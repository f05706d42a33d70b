/** Resizes as the reference implementations do them. Which one a checkpoint was trained with is the family's to know. */
import { BiddenError, type Image } from "@bidden/runtime";
import { checkImage, type FloatImage, toBytes } from "./float-image.ts";
import {
  type Arithmetic,
  antialiasedTable,
  type AxisTable,
  cropTable,
  type Filter,
  interpolateTable,
} from "./resample.ts";

/** Height and width, in this order, as the references take them. */
export type Size = readonly [height: number, width: number];

export type ResizeOptions = {
  readonly filter?: Filter;
  /** Stretch the filter when shrinking (torchvision antialias=True, jax.image.resize, tf.image.resize antialias=True). */
  readonly antialias: boolean;
  /** Whose rounding, where it is antialiased; that of PyTorch and JAX when left out. */
  readonly arithmetic?: Arithmetic;
};

/** Resizes float images: torch `interpolate(align_corners=False)`, or the antialiased resize of torchvision, JAX, TensorFlow. */
export function resizeFloat(
  image: FloatImage,
  size: Size,
  { filter = "bilinear", antialias, arithmetic = "torch" }: ResizeOptions,
): FloatImage {
  const [height, width] = checkSize(size);
  if (!antialias && filter === "lanczos3") {
    throw new BiddenError("unsupported", "lanczos3 is always antialiased.", { filter });
  }
  const table = (input: number, output: number): AxisTable =>
    antialias || filter === "lanczos3"
      ? antialiasedTable(input, output, filter, arithmetic)
      : interpolateTable(input, output, filter);
  return applyTables(image, table(image.height, height), table(image.width, width));
}

/** tf.image.crop_and_resize of a box [y0, x0, y1, x1] in 0..1: corner-aligned, no antialiasing. */
export function cropAndResize(
  image: FloatImage,
  box: readonly [number, number, number, number],
  size: Size,
): FloatImage {
  const [height, width] = checkSize(size);
  const [y0, x0, y1, x1] = box;
  return applyTables(image, cropTable(image.height, height, y0, y1), cropTable(image.width, width, x0, x1));
}

/** Bytes through the float resize (torchvision, JAX, TensorFlow): rounded to the nearest, halves to even, clamped. */
export function resizeBytes(image: Image, size: Size, options: ResizeOptions): Image {
  checkImage(image);
  const floats = { width: image.width, height: image.height, channels: 3, data: Float32Array.from(image.data) };
  return toBytes(resizeFloat(floats, size, options));
}

/** PIL's Image.resize: fixed point, rows first, rounded to bytes in between. */
export function resizePil(image: Image, size: Size, filter: Filter): Image {
  return resizeFixed(
    image,
    size,
    (input, output) => antialiasedTable(input, output, filter, "pil"),
    () => PIL_BITS,
  );
}

/** PyTorch's bilinear `interpolate` of bytes, channels last, without antialiasing: as PIL, with weights of 16 bits. */
export function resizeTorchBytes(image: Image, size: Size): Image {
  return resizeFixed(image, size, (input, output) => interpolateTable(input, output, "bilinear"), torchBits);
}

/** As many bits as keep the largest weight within 16. */
function torchBits({ weight }: AxisTable): number {
  const largest = weight.reduce((max, w) => Math.max(max, w), 0);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 2 ** 15) bits++;
  return bits;
}

function resizeFixed(
  image: Image,
  [height, width]: Size,
  table: (input: number, output: number) => AxisTable,
  bitsOf: (table: AxisTable) => number,
): Image {
  checkImage(image);
  checkSize([height, width]);
  let { data } = image;
  const axis = (outer: number, size: number, inner: number, output: number): Uint8Array => {
    const weights = table(size, output);
    return fixedAxis(data, [outer, size, inner], weights, bitsOf(weights));
  };
  if (width !== image.width) data = axis(image.height, image.width, 3, width);
  if (height !== image.height) data = axis(1, image.height, width * 3, height);
  return { width, height, data: data === image.data ? data.slice() : data };
}

/** 32 bits, less 8 of the value, less 2 of headroom: Pillow, Resample.c. */
const PIL_BITS = 22;

/** Resamples the middle axis of [outer, size, inner] bytes. */
function fixedAxis(
  data: Uint8Array,
  [outer, size, inner]: readonly [number, number, number],
  { taps, index, weight, size: output }: AxisTable,
  bits: number,
): Uint8Array {
  const fixed = Float64Array.from(weight, (w) => Math.trunc((w < 0 ? -0.5 : 0.5) + w * 2 ** bits));
  const out = new Uint8Array(outer * output * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < output; i++) {
      const to = (o * output + i) * inner;
      for (let k = 0; k < inner; k++) {
        let sum = 2 ** (bits - 1);
        for (let t = i * taps; t < (i + 1) * taps; t++) {
          sum += (fixed[t] as number) * (data[(o * size + (index[t] as number)) * inner + k] as number);
        }
        out[to + k] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** bits)));
      }
    }
  }
  return out;
}

/** Rows (the width) first, then columns, each rounded to float32. */
function applyTables(image: FloatImage, rows: AxisTable, columns: AxisTable): FloatImage {
  const { channels } = image;
  const wide = applyAxis(image.data, image.height, image.width, channels, columns);
  const data = applyAxis(wide, 1, image.height, columns.size * channels, rows);
  return { width: columns.size, height: rows.size, channels, data };
}

function applyAxis(data: Float32Array, outer: number, size: number, inner: number, table: AxisTable): Float32Array {
  const { taps, index, weight, size: output } = table;
  const out = new Float32Array(outer * output * inner);
  if (taps === 2) return mixPairs(data, out, [outer, size, inner], table);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < output; i++) {
      const to = (o * output + i) * inner;
      for (let k = 0; k < inner; k++) {
        let sum = 0;
        for (let t = i * taps; t < (i + 1) * taps; t++) {
          const w = weight[t] as number;
          if (w !== 0) sum += w * (data[(o * size + (index[t] as number)) * inner + k] as number);
        }
        out[to + k] = sum;
      }
    }
  }
  return out;
}

/** The same for two neighbours, which every camera's image goes through at every look: several times as fast. */
function mixPairs(
  data: Float32Array,
  out: Float32Array,
  [outer, size, inner]: readonly [number, number, number],
  { index, weight, size: output }: AxisTable,
): Float32Array {
  for (let o = 0, to = 0; o < outer; o++) {
    for (let i = 0; i < output; i++) {
      const w = weight[2 * i] as number;
      const v = weight[2 * i + 1] as number;
      const a = (o * size + (index[2 * i] as number)) * inner;
      const b = (o * size + (index[2 * i + 1] as number)) * inner;
      for (let k = 0; k < inner; k++, to++) out[to] = w * (data[a + k] as number) + v * (data[b + k] as number);
    }
  }
  return out;
}

/** The largest size of the same aspect that fits, truncated: as openpi, LeRobot and xVLA compute it. */
export function fittingSize(image: { readonly width: number; readonly height: number }, [height, width]: Size): Size {
  const ratio = Math.max(image.width / width, image.height / height);
  return [Math.trunc(image.height / ratio), Math.trunc(image.width / ratio)];
}

export type Place = "centre" | "left-top";

/**
 * Pads to a size with a value. `centre`: half of the rest, rounded down, before and what remains after (π0, openpi);
 * `left-top`: all of it before (SmolVLA).
 */
export function padTo(image: FloatImage, [height, width]: Size, place: Place, value: number): FloatImage {
  const { channels } = image;
  const data = new Float32Array(height * width * channels).fill(value);
  const before = (rest: number): number => (place === "centre" ? Math.floor(rest / 2) : rest);
  const top = before(height - image.height);
  const left = before(width - image.width);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * image.width * channels, (y + 1) * image.width * channels);
    data.set(row, ((y + top) * width + left) * channels);
  }
  return { width, height, channels, data };
}

export type ResizeWithPad = {
  readonly place: Place;
  /** In the image's own range: 0 for [0, 1], -1 for [-1, 1]. */
  readonly pad: number;
  readonly antialias: boolean;
  readonly arithmetic?: Arithmetic;
};

/** resize_with_pad of LeRobot (`place` by family, no antialiasing) and openpi (JAX: antialiased; PyTorch: not). */
export function resizeWithPad(image: FloatImage, size: Size, options: ResizeWithPad): FloatImage {
  checkSize(size);
  const [height, width] = fittingSize(image, size);
  const inner = resizeFloat(image, [Math.max(1, height), Math.max(1, width)], options);
  return padTo(inner, size, options.place, options.pad);
}

/** openpi-client's resize_with_pad: PIL bilinear on bytes, centred, padded with black. */
export function resizeWithPadPil(image: Image, size: Size): Image {
  return paddedBytes(image, size, (inner) => resizePil(image, inner, "bilinear"));
}

/** openpi's resize_with_pad_torch on bytes: bilinear without antialiasing, centred, padded with black. */
export function resizeWithPadTorchBytes(image: Image, size: Size): Image {
  return paddedBytes(image, size, (inner) => resizeTorchBytes(image, inner));
}

function paddedBytes(image: Image, size: Size, resize: (inner: Size) => Image): Image {
  checkSize(size);
  const [height, width] = fittingSize(image, size);
  const inner = resize([Math.max(1, height), Math.max(1, width)]);
  const floats = { ...inner, channels: 3, data: Float32Array.from(inner.data) };
  return toBytes(padTo(floats, size, "centre", 0));
}

function checkSize(size: Size): Size {
  if (size.every((n) => Number.isSafeInteger(n) && n > 0 && n <= 16_384)) return size;
  throw new BiddenError("bad-argument", `Expected a size of whole numbers from 1 to 16384; came ${size.join("x")}.`, {
    size: [...size],
  });
}
