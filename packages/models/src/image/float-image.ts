/** Images as float32, channels last: what the resizes of the reference implementations work on. */
import { BiddenError, type Image } from "@bidden/runtime";

/** float32[height, width, channels], row-major. */
export type FloatImage = {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
};

/** uint8 to float32: `value * scale + offset`, in float32 steps as PyTorch does `/ 255`, `* 2 - 1`. */
export function toFloat(image: Image, divisor = 255): FloatImage {
  checkImage(image);
  const { width, height, data: bytes } = image;
  const levels = Float32Array.from({ length: 256 }, (_, level) => level / divisor);
  const data = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) data[i] = levels[bytes[i] as number] as number;
  return { width, height, channels: 3, data };
}

/** Applies `f` to every value; results are rounded to float32. */
export function mapImage(image: FloatImage, f: (value: number) => number): FloatImage {
  const { data } = image;
  // A loop: a typed array's own map takes five times as long.
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = f(data[i] as number);
  return { ...image, data: out };
}

export type Rounding = "nearest-even" | "truncate";

/** float to uint8, clamped to 0..255; `factor` is 255 for images in [0, 1]. */
export function toBytes(image: FloatImage, factor = 1, rounding: Rounding = "nearest-even"): Image {
  const data = new Uint8Array(image.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Math.fround((image.data[i] as number) * factor);
    const whole = rounding === "truncate" ? Math.trunc(value) : roundHalfEven(value);
    data[i] = Math.min(255, Math.max(0, whole));
  }
  return { width: image.width, height: image.height, data };
}

/** As NumPy, PyTorch and TensorFlow round: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Channels first, each normalised: (value - mean[c]) / std[c]: float32[channels, height, width]. */
export function toPlanes(
  image: FloatImage,
  mean: readonly number[] = [0, 0, 0],
  std: readonly number[] = [1, 1, 1],
): Float32Array {
  const { width, height, channels, data } = image;
  const area = width * height;
  const out = new Float32Array(channels * area);
  for (let c = 0; c < channels; c++) {
    const m = Math.fround(mean[c] as number);
    const s = Math.fround(std[c] as number);
    for (let i = 0; i < area; i++) {
      out[c * area + i] = Math.fround((data[i * channels + c] as number) - m) / s;
    }
  }
  return out;
}

/**
 * Refuses images whose data are not width x height x 3 bytes. Floats are refused as well, which no compiler keeps out of a
 * program in plain JavaScript: they would become black or NaN on the way.
 */
export function checkImage(image: Image): void {
  const { width, height, data } = image;
  if (!(width > 0) || !(height > 0) || data.length !== width * height * 3) {
    throw new BiddenError(
      "bad-shape",
      `Expected an RGB image of width x height x 3 bytes; came ${width}x${height} with ${data.length} bytes.`,
      { width, height, bytes: data.length },
    );
  }
  if (data.BYTES_PER_ELEMENT === 1) return;
  const strange = data.findIndex((value) => !Number.isFinite(value));
  const which = strange < 0 ? "" : `, of which number ${strange} is ${data[strange]}`;
  throw new BiddenError(
    "bad-shape",
    `Expected an RGB image of bytes, 0..255; came ${data[Symbol.toStringTag]}${which}.`,
    { width, height },
  );
}

/** Refuses NaN and infinite values, which would spread through a whole network without a word. */
export function checkFinite(image: FloatImage, name: string): void {
  const at = image.data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new BiddenError("bad-argument", `Image "${name}": expected finite values; value ${at} is ${image.data[at]}.`, {
    camera: name,
  });
}
