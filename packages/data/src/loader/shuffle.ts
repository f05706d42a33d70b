/**
 * The order of one epoch as a function, not as a list: place k of N under a seed. A Feistel network over the next power of four,
 * walked until it falls below N (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002): no memory, any place at once,
 * so a run resumes from three numbers.
 */

import { BiddenError } from "@bidden/runtime";

const ROUNDS = 5;

/** @returns the item at `place`, both in [0, length). Every item comes once. */
export type Order = (place: number) => number;

/** @param length up to 2^48. */
export function shuffledOrder(length: number, seed: number, epoch: number): Order {
  if (!Number.isInteger(length) || length < 0 || length > 2 ** 48) {
    throw new BiddenError("bad-argument", `Expected a number of items from 0 to 2^48, got ${length}.`);
  }
  const bits = Math.max(1, Math.ceil(Math.log2(Math.max(2, length)) / 2));
  const half = 2 ** bits;
  const keys = Array.from({ length: ROUNDS }, (_, i) => mix(mix(seed ^ Math.imul(i + 1, 0x9e3779b9)) ^ mix(epoch + i)));
  return (place) => {
    let value = place;
    do {
      let left = Math.floor(value / half);
      let right = value % half;
      for (const key of keys) [left, right] = [right, (left ^ (mix(right ^ key) & (half - 1))) >>> 0];
      value = left * half + right;
    } while (value >= length);
    return value;
  };
}

/** Finaliser of MurmurHash3. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
