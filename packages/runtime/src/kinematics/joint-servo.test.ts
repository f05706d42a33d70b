import { describe, expect, test } from "vitest";
import { pandaLike } from "../testing/panda-like.ts";
import { JointServo } from "./joint-servo.ts";

const TICK_MS = 10;
const home = Float64Array.from(pandaLike.homeRad);
const { joints, envelope } = pandaLike;

/** An arm that does what it is told at once. */
class Perfect {
  readonly servo = new JointServo(pandaLike);
  readonly q = Float64Array.from(home);
  readonly speeds: number[][] = [];

  constructor() {
    this.servo.start(home);
  }

  tick(): void {
    const out = new Float64Array(joints.length);
    this.servo.tick(TICK_MS, out);
    this.speeds.push([...out].map((angle, j) => ((angle - this.q[j]!) * 1000) / TICK_MS));
    this.q.set(out);
    this.servo.adopt(out, TICK_MS);
  }
}

describe("joint servo", () => {
  test("goes to a target that is far away and does not pass it, inside speed and acceleration", () => {
    const arm = new Perfect();
    const goal = home.map((angle, j) => angle + (j === 0 ? 0.8 : j === 3 ? -0.3 : 0));
    for (let k = 0; k < 300; k++) {
      arm.servo.follow(goal, arm.q);
      arm.tick();
      expect(arm.q[0]).toBeLessThan(goal[0]! + 1e-3);
    }
    goal.forEach((angle, j) => expect(arm.q[j]).toBeCloseTo(angle, 4));
    let before = joints.map(() => 0);
    for (const speed of arm.speeds) {
      speed.forEach((radS, j) => {
        expect(Math.abs(radS)).toBeLessThanOrEqual(joints[j]!.maxRadS * envelope.velocityShare + 1e-9);
        const change = (Math.abs(radS - before[j]!) * 1000) / TICK_MS;
        expect(change).toBeLessThanOrEqual(joints[j]!.maxRadS2 * envelope.accelerationShare + 1e-6);
      });
      before = speed;
    }
  });

  test("follows a moving target without lag", () => {
    const arm = new Perfect();
    let worst = 0;
    for (let k = 0; k < 400; k++) {
      const wave = 0.2 * (1 - Math.cos(k * 0.03));
      const goal = home.map((angle, j) => angle + (j === 1 ? wave : 0));
      arm.servo.follow(goal, arm.q);
      arm.tick();
      if (k > 5) worst = Math.max(worst, Math.abs(arm.q[1]! - goal[1]!));
    }
    expect(worst).toBeLessThan(2e-3);
  });

  test("changes add up, and stop at a joint's limit", () => {
    const arm = new Perfect();
    const change = joints.map((_, j) => (j === 6 ? 0.05 : 0));
    for (let k = 0; k < 100; k++) {
      arm.servo.applyDelta(change, 0.1, arm.q);
      arm.tick();
    }
    expect(arm.q[6]! - home[6]!).toBeCloseTo(0.5, 2);
    for (let k = 0; k < 3000; k++) {
      arm.servo.applyDelta(change, 0.2, arm.q);
      arm.tick();
    }
    expect(arm.q[6]).toBeLessThanOrEqual(joints[6]!.maxRad);
  });

  test("an arm that is held does not get pushed ever harder", () => {
    const servo = new JointServo(pandaLike);
    servo.start(home);
    const out = new Float64Array(joints.length);
    for (let k = 0; k < 500; k++) {
      servo.follow(
        home.map((angle) => angle + 1),
        home,
      );
      servo.tick(TICK_MS, out);
      servo.adopt(out, TICK_MS);
    }
    out.forEach((angle, j) => expect(Math.abs(angle - home[j]!)).toBeLessThan(0.16));
  });

  test("a number that is none stays visible: the gate refuses it", () => {
    const servo = new JointServo(pandaLike);
    servo.start(home);
    const out = new Float64Array(joints.length);
    servo.follow(
      home.map((angle, j) => (j === 2 ? Number.NaN : angle)),
      home,
    );
    servo.tick(TICK_MS, out);
    expect(out.some(Number.isNaN)).toBe(true);
  });
});
