/**
 * Is one policy better than another? Two answers: from independent runs (Newcombe's interval of the difference), and from
 * runs on the same seeds and sentences (McNemar's exact test), which needs far fewer episodes.
 */
import { BiddenError } from "@bidden/runtime";
import { type Interval, type Rate, rateOf, wilson } from "./intervals.ts";
import { fairBinomial } from "./special.ts";

/** Hybrid score interval of rate 1 - rate 2, independent samples: method 10 of Newcombe 1998. https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I */
export function newcombe(k1: number, n1: number, k2: number, n2: number, alpha = 0.05): Interval {
  if (n1 === 0 || n2 === 0) return [-1, 1];
  const [low1, high1] = wilson(k1, n1, alpha);
  const [low2, high2] = wilson(k2, n2, alpha);
  const p1 = k1 / n1;
  const p2 = k2 / n2;
  return [p1 - p2 - Math.hypot(p1 - low1, high2 - p2), p1 - p2 + Math.hypot(high1 - p1, p2 - low2)];
}

export type McNemar = {
  /** Probability of a split at least as uneven, if both were equally good. */
  readonly twoSided: number;
  /** The same, for "the first is better". */
  readonly firstBetter: number;
  /** Two-sided, less conservative: half of the observed outcome's own probability is left out. */
  readonly midP: number;
};

/** McNemar's exact test on the pairs that differ: `onlyFirst` where only the first succeeded, `onlySecond` where only the second did. */
export function mcnemarExact(onlyFirst: number, onlySecond: number): McNemar {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  const tail = fairTail(fewer, n);
  return {
    twoSided: Math.min(1, 2 * tail),
    firstBetter: Math.min(1, fairTail(onlySecond, n)),
    midP: n === 0 ? 1 : Math.min(1, 2 * tail - fairBinomial(fewer, n)),
  };
}

/** P(X <= k) of a binomial with n trials and p = 1/2. */
function fairTail(k: number, n: number): number {
  let sum = 0;
  for (let i = 0; i <= k; i++) sum += fairBinomial(i, n);
  return sum;
}

export type PairedComparison = {
  readonly first: Rate;
  readonly second: Rate;
  readonly bothSucceeded: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly bothFailed: number;
  /** First minus second. */
  readonly difference: number;
  readonly test: McNemar;
};

/** Compares two runs over the same episodes. Keys name the episode (seed and sentence); an episode that only one of them has is an error. */
export function comparePaired(
  first: ReadonlyMap<string, boolean>,
  second: ReadonlyMap<string, boolean>,
): PairedComparison {
  const missing =
    [...first.keys()].find((key) => !second.has(key)) ?? [...second.keys()].find((key) => !first.has(key));
  if (missing !== undefined) {
    throw new BiddenError(
      "bad-argument",
      `A paired comparison needs the same episodes on both sides, but "${missing}" was run on one only; evaluate both with the same seed and episodes.`,
      { episode: missing },
    );
  }
  const counts = { both: 0, onlyFirst: 0, onlySecond: 0, neither: 0 };
  for (const [key, firstDid] of first) {
    const secondDid = second.get(key) === true;
    if (firstDid && secondDid) counts.both++;
    else if (firstDid) counts.onlyFirst++;
    else if (secondDid) counts.onlySecond++;
    else counts.neither++;
  }
  const n = first.size;
  return {
    first: rateOf(counts.both + counts.onlyFirst, n),
    second: rateOf(counts.both + counts.onlySecond, n),
    bothSucceeded: counts.both,
    onlyFirst: counts.onlyFirst,
    onlySecond: counts.onlySecond,
    bothFailed: counts.neither,
    difference: n === 0 ? 0 : (counts.onlyFirst - counts.onlySecond) / n,
    test: mcnemarExact(counts.onlyFirst, counts.onlySecond),
  };
}
