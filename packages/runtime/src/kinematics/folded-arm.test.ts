import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createRng } from "../contract/rng.ts";
import type { RobotState } from "../contract/types.ts";
import { Gate } from "../gate/gate.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { Chain } from "./chain.ts";
import { createPoseServo } from "./pose-servo.ts";

const TICK_MS = 10;
const { workspaceMin, workspaceMax } = pandaLike.envelope;

/** Servo and gate as the loop joins them, on an arm that follows its commands exactly. */
class Arm {
  readonly chain = new Chain(pandaLike);
  readonly servo = createPoseServo(pandaLike);
  readonly gate = new Gate(pandaLike);
  readonly hash = createHash("sha256");
  readonly #jointRad = Float64Array.from(pandaLike.homeRad);
  readonly #proposal = new Float64Array(7);
  #nowMs = 0;

  constructor() {
    this.gate.grant({ id: "g", by: "person", instruction: "move", untilMs: null });
    this.chain.forward(this.#jointRad);
  }

  get tool(): number[] {
    return [...this.chain.toolPos];
  }

  get jointRad(): Float64Array {
    return this.#jointRad;
  }

  /** A tenth of an action, one tick. */
  tick(action: readonly number[]): void {
    this.#nowMs += TICK_MS;
    const state: RobotState = {
      stampMs: this.#nowMs,
      jointRad: this.#jointRad,
      jointRadS: new Float64Array(7),
      gripperWidthM: 0.08,
    };
    this.servo.applyDelta(action, 0.1);
    this.servo.leash(this.chain.toolPos);
    this.servo.tick(TICK_MS, this.#proposal);
    const input = { nowMs: this.#nowMs, dtMs: TICK_MS, jointRad: this.#proposal, gripper: 1, captureMs: null, state };
    const command = this.gate.tick(input);
    if (this.gate.verdict.kind === "ok") this.servo.adopt(this.gate.commandedRad, TICK_MS);
    else this.servo.start(this.gate.commandedRad);
    if (command !== null) this.#jointRad.set(command.jointRad);
    this.hash.update(Buffer.from(this.#jointRad.slice().buffer));
    this.chain.forward(this.#jointRad);
  }

  /** Steps of up to 3 cm towards the goal. Answers what is missing, m. */
  go(goal: readonly number[], ticks: number): number {
    for (let k = 0; k < ticks; k++) {
      const delta = goal.map((at, i) => at - this.chain.toolPos[i]!);
      const share = Math.min(1, 0.03 / Math.max(Math.hypot(...delta), 1e-9));
      this.tick([...delta.map((x) => x * share), 0, 0, 0, 1]);
    }
    return Math.hypot(...goal.map((at, i) => at - this.chain.toolPos[i]!));
  }
}

/** What the commanded tool travels in 60 ticks of this action where only the workspace box is in its way, m. */
function wantedTravel(from: readonly number[], action: readonly number[]): number {
  const ends = from.map((at, i) => Math.min(Math.max(at + 6 * action[i]!, workspaceMin[i]!), workspaceMax[i]!));
  return Math.hypot(...ends.map((at, i) => at - from[i]!));
}

describe("an arm that is folded up to a joint's limit", () => {
  test("moves on in every direction that is left", () => {
    const rng = createRng(2);
    const stuck: string[] = [];
    let atLimit = 0;
    for (let round = 0; round < 25; round++) {
      const arm = new Arm();
      arm.go([0.21 + 0.03 * rng.uniform(), 0.6 * rng.uniform() - 0.3, 0.02 + 0.15 * rng.uniform()], 250);
      for (let leg = 0; leg < 12; leg++) {
        const direction = [rng.normal(), rng.normal(), rng.normal()];
        const length = Math.hypot(...direction);
        const action = direction.map((x) => (0.03 * x) / length);
        if (rng.uniform() < 0.5) action[0] = -Math.abs(action[0]!);
        const turn = [0.1, 0.1, 0.2].map((width) => (rng.uniform() - 0.5) * width);
        const before = arm.tool;
        if (arm.jointRad[3]! < pandaLike.joints[3]!.minRad + 0.01) atLimit += 1;
        for (let k = 0; k < 60; k++) arm.tick([...action, ...turn, 1]);
        const moved = Math.hypot(...arm.tool.map((at, i) => at - before[i]!));
        if (wantedTravel(before, action) > 0.03 && moved < 0.003)
          stuck.push(`${before.join()} by ${action.join()}: ${moved}`);
      }
    }
    expect(stuck).toEqual([]);
    expect(atLimit).toBeGreaterThan(10);
  });

  test("comes back out to where it was sent", () => {
    const arm = new Arm();
    arm.go([0.21, 0, 0.05], 300);
    expect(arm.go([0.45, 0.1, 0.25], 300)).toBeLessThan(1e-3);
  });
});

test("over the table nothing is near a limit, and commands are to the bit what demonstrations were made with", () => {
  const arm = new Arm();
  const rng = createRng(11);
  for (let leg = 0; leg < 12; leg++) {
    const goal = [0.35 + 0.3 * rng.uniform(), 0.6 * rng.uniform() - 0.3, 0.02 + 0.3 * rng.uniform()];
    for (let k = 0; k < 5; k++) arm.tick([0, 0, 0, 0, 0, 0.2 * rng.normal(), 1]);
    arm.go(goal, 80);
  }
  expect(arm.hash.digest("hex")).toBe("8baad706aaf6ec7d5181c69f1737e8d4552ac6cad05f2f5e6615be7c5b4e6565");
});
