import { expect, test } from "vitest";
import { pandaLike } from "../testing/panda-like.ts";
import { StopChecker, StopTrajectory } from "./stop-trajectory.ts";

const DT_S = 0.01;

test("all joints slow down together, in a straight line, in the time of the slowest", () => {
  const stop = new StopTrajectory(2);
  stop.plan(Float64Array.of(0.4, -0.1), Float64Array.of(4, 4), DT_S);
  expect(stop.ticksLeft).toBe(10);
  const at = Float64Array.of(0, 0);
  let before = 0.4;
  for (let k = 0; k < 10; k++) {
    stop.step(at, DT_S);
    expect(stop.velocity[0]! / stop.velocity[1]! || -4).toBeCloseTo(-4, 9);
    expect(before - stop.velocity[0]!).toBeLessThanOrEqual(0.04 + 1e-12);
    before = stop.velocity[0]!;
  }
  expect([...stop.velocity]).toEqual([0, 0]);
  expect(at[0]! / at[1]!).toBeCloseTo(-4, 9);
  // sum of v (n - k) / n over the ticks
  expect(at[0]).toBeCloseTo(0.4 * DT_S * 4.5, 12);
  stop.step(at, DT_S);
  expect(at[0]).toBeCloseTo(0.4 * DT_S * 4.5, 12);
});

test("what is left of a stop is the same stop", () => {
  const stop = new StopTrajectory(1);
  stop.plan(Float64Array.of(0.4), Float64Array.of(4), DT_S);
  const at = Float64Array.of(0);
  for (let k = 0; k < 4; k++) stop.step(at, DT_S);
  const again = new StopTrajectory(1);
  again.plan(stop.velocity, Float64Array.of(4), DT_S);
  expect(again.ticksLeft).toBe(stop.ticksLeft);
});

test("names what a stop would break", () => {
  const checker = new StopChecker(pandaLike);
  const stop = new StopTrajectory(7);
  const limits = Float64Array.from(pandaLike.joints, ({ maxRadS2 }) => maxRadS2 * 0.5);
  const check = (from: readonly number[], velocity: readonly number[]): string | null => {
    const v = Float64Array.from(velocity);
    stop.plan(v, limits, DT_S);
    return checker.check(
      Float64Array.from(from),
      Float64Array.from(from, (x, j) => x + v[j]! * DT_S),
      stop,
      DT_S,
    );
  };
  const home = pandaLike.homeRad;
  expect(check(home, [0.3, 0, 0, 0, 0, 0, 0])).toBeNull();
  expect(check(home, [1.3, 0, 0, 0, 0, 0, 0])).toBe("tool-speed");
  const nearLimit = home.map((x, j) => (j === 6 ? 2.85 : x));
  expect(check(nearLimit, [0, 0, 0, 0, 0, 0, 1.5])).toBe("joint-limit");
  const nearEdge = home.map((x, j) => (j === 0 ? 1.21 : x));
  expect(check(nearEdge, [0.6, 0, 0, 0, 0, 0, 0])).toBe("workspace");
});
