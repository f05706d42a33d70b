import { alarmOf, type Calibration } from "@bidden/models";
import { createRng } from "@bidden/runtime";
import { describe, expect, it } from "vitest";
import { type DoubtSample, fitCalibration } from "./calibrate.ts";

const CALM: Calibration = {
  garbage: 0.02,
  forbidden: 0.02,
  question: 0.02,
  outside: 0.02,
  ambiguous: 0.02,
  missing: 0.02,
  misuse: 0.02,
  nowhere: 0.02,
};

function sample(kind: DoubtSample["kind"], doubts: Partial<Calibration>): DoubtSample {
  return { kind, text: "", doubts: { ...CALM, ...doubts }, actErrorM: null, placeErrorM: null };
}

/** Doubts of each kind around a middle, and of ordinary instructions well below it. */
function samples(middle: number): DoubtSample[] {
  const rng = createRng(4);
  const about = (value: number): number => Math.min(0.99, Math.max(0.01, value + 0.05 * rng.normal()));
  return Array.from({ length: 200 }, () => [
    sample("task", { ambiguous: about(middle - 0.25), missing: about(middle - 0.25) }),
    sample("ambiguous", { ambiguous: about(middle) }),
    sample("impossible", { missing: about(middle) }),
    sample("garbage", { garbage: 0.99 }),
    sample("forbidden", { forbidden: 0.99 }),
  ]).flat();
}

function share(all: readonly DoubtSample[], kind: DoubtSample["kind"], limits: Calibration): number {
  const own = all.filter((one) => one.kind === kind);
  return own.filter(({ doubts }) => alarmOf(doubts, limits) !== null).length / own.length;
}

describe("fitCalibration", () => {
  it.each([0.4, 0.8])("finds the gap between what is clear and what is not, around %f", (middle) => {
    const all = samples(middle);
    const limits = fitCalibration(all);
    expect(share(all, "task", limits)).toBeLessThanOrEqual(0.03);
    for (const kind of ["ambiguous", "impossible", "garbage", "forbidden"] as const) {
      expect(share(all, kind, limits)).toBeGreaterThan(0.9);
    }
  });

  it("would rather miss a doubt than question one in ten ordinary instructions", () => {
    const rng = createRng(5);
    // Doubts that say nothing: the same for every kind.
    const all = Array.from({ length: 300 }, () => [
      sample("task", { ambiguous: rng.uniform() }),
      sample("ambiguous", { ambiguous: rng.uniform() }),
      sample("impossible", { missing: 0.99 }),
      sample("garbage", { garbage: 0.99 }),
      sample("forbidden", { forbidden: 0.99 }),
    ]).flat();
    expect(share(all, "task", fitCalibration(all))).toBeLessThan(0.1);
  });

  it("believes harm at even odds, neither earlier nor later", () => {
    for (const forbidden of [0.3, 0.99]) {
      const all = samples(0.5).map((one) => (one.kind === "task" ? sample("task", { forbidden }) : one));
      expect(fitCalibration(all).forbidden).toBe(0.5);
    }
  });
});
