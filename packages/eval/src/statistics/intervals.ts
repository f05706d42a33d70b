/**
 * Intervals for a success rate: k successes in n independent episodes. A rate without its interval is not a result:
 * 10 of 10 only says "at least 72 %".
 */
import { BiddenError } from "@bidden/runtime";
import { betaQuantile, normalQuantile } from "./special.ts";

/** Both ends inclusive, 0..1. */
export type Interval = readonly [low: number, high: number];

/** A count with its rate and 95 % Wilson interval, as every table and JSON of this package shows it. */
export type Rate = {
  readonly successes: number;
  readonly trials: number;
  readonly rate: number;
  readonly wilson95: Interval;
};

/** Rate 0 with the interval [0, 1] where nothing was tried. */
export function rateOf(successes: number, trials: number): Rate {
  return { successes, trials, rate: trials === 0 ? 0 : successes / trials, wilson95: wilson(successes, trials) };
}

/** Wilson's score interval: good coverage at small n and near 0 and 1. https://doi.org/10.1080/01621459.1927.10502953 */
export function wilson(successes: number, trials: number, alpha = 0.05): Interval {
  checkCounts(successes, trials, alpha);
  if (trials === 0) return [0, 1];
  const z = normalQuantile(1 - alpha / 2);
  const rate = successes / trials;
  const shrink = 1 + (z * z) / trials;
  const centre = (rate + (z * z) / (2 * trials)) / shrink;
  const half = (z * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))) / shrink;
  // At the ends the formula is exactly 0 or 1 but for rounding.
  return [successes === 0 ? 0 : centre - half, successes === trials ? 1 : centre + half];
}

/** Clopper and Pearson's interval: never covers less than 1 - alpha, hence wide. https://doi.org/10.1093/biomet/26.4.404 */
export function clopperPearson(successes: number, trials: number, alpha = 0.05): Interval {
  checkCounts(successes, trials, alpha);
  const failures = trials - successes;
  return [
    successes === 0 ? 0 : betaQuantile(alpha / 2, successes, failures + 1),
    failures === 0 ? 1 : betaQuantile(1 - alpha / 2, successes + 1, failures),
  ];
}

/**
 * Bayesian interval with Jeffreys' prior Beta(1/2, 1/2), with the ends of Brown, Cai and DasGupta: 0 when nothing
 * succeeded, 1 when everything did. https://doi.org/10.1214/ss/1009213286
 */
export function jeffreys(successes: number, trials: number, alpha = 0.05): Interval {
  checkCounts(successes, trials, alpha);
  const failures = trials - successes;
  return [
    successes === 0 ? 0 : betaQuantile(alpha / 2, successes + 0.5, failures + 0.5),
    failures === 0 ? 1 : betaQuantile(1 - alpha / 2, successes + 0.5, failures + 0.5),
  ];
}

function checkCounts(successes: number, trials: number, alpha: number): void {
  const whole = Number.isSafeInteger(successes) && Number.isSafeInteger(trials);
  if (!whole || successes < 0 || successes > trials) {
    throw new BiddenError(
      "bad-argument",
      `Expected whole counts with 0 <= successes <= trials, got ${successes} of ${trials}.`,
    );
  }
  if (!(alpha > 0 && alpha < 1)) {
    throw new BiddenError("bad-argument", `Expected alpha between 0 and 1 (0.05 for a 95 % interval), got ${alpha}.`);
  }
}
