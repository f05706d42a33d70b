import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Task } from "../../types.ts";
import { standing, stateOf } from "../testing.ts";
import { expertAction } from "./law.ts";
import { funnel, MAX_STEP_M, seek } from "./motion.ts";

const things = [
  standing("block", 0.4, 0.1),
  standing("can", 0.5, -0.1),
  standing("plate", 0.6, 0.1),
  standing("square", 0.45, -0.2),
  standing("drawer", 0.48, 0.235),
];

const tasks: readonly Task[] = [
  { skill: "pick", object: "can" },
  { skill: "put", object: "block", target: "plate" },
  { skill: "push", object: "can", target: "square" },
  { skill: "stack", object: "can", target: "block" },
  { skill: "open-drawer", object: "drawer" },
  { skill: "close-drawer", object: "drawer" },
  { skill: "point", object: "plate" },
];

const tool = fc.tuple(
  fc.double({ min: 0.3, max: 0.7, noNaN: true }),
  fc.double({ min: -0.3, max: 0.3, noNaN: true }),
  fc.double({ min: 0.01, max: 0.35, noNaN: true }),
);
const now = fc.record({
  tool,
  toolRotation: fc.tuple(
    fc.double({ min: -0.3, max: 0.3, noNaN: true }),
    fc.double({ min: -0.3, max: 0.3, noNaN: true }),
    fc.double({ min: -0.3, max: 0.3, noNaN: true }),
  ),
  gripperWidthM: fc.double({ min: 0, max: 0.08, noNaN: true }),
  drawerM: fc.double({ min: 0, max: 0.12, noNaN: true }),
  held: fc.constantFrom(null, "block", "can"),
});

describe("every law", () => {
  for (const task of tasks) {
    it(`of ${task.skill} stays inside the action's limits from anywhere`, () => {
      fc.assert(
        fc.property(now, (facts) => {
          const action = expertAction(stateOf(things, facts), task);
          expect(action.every(Number.isFinite)).toBe(true);
          expect(Math.hypot(action[0] ?? 0, action[1] ?? 0, action[2] ?? 0)).toBeLessThanOrEqual(MAX_STEP_M + 1e-6);
          expect(action[6]).toBeGreaterThanOrEqual(0);
          expect(action[6]).toBeLessThanOrEqual(1);
        }),
        { numRuns: 200 },
      );
    });
  }

  it("turns back towards pointing straight down", () => {
    const action = expertAction(stateOf(things, { toolRotation: [0.1, -0.1, 0.05] }), { skill: "pick", object: "can" });
    expect(action[3]).toBeLessThan(0);
    expect(action[4]).toBeGreaterThan(0);
    expect(action[5]).toBeLessThan(0);
  });

  it("stands still with what it has picked up", () => {
    const state = stateOf(
      things,
      { held: "can", gripperWidthM: 0.048, tool: [0.5, -0.1, 0.2] },
      { can: [0.5, -0.1, 0.2] },
    );
    const action = expertAction(state, { skill: "pick", object: "can" });
    expect(action.every((value) => value === 0)).toBe(true);
  });

  it("sets down what does not belong into the hand before anything else", () => {
    const held = { held: "block", gripperWidthM: 0.048, tool: [0.4, 0.1, 0.2] as const };
    const action = expertAction(stateOf(things, held, { block: [0.4, 0.1, 0.2] }), { skill: "pick", object: "can" });
    expect(action[2]).toBeLessThan(0);
    expect(action[6]).toBe(0);
  });
});

describe("motion", () => {
  it("is proportional near the goal, saturates far from it, and is odd", () => {
    expect(seek(0.01)).toBeCloseTo(0.0036, 3);
    expect(seek(1)).toBeCloseTo(MAX_STEP_M, 6);
    expect(seek(-0.03)).toBeCloseTo(-seek(0.03), 12);
    expect(seek(0.0003)).toBe(0);
  });
  it("descends ever lower in the funnel", () => {
    const heights = [0, 0.01, 0.02, 0.04, 0.06, 0.1].map((distance) => funnel(distance));
    expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    expect(heights[0]).toBe(0);
    expect(heights.at(-1)).toBe(1);
  });
});
