/** Decoded pictures as they come from a decoder, and as RGB. */

import type { Image } from "@bidden/runtime";
import { createKernel } from "../bytes/kernel.ts";
import { RGB_SIMD } from "./rgb-simd.wasm.ts";

/** 8 bits, 4:2:0: Y in full, U and V at half the size (rounded up), rows without gaps. */
export type Planes = {
  readonly width: number;
  readonly height: number;
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
};

/** Kr and Kb by matrix coefficients of ISO/IEC 23091-4; BT.601 where a file says nothing, as FFmpeg has it. */
const WEIGHTS: Readonly<Record<number, readonly [number, number]>> = { 1: [0.2126, 0.0722], 9: [0.2627, 0.0593] };
const BT601 = [0.299, 0.114] as const;

/** Fixed point of 16 bits; `black` is what is subtracted from Y. */
type RgbWeights = {
  readonly scale: number;
  readonly rv: number;
  readonly gu: number;
  readonly gv: number;
  readonly bu: number;
  readonly black: number;
};

export function rgbWeights(matrix: number, fullRange: boolean): RgbWeights {
  const [kr, kb] = WEIGHTS[matrix] ?? BT601;
  const luma = fullRange ? 1 : 255 / 219;
  const chroma = fullRange ? 1 : 255 / 224;
  const fixed = (value: number): number => Math.round(value * 65536);
  return {
    scale: fixed(luma),
    rv: fixed(2 * (1 - kr) * chroma),
    gu: fixed(((2 * kb * (1 - kb)) / (1 - kr - kb)) * chroma),
    gv: fixed(((2 * kr * (1 - kr)) / (1 - kr - kb)) * chroma),
    bu: fixed(2 * (1 - kb) * chroma),
    black: fullRange ? 0 : 16,
  };
}

/** Colour of the nearest chroma sample, rounded down, as FFmpeg's converter has it. */
export function rgbFromPlanes(planes: Planes, matrix: number, fullRange: boolean): Image {
  const weights = rgbWeights(matrix, fullRange);
  if (kernel === undefined) kernel = createKernel(RGB_SIMD) as RgbKernel | null;
  return kernel === null ? rgbPixelwise(planes, weights) : rgbByVectors(kernel, planes, weights);
}

type RgbKernel = {
  readonly memory: WebAssembly.Memory;
  memory_at(): number;
  weights(scale: number, rv: number, gu: number, gv: number, bu: number, black: number): void;
  convert(width: number, height: number): number;
};

/** Compiled with the first picture; null where the platform has no vectors. */
let kernel: RgbKernel | null | undefined;
const PAGE_BYTES = 1 << 16;

/** The same bytes as `rgbPixelwise`. */
function rgbByVectors(kernel: RgbKernel, { width, height, y, u, v }: Planes, weights: RgbWeights): Image {
  const { memory } = kernel;
  const start = kernel.memory_at();
  const bytes = y.length + u.length + v.length + width * height * 3;
  const missing = start + bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  const room = new Uint8Array(memory.buffer);
  room.set(y, start);
  room.set(u, start + y.length);
  room.set(v, start + y.length + u.length);
  kernel.weights(weights.scale, weights.rv, weights.gu, weights.gv, weights.bu, weights.black);
  const rgb = kernel.convert(width, height);
  return { width, height, data: room.slice(rgb, rgb + width * height * 3) };
}

/** For platforms without vectors, and what the vectors are compared with. */
export function rgbPixelwise({ width, height, y, u, v }: Planes, weights: RgbWeights): Image {
  const { scale, rv, gu, gv, bu, black } = weights;
  const data = new Uint8Array(width * height * 3);
  const half = (width + 1) >> 1;
  let to = 0;
  for (let row = 0; row < height; row++) {
    const chromaRow = (row >> 1) * half;
    for (let column = 0; column < width; column++) {
      const at = chromaRow + (column >> 1);
      const du = (u[at] as number) - 128;
      const dv = (v[at] as number) - 128;
      const light = ((y[row * width + column] as number) - black) * scale;
      data[to++] = clamp((light + rv * dv) >> 16);
      data[to++] = clamp((light - gu * du - gv * dv) >> 16);
      data[to++] = clamp((light + bu * du) >> 16);
    }
  }
  return { width, height, data };
}

/** BT.601, narrow range; a chroma sample is the mean of the (up to) four pixels under it. Fixed point of 16 bits. */
export function planesFromRgb({ width, height, data }: Image): Planes {
  const [halfWidth, halfHeight] = [(width + 1) >> 1, (height + 1) >> 1];
  const y = new Uint8Array(width * height);
  for (let i = 0, from = 0; i < y.length; i++, from += 3) {
    const [r, g, b] = [data[from] as number, data[from + 1] as number, data[from + 2] as number];
    y[i] = (16829 * r + 33039 * g + 6416 * b + 1081344) >> 16;
  }
  const u = new Uint8Array(halfWidth * halfHeight);
  const v = new Uint8Array(u.length);
  for (let row = 0; row < halfHeight; row++) {
    for (let column = 0; column < halfWidth; column++) {
      let [r, g, b] = [0, 0, 0];
      for (let k = 0; k < 4; k++) {
        // At an odd edge the last pixel counts twice.
        const x = Math.min(2 * column + (k & 1), width - 1);
        const at = (Math.min(2 * row + (k >> 1), height - 1) * width + x) * 3;
        r += data[at] as number;
        g += data[at + 1] as number;
        b += data[at + 2] as number;
      }
      u[row * halfWidth + column] = (-9714 * r - 19070 * g + 28784 * b + 33685504) >> 18;
      v[row * halfWidth + column] = (28784 * r - 24103 * g - 4681 * b + 33685504) >> 18;
    }
  }
  return { width, height, y, u, v };
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/** Rows of a plane with gaps after each, copied together. */
export function packRows(bytes: Uint8Array, start: number, stride: number, width: number, height: number): Uint8Array {
  if (stride === width) return bytes.slice(start, start + width * height);
  const out = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    out.set(bytes.subarray(start + row * stride, start + row * stride + width), row * width);
  }
  return out;
}
