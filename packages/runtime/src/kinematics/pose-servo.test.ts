import { describe, expect, test } from "vitest";
import { createRng, type Rng } from "../contract/rng.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { Chain } from "./chain.ts";
import { quatConjugate, quatMultiply, rotationVectorFromQuat } from "./rotation.ts";
import { createPoseServo, type PoseServo } from "./pose-servo.ts";

const TICK_MS = 10;
const { workspaceMin, workspaceMax } = pandaLike.envelope;

/** Distance of the set-point's tool from the commanded pose: m and rad. */
function error(servo: PoseServo): { metres: number; radians: number } {
  servo.chain.forward(servo.jointRad);
  const { toolPos, toolQuat } = servo.chain;
  const metres = Math.hypot(...[0, 1, 2].map((i) => toolPos[i]! - servo.targetPos[i]!));
  const cos = Math.abs(toolQuat.reduce((sum, w, i) => sum + w * servo.targetQuat[i]!, 0));
  return { metres, radians: 2 * Math.acos(Math.min(1, cos)) };
}

function run(servo: PoseServo, ticks: number): void {
  const out = new Float64Array(7);
  for (let k = 0; k < ticks; k++) {
    servo.tick(TICK_MS, out);
    servo.adopt(out, TICK_MS);
  }
}

/** An arm posture with the tool somewhere over the table, near to straight down. */
function posture(rng: Rng): number[] {
  const chain = new Chain(pandaLike);
  for (;;) {
    const q = pandaLike.homeRad.map((home, j) => {
      const { minRad, maxRad } = pandaLike.joints[j]!;
      return Math.min(maxRad - 0.1, Math.max(minRad + 0.1, home + rng.normal() * 0.35));
    });
    chain.forward(q);
    const inside = [0, 1, 2].every((i) => {
      const at = chain.toolPos[i]!;
      return at > workspaceMin[i]! + 0.02 && at < workspaceMax[i]! - 0.02;
    });
    if (inside) return q;
  }
}

describe("pose servo", () => {
  test("reaches one random pose from another", () => {
    const rng = createRng(3);
    const servo = createPoseServo(pandaLike, { maxLeadM: 1, maxLeadRad: 3 });
    for (let round = 0; round < 30; round++) {
      servo.start(posture(rng));
      servo.chain.forward(posture(rng));
      const goal = Float64Array.from(servo.chain.toolPos);
      const turn = new Float64Array(4);
      quatConjugate(servo.targetQuat, turn);
      quatMultiply(servo.chain.toolQuat, turn, turn);
      const vector = new Float64Array(3);
      rotationVectorFromQuat(turn, vector);
      servo.applyDelta([...goal.map((x, i) => x - servo.targetPos[i]!), ...vector, 1]);
      run(servo, 400);
      const { metres, radians } = error(servo);
      expect(metres).toBeLessThan(1e-3);
      expect(radians).toBeLessThan(5e-3);
      for (let i = 0; i < 3; i++) expect(servo.targetPos[i]).toBeCloseTo(goal[i]!, 9);
    }
  });

  test("follows a steady movement without lag", () => {
    const servo = createPoseServo(pandaLike);
    const lags: number[] = [];
    for (let k = 0; k < 100; k++) {
      servo.applyDelta([0, 0.002, 0, 0, 0, 0, 1], 1);
      run(servo, 1);
      lags.push(error(servo).metres);
    }
    expect(Math.max(...lags.slice(40))).toBeLessThan(2e-3);
  });

  test("turns the tool about the base's axes", () => {
    const servo = createPoseServo(pandaLike);
    for (let k = 0; k < 50; k++) {
      servo.applyDelta([0, 0, 0, 0, 0, 0.1, 1], 0.1);
      run(servo, 1);
    }
    run(servo, 200);
    servo.chain.forward(servo.jointRad);
    const home = new Chain(pandaLike);
    home.forward(pandaLike.homeRad);
    const cos = servo.chain.toolQuat.reduce((sum, w, i) => sum + w * home.toolQuat[i]!, 0);
    expect(2 * Math.acos(Math.abs(cos))).toBeCloseTo(0.5, 2);
    expect(error(servo).metres).toBeLessThan(1e-3);
  });

  test("stays inside velocity, acceleration and joint limits whatever it is told", () => {
    const rng = createRng(8);
    const { joints, envelope } = pandaLike;
    const servo = createPoseServo(pandaLike);
    const out = new Float64Array(7);
    const worst = { outside: -1, speed: 0, change: 0 };
    let velocity = new Float64Array(7);
    for (let k = 0; k < 3000; k++) {
      if (k % 40 === 0) servo.applyDelta(Array.from({ length: 7 }, () => rng.normal() * 0.3));
      const before = Float64Array.from(servo.jointRad);
      servo.tick(TICK_MS, out);
      servo.adopt(out, TICK_MS);
      const now = out.map((x, j) => ((x - before[j]!) * 1000) / TICK_MS);
      for (const [j, joint] of joints.entries()) {
        const room = Math.min(out[j]! - joint.minRad, joint.maxRad - out[j]!);
        worst.outside = Math.max(worst.outside, -room);
        worst.speed = Math.max(worst.speed, Math.abs(now[j]!) / (joint.maxRadS * envelope.velocityShare));
        // at a joint limit the set-point ends at once
        const change = room === 0 ? 0 : Math.abs(now[j]! - velocity[j]!) * 100;
        worst.change = Math.max(worst.change, change / (joint.maxRadS2 * envelope.accelerationShare));
      }
      velocity = now;
    }
    expect(worst.outside).toBeLessThanOrEqual(0);
    expect(worst.speed).toBeLessThanOrEqual(1 + 1e-9);
    expect(worst.change).toBeLessThanOrEqual(1 + 1e-9);
    expect(worst.speed).toBeGreaterThan(0.5);
  });

  test("joint speeds stay small at a singularity: the arm stretched out", () => {
    const servo = createPoseServo(pandaLike, { maxLeadM: 0.05 });
    for (let k = 0; k < 600; k++) {
      servo.applyDelta([0.01, 0, 0.01, 0, 0, 0, 1]);
      run(servo, 1);
    }
    const before = Float64Array.from(servo.jointRad);
    servo.applyDelta([0.05, 0.05, 0.05, 0, 0, 0, 1]);
    run(servo, 1);
    for (let j = 0; j < 7; j++) expect(Math.abs(servo.jointRad[j]! - before[j]!) * 100).toBeLessThan(0.5);
  });

  test("the commanded pose stays inside the workspace and near the set-point", () => {
    const servo = createPoseServo(pandaLike);
    servo.applyDelta([3, -3, -3, 0, 0, 0, 1]);
    run(servo, 1);
    expect(error(servo).metres).toBeLessThan(0.07);
    for (let k = 0; k < 300; k++) {
      servo.applyDelta([0.03, -0.03, -0.03, 0, 0, 0, 1], 0.1);
      run(servo, 1);
    }
    for (let i = 0; i < 3; i++) {
      expect(servo.targetPos[i]).toBeGreaterThan(workspaceMin[i]!);
      expect(servo.targetPos[i]).toBeLessThan(workspaceMax[i]!);
    }
  });

  test("on the leash a blocked arm is not pushed ever harder, and one step back is enough to turn round", () => {
    const servo = createPoseServo(pandaLike);
    const stuck = Float64Array.from(servo.chain.toolPos);
    const push = (dx: number) => {
      servo.applyDelta([dx, 0, 0, 0, 0, 0, 1], 0.1);
      servo.leash(stuck);
      run(servo, 1);
    };
    for (let k = 0; k < 200; k++) push(0.02);
    expect(servo.targetPos[0]! - stuck[0]!).toBeCloseTo(0.025, 6);
    expect(servo.chain.toolPos[0]! - stuck[0]!).toBeLessThan(0.03);
    for (let k = 0; k < 15; k++) push(-0.02);
    expect(servo.targetPos[0]! - stuck[0]!).toBeLessThan(0);
  });

  test("the leash does not act on free motion", () => {
    const servo = createPoseServo(pandaLike);
    servo.applyDelta([0.01, -0.01, 0.005, 0, 0, 0, 1]);
    const before = Float64Array.from(servo.targetPos);
    servo.leash(servo.chain.toolPos);
    expect(servo.targetPos).toEqual(before);
  });

  test("the null space drifts back home while the tool stays", () => {
    const servo = createPoseServo(pandaLike);
    const q = [...pandaLike.homeRad];
    q[0] = 0.4;
    q[2] = -0.4;
    servo.start(q);
    const away = (jointRad: ArrayLike<number>) => Math.hypot(...pandaLike.homeRad.map((h, j) => h - jointRad[j]!));
    const before = away(servo.jointRad);
    run(servo, 1500);
    expect(away(servo.jointRad)).toBeLessThan(0.75 * before);
    expect(error(servo).metres).toBeLessThan(1e-3);
  });
});
