/** Value noise on an integer lattice: hashed corners, smooth between. Integer hashing and plain arithmetic only. */

/** 0..1 for an integer lattice point. */
function cornerOf(ix: number, iy: number, seed: number): number {
  let h = (Math.imul(ix, 0x27d4eb2d) ^ Math.imul(iy, 0x165667b1) ^ seed) | 0;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Smooth noise in 0..1 at (x, y), lattice spacing 1. */
export function noise2(x: number, y: number, seed: number): number {
  const ix = Math.floor(x);
  const iy = Math.floor(y);
  const fx = x - ix;
  const fy = y - iy;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const low = cornerOf(ix, iy, seed) * (1 - sx) + cornerOf(ix + 1, iy, seed) * sx;
  const high = cornerOf(ix, iy + 1, seed) * (1 - sx) + cornerOf(ix + 1, iy + 1, seed) * sx;
  return low * (1 - sy) + high * sy;
}

/** Factor on the table's colour at a place: boards' grain along y with broad blotches, 1 +- 0.14 at full strength. */
export function tableGrain(x: number, y: number, seed: number, strength: number): number {
  const grain = noise2(x * 70, y * 5, seed) - 0.5;
  const blotch = noise2(x * 9, y * 7, seed ^ 0x5bd1e995) - 0.5;
  return 1 + strength * (0.16 * grain + 0.12 * blotch);
}
