import { expect, test } from "vitest";
import { VirtualClock } from "../contract/clock.ts";
import { runTicker } from "./ticker.node.ts";

/** Runs ten ticks of 10 ms; `workMs` says how long each tick takes, `sleepMs` how long a sleep really lasts. */
function ticks(workMs: (tick: number) => number, sleepMs: (ms: number) => number): { at: number[]; late: number[] } {
  const clock = new VirtualClock();
  const at: number[] = [];
  const late: number[] = [];
  runTicker({
    periodMs: 10,
    clock,
    sleep: (ms) => clock.advanceMs(sleepMs(ms)),
    onTick: (latenessMs) => {
      at.push(clock.nowMs());
      late.push(latenessMs);
      clock.advanceMs(workMs(at.length));
      return at.length < 10;
    },
  });
  return { at, late };
}

test("lateness does not add up: the schedule is absolute", () => {
  const { at, late } = ticks(
    () => 3,
    (ms) => ms + 2,
  );
  expect(at).toEqual([12, 22, 32, 42, 52, 62, 72, 82, 92, 102]);
  expect(new Set(late)).toEqual(new Set([2]));
});

test("a sleep that ends early is gone on with", () => {
  const { at, late } = ticks(
    () => 1,
    (ms) => Math.min(ms, 4),
  );
  expect(at.slice(0, 3)).toEqual([10, 20, 30]);
  expect(Math.max(...late)).toBe(0);
});

test("ticks that were worked through are left out, not made up for", () => {
  const { at } = ticks(
    (tick) => (tick === 3 ? 25 : 1),
    (ms) => ms,
  );
  expect(at.slice(0, 5)).toEqual([10, 20, 30, 60, 70]);
});
