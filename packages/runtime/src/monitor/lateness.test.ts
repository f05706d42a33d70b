import { expect, test } from "vitest";
import { createRng } from "../contract/rng.ts";
import { Lateness } from "./lateness.ts";

test("quantiles are at most one bin above the true ones", () => {
  const rng = createRng(4);
  const values = Array.from({ length: 5000 }, () => Math.exp(2 * rng.normal()) / 10);
  const lateness = new Lateness(10);
  for (const value of values) lateness.add(value);
  const sorted = [...values].sort((a, b) => a - b);
  const { p50Ms, p99Ms, p999Ms, maxMs, count, missed } = lateness.summary();
  for (const [estimate, share] of [
    [p50Ms, 0.5],
    [p99Ms, 0.99],
    [p999Ms, 0.999],
  ] as const) {
    const truth = sorted[Math.ceil(share * 5000) - 1]!;
    expect(estimate).toBeGreaterThanOrEqual(truth);
    expect(estimate).toBeLessThan(truth * 1.13);
  }
  expect(maxMs).toBe(sorted.at(-1));
  expect(count).toBe(5000);
  expect(missed).toBe(values.filter((value) => value >= 10).length);
});

test("nothing measured is zero, and early counts as punctual", () => {
  const lateness = new Lateness(10);
  expect(lateness.summary()).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0, lastMs: 0, missed: 0 });
  lateness.add(-1);
  expect(lateness.summary().maxMs).toBe(0);
});
