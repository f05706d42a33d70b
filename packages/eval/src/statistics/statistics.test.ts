import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparePaired, mcnemarExact, newcombe } from "./compare.ts";
import { clopperPearson, type Interval, jeffreys, rateOf, wilson } from "./intervals.ts";
import { normalCdf, normalQuantile } from "./special.ts";

function golden<T>(name: string): T[] {
  const url = new URL(`../../../../testdata/eval/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as { cases: T[] }).cases;
}

/** Largest distance between the ends of two intervals. */
function apart(a: Interval, b: Interval): number {
  return Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1]));
}

type IntervalCase = {
  k: number;
  n: number;
  alpha: number;
  wilson: Interval;
  clopper_pearson: Interval;
  jeffreys: Interval;
};
type NewcombeCase = { k1: number; n1: number; k2: number; n2: number; alpha: number; newcombe: Interval };
type McNemarCase = { b: number; c: number; exact_two_sided: number; mid_p: number; exact_greater_b: number };

describe("against statsmodels and scipy", () => {
  const intervals = golden<IntervalCase>("intervals");

  test("the files hold what their README says", () => {
    expect(intervals).toHaveLength(140);
    expect(golden("newcombe")).toHaveLength(50);
    expect(golden("mcnemar")).toHaveLength(50);
  });

  test.each([
    ["wilson", wilson, (c: IntervalCase) => c.wilson],
    ["clopperPearson", clopperPearson, (c: IntervalCase) => c.clopper_pearson],
    ["jeffreys", jeffreys, (c: IntervalCase) => c.jeffreys],
  ] as const)("%s to 1e-9", (_, compute, expected) => {
    const errors = intervals.map((c) => apart(compute(c.k, c.n, c.alpha), expected(c)));
    expect(Math.max(...errors)).toBeLessThan(1e-9);
  });

  test("newcombe to 1e-9", () => {
    const cases = golden<NewcombeCase>("newcombe");
    const errors = cases.map((c) => apart(newcombe(c.k1, c.n1, c.k2, c.n2, c.alpha), c.newcombe));
    expect(Math.max(...errors)).toBeLessThan(1e-9);
  });

  test("mcnemar to 1e-10", () => {
    const errors = golden<McNemarCase>("mcnemar").flatMap((c) => {
      const ours = mcnemarExact(c.b, c.c);
      return [ours.twoSided - c.exact_two_sided, ours.midP - c.mid_p, ours.firstBetter - c.exact_greater_b].map(
        Math.abs,
      );
    });
    expect(errors).toHaveLength(150);
    expect(Math.max(...errors)).toBeLessThan(1e-10);
  });
});

describe("properties", () => {
  const counts = fc
    .integer({ min: 1, max: 500 })
    .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));

  test("an interval holds its rate, mirrors, and is wider at a smaller alpha", () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(wilson, clopperPearson, jeffreys), ([k, n], interval) => {
        const [low, high] = interval(k, n);
        const mirrored = interval(n - k, n);
        const wide = interval(k, n, 0.01);
        expect(low).toBeLessThanOrEqual(k / n + 1e-12);
        expect(high).toBeGreaterThanOrEqual(k / n - 1e-12);
        expect(apart([low, high], [1 - mirrored[1], 1 - mirrored[0]])).toBeLessThan(1e-9);
        expect(wide[0]).toBeLessThanOrEqual(low + 1e-12);
        expect(wide[1]).toBeGreaterThanOrEqual(high - 1e-12);
      }),
    );
  });

  test("the normal quantile inverts the distribution function", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (p) => {
        expect(Math.abs(normalCdf(normalQuantile(p)) - p)).toBeLessThan(1e-13);
      }),
    );
  });
});

test("nothing tried: a rate of 0 with the interval [0, 1], and impossible counts are refused", () => {
  expect(rateOf(0, 0)).toEqual({ successes: 0, trials: 0, rate: 0, wilson95: [0, 1] });
  expect(() => wilson(3, 2)).toThrow(/0 <= successes <= trials, got 3 of 2/);
  expect(() => wilson(0.5, 2)).toThrow(/whole counts/);
  expect(() => wilson(1, 2, 5)).toThrow(/alpha/);
});

test("a paired comparison counts the pairs that differ, and wants the same episodes on both sides", () => {
  const first = new Map([
    ["a", true],
    ["b", true],
    ["c", false],
    ["d", true],
  ]);
  const second = new Map([
    ["a", true],
    ["b", false],
    ["c", false],
    ["d", false],
  ]);
  const compared = comparePaired(first, second);
  expect(compared).toMatchObject({ bothSucceeded: 1, onlyFirst: 2, onlySecond: 0, bothFailed: 1, difference: 0.5 });
  expect(compared.test.twoSided).toBeCloseTo(0.5, 12);
  expect(() => comparePaired(first, new Map([["a", true]]))).toThrow(/same episodes/);
});
