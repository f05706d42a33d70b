/**
 * What a JPEG does to an image, without the file: OpenVLA and OFT were trained on pictures that had been through
 * tf.image.encode_jpeg (libjpeg, quality 95, 4:2:0) and tf.io.decode_image (fast transform, smooth chroma upsampling). Huffman
 * coding loses nothing, so it is left out.
 */
import type { Image } from "@bidden/runtime";
import { checkImage } from "./float-image.ts";
import { fastInverseDct, fastMultipliers, forwardDct } from "./jpeg-dct.ts";

/** Annex K of the JPEG standard, row-major. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMINANCE = [
  17,
  18,
  24,
  47,
  99,
  99,
  99,
  99,
  18,
  21,
  26,
  66,
  99,
  99,
  99,
  99,
  24,
  26,
  56,
  99,
  99,
  99,
  99,
  99,
  47,
  66,
  99,
  99,
  99,
  99,
  99,
  99,
  ...Array.from({ length: 32 }, () => 99),
];

/** libjpeg's jpeg_set_quality. */
function quantisers(base: readonly number[], quality: number): Int32Array {
  const scale = quality < 50 ? Math.trunc(5000 / quality) : 200 - quality * 2;
  return Int32Array.from(base, (q) => Math.min(255, Math.max(1, Math.trunc((q * scale + 50) / 100))));
}

type Plane = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** @param quality 1..100, as libjpeg counts. */
export function jpegRoundTrip(image: Image, quality = 95): Image {
  checkImage(image);
  const { width, height } = image;
  const [y, cb, cr] = toYcc(image);
  const luma = quantisers(LUMINANCE, quality);
  const chroma = quantisers(CHROMINANCE, quality);
  const lossyY = throughBlocks({ width, height, data: y }, luma);
  const smaller = (data: Uint8Array): Plane => throughBlocks(halve({ width, height, data }), chroma);
  const lossyCb = upsample(smaller(cb), width, height);
  const lossyCr = upsample(smaller(cr), width, height);
  return { width, height, data: toRgb(lossyY.data, lossyCb, lossyCr) };
}

/** 16-bit fixed point, as jccolor.c. */
function toYcc({ data }: Image): [Uint8Array, Uint8Array, Uint8Array] {
  const count = data.length / 3;
  const planes: [Uint8Array, Uint8Array, Uint8Array] = [
    new Uint8Array(count),
    new Uint8Array(count),
    new Uint8Array(count),
  ];
  const offset = (128 << 16) + 32_767;
  for (let i = 0; i < count; i++) {
    const [r, g, b] = [data[i * 3] as number, data[i * 3 + 1] as number, data[i * 3 + 2] as number];
    planes[0][i] = (19_595 * r + 38_470 * g + 7471 * b + 32_768) >> 16;
    planes[1][i] = (-11_059 * r - 21_709 * g + 32_768 * b + offset) >> 16;
    planes[2][i] = (32_768 * r - 27_439 * g - 5329 * b + offset) >> 16;
  }
  return planes;
}

/** jdcolor.c */
function toRgb(y: Uint8Array, cb: Uint8Array, cr: Uint8Array): Uint8Array {
  const out = new Uint8Array(y.length * 3);
  for (let i = 0; i < y.length; i++) {
    const [l, u, v] = [y[i] as number, (cb[i] as number) - 128, (cr[i] as number) - 128];
    out[i * 3] = clamp(l + ((91_881 * v + 32_768) >> 16));
    out[i * 3 + 1] = clamp(l + ((-22_554 * u - 46_802 * v + 32_768) >> 16));
    out[i * 3 + 2] = clamp(l + ((116_130 * u + 32_768) >> 16));
  }
  return out;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** jcsample.c, h2v2_downsample: the mean of four, rounded down and up in turn; borders are repeated. */
function halve({ width, height, data }: Plane): Plane {
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
  // libjpeg fills whole blocks before it halves: columns beyond the border count as the border's.
  const out = new Uint8Array(half.width * half.height);
  const at = (row: number, col: number): number =>
    data[Math.min(row, height - 1) * width + Math.min(col, width - 1)] as number;
  for (let row = 0; row < half.height; row++) {
    for (let col = 0; col < half.width; col++) {
      const [r, c] = [row * 2, col * 2];
      const sum = at(r, c) + at(r, c + 1) + at(r + 1, c) + at(r + 1, c + 1);
      out[row * half.width + col] = (sum + 1 + (col & 1)) >> 2;
    }
  }
  return { ...half, data: out };
}

/** Transforms, quantises and restores every block of 8 x 8; what hangs over the border repeats the border. */
function throughBlocks(plane: Plane, quantiser: Int32Array): Plane {
  const { width, height, data } = plane;
  const out = new Uint8Array(data.length);
  const multiplier = fastMultipliers(quantiser);
  const block = new Int32Array(64);
  for (let top = 0; top < height; top += 8) {
    for (let left = 0; left < width; left += 8) {
      for (let i = 0; i < 64; i++) {
        const row = Math.min(top + (i >> 3), height - 1);
        const col = Math.min(left + (i & 7), width - 1);
        block[i] = (data[row * width + col] as number) - 128;
      }
      forwardDct(block);
      for (let i = 0; i < 64; i++)
        block[i] = quantised(block[i] as number, quantiser[i] as number) * (multiplier[i] as number);
      fastInverseDct(block);
      for (let i = 0; i < 64; i++) {
        const [row, col] = [top + (i >> 3), left + (i & 7)];
        if (row < height && col < width) out[row * width + col] = clamp((block[i] as number) + 128);
      }
    }
  }
  return { width, height, data: out };
}

/** Coefficients come times 8 (jcdctmgr.c): divided, rounded half away from zero. */
function quantised(coefficient: number, quantiser: number): number {
  const divisor = quantiser * 8;
  const size = Math.trunc((Math.abs(coefficient) + (divisor >> 1)) / divisor);
  return coefficient < 0 ? -size : size;
}

/** jdsample.c, h2v2_fancy_upsample: a triangle filter, 3/4 of the nearer and 1/4 of the further sample along each axis. */
function upsample(plane: Plane, width: number, height: number): Uint8Array {
  const { width: w, height: h, data } = plane;
  const out = new Uint8Array(width * height);
  const sums = new Int32Array(w);
  for (let row = 0; row < height; row++) {
    const near = row >> 1;
    const far = Math.min(h - 1, Math.max(0, near + (row % 2 === 0 ? -1 : 1)));
    for (let col = 0; col < w; col++)
      sums[col] = (data[near * w + col] as number) * 3 + (data[far * w + col] as number);
    for (let col = 0; col < width; col++) {
      const at = col >> 1;
      const other = Math.min(w - 1, Math.max(0, at + (col % 2 === 0 ? -1 : 1)));
      out[row * width + col] = ((sums[at] as number) * 3 + (sums[other] as number) + (col % 2 === 0 ? 8 : 7)) >> 4;
    }
  }
  return out;
}
