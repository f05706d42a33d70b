import type { Rng } from "@bidden/runtime";

/** `count` of the items, each at most once while there are enough. */
export function drawSome<T>(items: readonly T[], count: number, rng: Rng): T[] {
  const left = [...items];
  return Array.from({ length: count }, () => {
    if (left.length === 0) return rng.pick(items);
    return left.splice(rng.below(left.length), 1)[0] as T;
  });
}
