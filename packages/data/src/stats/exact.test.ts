import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { NumberArray } from "../dataset/types.ts";
import { ExactValues } from "./exact.ts";

const BATCH: fc.Arbitrary<NumberArray> = fc.oneof(
  fc.array(fc.double({ noNaN: false }), { maxLength: 200 }).map((list) => Float64Array.from(list)),
  fc.array(fc.float(), { maxLength: 200 }).map((list) => Float32Array.from(list)),
  fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 200 }).map((list) => Int8Array.from(list)),
  fc.array(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }), { maxLength: 20 }).map((list) => BigInt64Array.from(list)),
);

/** By sorting everything; 0 of nothing. */
function expected(values: readonly number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
  return low + (high - low) * (place - Math.floor(place));
}

it("gives the quantiles that sorting gives, whatever types are mixed", () => {
  fc.assert(
    fc.property(fc.array(BATCH, { maxLength: 6 }), fc.double({ min: 0, max: 1, noNaN: true }), (batches, q) => {
      const kept = new ExactValues();
      const all = batches.flatMap((batch) => Array.from(batch as ArrayLike<number | bigint>, Number));
      const skipped = batches.reduce((sum, batch) => sum + kept.add(batch), 0);
      const finite = all.filter(Number.isFinite);
      expect([kept.length, skipped]).toEqual([finite.length, all.length - finite.length]);
      expect(kept.quantiles([0, q, 1])).toEqual([0, q, 1].map((own) => expected(finite, own)));
    }),
  );
});

it("takes one column of a table, over many blocks of both widths", () => {
  const rows = 50_000;
  const table = Float32Array.from({ length: rows * 3 }, (_, i) => Math.sin(i) * (i % 3) ** 4);
  const kept = new ExactValues();
  for (let from = 0; from < rows; from += 700) {
    const rowsOf = table.subarray(from * 3, (from + 700) * 3);
    kept.add(from % 1400 === 0 ? rowsOf : Float64Array.from(rowsOf), 2, 3);
  }
  const column = Array.from({ length: rows }, (_, i) => table[i * 3 + 2] as number);
  const mean = column.reduce((sum, value) => sum + value, 0) / rows;
  expect(kept.quantiles([0.01, 0.5, 0.99])).toEqual([0.01, 0.5, 0.99].map((q) => expected(column, q)));
  expect(kept.moments().mean).toBeCloseTo(mean, 12);
  expect(kept.moments().std).toBeCloseTo(Math.sqrt(column.reduce((s, v) => s + (v - mean) ** 2, 0) / rows), 10);
});
