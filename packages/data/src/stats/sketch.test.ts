import { createRng } from "@bidden/runtime";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuantileSketch, statsFromSketches } from "./sketch.ts";
import { ExactValues } from "./exact.ts";
import { NumberStats } from "./stats.ts";

const QS = [0.01, 0.1, 0.5, 0.9, 0.99];

/** Share of values below one, and at or below it. */
function rankRange(sorted: Float64Array, value: number): [number, number] {
  const below = sorted.filter((own) => own < value).length;
  const upTo = sorted.filter((own) => own <= value).length;
  return [below / sorted.length, upTo / sorted.length];
}

describe("quantile sketch", () => {
  it("is exact as long as everything fits", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 300 }),
        (values) => {
          const sketch = new QuantileSketch();
          for (const value of values) sketch.add(value);
          const exact = new ExactValues();
          exact.add(Float64Array.from(values));
          expect(sketch.rankError).toBe(0);
          for (const q of [0, ...QS, 1]) expect(sketch.quantile(q)).toBeCloseTo(exact.quantiles([q])[0] as number, 9);
          expect(sketch.moments().std).toBeCloseTo(exact.moments().std, 4);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("keeps within its stated error, whole or merged from shards in any form", () => {
    const rng = createRng(4);
    const values = Float64Array.from({ length: 60_000 }, (_, i) =>
      i % 3 === 0 ? rng.normal() : 5 * rng.uniform() ** 3,
    );
    const whole = new QuantileSketch();
    for (const value of values) whole.add(value);
    const merged = new QuantileSketch();
    for (let shard = 0; shard < 7; shard++) {
      const part = new QuantileSketch();
      for (let i = shard; i < values.length; i += 7) part.add(values[i] as number);
      merged.merge(
        shard % 2 === 0 ? part : (JSON.parse(JSON.stringify(part.state())) as ReturnType<typeof part.state>),
      );
    }
    const sorted = values.slice().sort();
    for (const sketch of [whole, merged]) {
      expect(sketch.count).toBe(values.length);
      expect(sketch.rankError).toBeGreaterThan(0);
      expect(sketch.rankError).toBeLessThan(0.001);
      for (const q of QS) {
        const [low, high] = rankRange(sorted, sketch.quantile(q));
        expect(low - sketch.rankError - 1e-4).toBeLessThanOrEqual(q);
        expect(high + sketch.rankError + 1e-4).toBeGreaterThanOrEqual(q);
      }
      expect(sketch.quantile(0)).toBe(sorted[0]);
      expect(sketch.quantile(1)).toBe(sorted.at(-1));
    }
    const exact = new NumberStats(1);
    exact.add(values, values.length);
    const { mean, std, count } = statsFromSketches([merged], values.length);
    expect(mean[0]).toBeCloseTo(exact.summary().mean[0] as number, 9);
    expect(std[0]).toBeCloseTo(exact.summary().std[0] as number, 9);
    expect(count).toBe(values.length);
    expect(() => whole.add(Number.NaN)).toThrow(/finite/);
  });
});
