/** Splits lists of sentence parts: every fifth is held out from training. */
import type { Split } from "./words.ts";

const EVERY = 5;

/** The parts of a list that a split may use. */
export function partsOf<T>(list: readonly T[], split: Split): readonly T[] {
  if (split === "any") return list;
  const found = list.filter((_, index) => (index % EVERY === EVERY - 1) === (split === "held-out"));
  // Lists of fewer than five have nothing to hold out.
  return found.length > 0 ? found : list;
}
