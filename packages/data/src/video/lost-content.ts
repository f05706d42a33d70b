/**
 * Whether an encoder kept what was in a picture. Quantising moves values by about its step; a block that shows something else (an older
 * picture, as SVT-AV1's fast presets leave it) is off by far more.
 */

import type { VideoCodec } from "./picture-encoder.ts";
import type { Planes } from "./planes.ts";

const BLOCK = 8;

/** How far, on average, a block's light may be off after quantising: its step (ITU-T H.264, 8.5.9; AV1, 7.12.2) and a little. */
export function allowedError(codec: VideoCodec, quality: number): number {
  return 4 + (codec === "h264" ? 2 ** ((quality - 4) / 6) : av1Step(quality));
}

/** Steps of AV1's quantiser 0, 10, 20 ... 70 for 8 bits (AV1 specification, Ac_Qlookup at four times that index, in eighths). */
const AV1_STEPS = [0.5, 5.9, 10.9, 23.9, 48.4, 102, 171, 240];

function av1Step(quality: number): number {
  const at = Math.floor(quality / 10);
  const [low, high] = [AV1_STEPS[at] as number, AV1_STEPS[at + 1] as number];
  return low + ((high - low) * (quality - at * 10)) / 10;
}

export type LostBlock = { readonly x: number; readonly y: number; readonly error: number };

/**
 * The first block of 8 x 8 pixels whose light or colour is off by more than allowed on average; null when there is none. A thing as
 * bright as what is behind it is lost in its colours alone.
 */
export function findLostBlock(a: Planes, b: Planes, allowed: number): LostBlock | null {
  const { width, height } = a;
  if (b.width !== width || b.height !== height) return { x: 0, y: 0, error: 255 };
  const half = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
  for (let y = 0; y < height; y += BLOCK) {
    for (let x = 0; x < width; x += BLOCK) {
      const [halfX, halfY] = [x >> 1, y >> 1];
      const light = meanError(a.y, b.y, { ...a, x, y, side: BLOCK });
      const blue = meanError(a.u, b.u, { ...half, x: halfX, y: halfY, side: BLOCK / 2 });
      const red = meanError(a.v, b.v, { ...half, x: halfX, y: halfY, side: BLOCK / 2 });
      const error = Math.max(light, blue, red);
      if (error > allowed) return { x, y, error };
    }
  }
  return null;
}

type Block = {
  /** Of the plane. */
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
  readonly side: number;
};

function meanError(a: Uint8Array, b: Uint8Array, { width, height, x, y, side }: Block): number {
  const bottom = Math.min(y + side, height);
  const right = Math.min(x + side, width);
  let sum = 0;
  for (let row = y; row < bottom; row++) {
    for (let i = row * width + x; i < row * width + right; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  }
  return sum / ((bottom - y) * (right - x));
}
