import { describe, expect, test } from "vitest";
import type { ActionSpace, Observation, Policy } from "./contract/types.ts";
import { Chain } from "./kinematics/chain.ts";
import type { LoopEvent } from "./loop-types.ts";
import { pandaLike } from "./testing/panda-like.ts";
import { ToyPlant } from "./testing/toy-plant.ts";
import { VirtualRun } from "./virtual.ts";

/** One motion, said in each action space: where the tool ends is the same, and every command is the gate's. */
const HORIZON = 8;
const GOAL = pandaLike.homeRad.map((angle, j) => angle + [0.2, 0.15, 0, -0.1, 0, 0.1, 0.3][j]!);
/** Time in which the goal is reached, ms. */
const TAKES_MS = 1500;

type Rows = (atMs: number, observed: Observation) => number[];

function policyOf(space: ActionSpace, row: Rows): Policy {
  const info = {
    name: "test",
    modelDigest: "",
    space,
    horizon: HORIZON,
    cameras: {},
    historyLength: 0,
    heads: ["one"],
  };
  return {
    info: { ...info, stateNames: pandaLike.stateNames },
    infer: (observation, { seed }) => {
      const atMs = Number(observation.captureNs) / 1e6;
      const rows = Array.from({ length: HORIZON }, (_, i) => row(atMs + i * space.stepMs, observation));
      const origin = { source: "test", modelDigest: "", observationId: observation.id, seed, stageMs: {} };
      const belief = { intent: { kind: "obey" }, done: 0, pointing: [] } as const;
      return Promise.resolve({
        values: Float32Array.from(rows.flat()),
        horizon: HORIZON,
        space,
        startNs: observation.captureNs,
        origin,
        belief,
      });
    },
    close: () => Promise.resolve(),
  };
}

/** A smooth way from home to the goal. */
function planned(atMs: number): number[] {
  const t = Math.min(1, Math.max(0, atMs / TAKES_MS));
  const share = t * t * (3 - 2 * t);
  return pandaLike.homeRad.map((angle, j) => angle + share * (GOAL[j]! - angle));
}

function poseAt(jointRad: ArrayLike<number>): number[] {
  const chain = new Chain(pandaLike);
  chain.forward(jointRad);
  return [...chain.toolPos, ...chain.toolQuat];
}

async function drive(space: ActionSpace, row: Rows, ms = 3500) {
  const plant = new ToyPlant(pandaLike);
  const events: LoopEvent[] = [];
  const run = new VirtualRun({
    plant,
    policy: policyOf(space, row),
    inferDelayMs: 30,
    record: (event) => void events.push(event),
  });
  run.loop.instruct({ text: "go", by: "tester" });
  while (plant.timeMs < ms) await run.advance();
  const steps = events.filter((event) => event.type === "step");
  return {
    plant,
    steps,
    status: run.loop.status(),
    tool: poseAt(plant.robot.read().jointRad),
    end: plant.robot.read().jointRad,
  };
}

const goalPose = poseAt(GOAL);
const near = (a: readonly number[], b: readonly number[]): number => Math.hypot(...[0, 1, 2].map((i) => a[i]! - b[i]!));

describe("one motion in every action space", () => {
  test("joint positions", async () => {
    const { end, status, tool } = await drive({ kind: "joint-position", dim: 8, stepMs: 100 }, (at) => [
      ...planned(at),
      0.3,
    ]);
    GOAL.forEach((angle, j) => expect(end[j]).toBeCloseTo(angle, 2));
    expect(near(tool, goalPose)).toBeLessThan(2e-3);
    expect(status.gripper).toBeCloseTo(0.3, 6);
    expect(status.counts.held).toBeLessThan(40);
  });

  test("joint positions of another rate than the robot's", async () => {
    const { end } = await drive({ kind: "joint-position", dim: 8, stepMs: 40 }, (at) => [...planned(at), 1]);
    GOAL.forEach((angle, j) => expect(end[j]).toBeCloseTo(angle, 2));
  });

  test("changes of joints", async () => {
    const { end } = await drive({ kind: "joint-delta", dim: 8, stepMs: 100 }, (at) => [
      ...planned(at + 100).map((angle, j) => angle - planned(at)[j]!),
      1,
    ]);
    // the first thoughts only consider: what they would have moved by is not made up for
    GOAL.forEach((angle, j) => expect(Math.abs(end[j]! - angle)).toBeLessThan(0.05));
    expect(end[0]! - pandaLike.homeRad[0]!).toBeGreaterThan(0.15);
  });

  test("tool poses", async () => {
    const { tool } = await drive({ kind: "ee-pose-8", dim: 8, stepMs: 100 }, (at) => [...poseAt(planned(at)), 1]);
    expect(near(tool, goalPose)).toBeLessThan(3e-3);
    const cos = Math.abs([3, 4, 5, 6].reduce((sum, i) => sum + tool[i]! * goalPose[i]!, 0));
    expect(2 * Math.acos(Math.min(1, cos))).toBeLessThan(0.02);
  });

  test.each(["joint-position", "ee-pose-8"] as const)(
    "%s: a goal that jumps is gone to, not jumped to",
    async (kind) => {
      const goal = kind === "joint-position" ? GOAL : goalPose;
      const { plant, tool } = await drive({ kind, dim: 8, stepMs: 100 }, () => [...goal, 1], 6000);
      expect(near(tool, goalPose)).toBeLessThan(5e-3);
      const { sent } = plant;
      for (let k = 1; k < sent.length; k++) {
        const travel = near(poseAt(sent[k]!.jointRad), poseAt(sent[k - 1]!.jointRad));
        expect(travel / 0.01).toBeLessThanOrEqual(pandaLike.envelope.maxToolMS + 1e-6);
      }
      // no swinging about the goal: the last second stands still
      const late = sent.filter(({ atMs }) => atMs > 5000).map(({ jointRad }) => near(poseAt(jointRad), goalPose));
      expect(Math.max(...late) - Math.min(...late)).toBeLessThan(2e-3);
    },
  );

  test("a step is recorded as what the tool was told to do, whatever the space", async () => {
    const { steps } = await drive({ kind: "joint-position", dim: 8, stepMs: 100 }, (at) => [...planned(at), 0.3]);
    const moved = [0, 1, 2].map((i) => steps.reduce((sum, { action }) => sum + action[i]!, 0));
    const home = poseAt(pandaLike.homeRad);
    [0, 1, 2].forEach((i) => expect(moved[i]).toBeCloseTo(goalPose[i]! - home[i]!, 2));
    expect(steps.at(-1)!.action[6]).toBeCloseTo(0.3, 6);
  });

  test("the plan that is shown leads to the goal", async () => {
    const { status } = await drive({ kind: "joint-position", dim: 8, stepMs: 100 }, (at) => [...planned(at), 1], 900);
    expect(near(Array.from(status.plan.slice(-3)), poseAt(planned(900 + 100 * HORIZON)))).toBeLessThan(0.1);
  });

  test("a chunk for another robot is a fault that says so", async () => {
    const { status } = await drive(
      { kind: "joint-position", dim: 7, stepMs: 100 },
      (at) => [...planned(at).slice(1), 1],
      900,
    );
    expect(status.outcome).toMatchObject({ verdict: "held", reason: expect.stringContaining("bad-shape") });
  });
});
