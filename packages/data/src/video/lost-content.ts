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

/** The first block of 8 x 8 pixels whose mean error is larger than allowed; null when there is none. */
export function findLostBlock(a: Planes, b: Planes, allowed: number): LostBlock | null {
  const { width, height } = a;
  if (b.width !== width || b.height !== height) return { x: 0, y: 0, error: 255 };
  for (let y = 0; y < height; y += BLOCK) {
    const bottom = Math.min(y + BLOCK, height);
    for (let x = 0; x < width; x += BLOCK) {
      const right = Math.min(x + BLOCK, width);
      let sum = 0;
      for (let row = y; row < bottom; row++) {
        for (let i = row * width + x; i < row * width + right; i++) {
          sum += Math.abs((a.y[i] as number) - (b.y[i] as number));
        }
      }
      const error = sum / ((bottom - y) * (right - x));
      if (error > allowed) return { x, y, error };
    }
  }
  return null;
}
