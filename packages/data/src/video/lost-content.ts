/**
 * Whether an encoder kept what was in a picture. Quantising moves values by about its step; a block that shows something else (an older
 * picture, as SVT-AV1's fast presets leave it) is off by far more.
 */

import type { Planes } from "./planes.ts";

const BLOCK = 8;

/** How far, on average, a block's light may be off after quantising: its step (ITU-T H.264, 8.5.9) and a little. */
export function allowedError(quality: number): number {
  return 4 + 2 ** ((quality - 4) / 6);
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
