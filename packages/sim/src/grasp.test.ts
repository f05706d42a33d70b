import { Chain } from "@bidden/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createScene } from "./scene/create-scene.ts";
import { ActionDriver } from "./skills/drive.ts";
import { createWorld, type World } from "./world.ts";

/** The hand can hold every thing that it should be able to hold, in motion, through servo and gate. */

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

class Hand {
  readonly #driver = new ActionDriver(world);
  #at: number[] = [0.45, 0, 0.25];
  gripper = 1;

  /** Straight to a place, smoothly, at most 3 cm a step. */
  move(to: readonly number[]): void {
    const way = to.map((value, i) => value - (this.#at[i] ?? 0));
    const steps = Math.ceil((1.5 * Math.hypot(...way)) / 0.03);
    const eased = (i: number): number => (i / steps) ** 2 * (3 - (2 * i) / steps);
    for (let i = 0; i < steps; i++) {
      const delta = way.map((value) => value * (eased(i + 1) - eased(i)));
      this.#driver.execute(Float32Array.of(...delta, 0, 0, 0, this.gripper));
    }
    this.#at = [...to];
  }

  wait(ms: number): void {
    for (let i = 0; i < ms / 100; i++) this.#driver.execute(Float32Array.of(0, 0, 0, 0, 0, 0, this.gripper));
  }

  grip(value: number): void {
    this.gripper = value;
    this.wait(500);
  }
}

/** From the tool to the first thing, metres. */
function offset(): number[] {
  const chain = new Chain(world.robot.embodiment);
  chain.forward(world.robot.read().jointRad);
  return (world.objects()[0]?.position ?? [0, 0, 0]).map((value, i) => value - (chain.toolPos[i] ?? 0));
}

describe("a grasp", () => {
  for (const kind of ["block", "ball", "can"] as const) {
    for (const size of ["small", "large"] as const) {
      it(`of a ${size} ${kind} holds at 0.3 m/s for seconds without slipping`, () => {
        world.reset(createScene(20, { require: [{ kind, size }], drawer: false, objectCount: 3 }));
        const id = world.scene.objects[0]?.id ?? "";
        const [x, y, z] = world.scene.objects[0]?.start ?? [0, 0, 0];
        const hand = new Hand();
        hand.move([x, y, 0.12]);
        hand.move([x, y, z]);
        hand.wait(200);
        hand.grip(0);
        hand.move([x, y, 0.2]);
        hand.wait(300);
        expect(world.held()).toBe(id);
        const before = offset();
        hand.move([0.5, -0.25, 0.2]);
        hand.move([0.5, 0.25, 0.2]);
        hand.move([0.55, 0, 0.2]);
        hand.wait(300);
        expect(world.held()).toBe(id);
        offset().forEach((value, i) => expect(Math.abs(value - (before[i] ?? 0))).toBeLessThan(0.004));
        hand.grip(1);
        expect(world.held()).toBe(null);
      });
    }
  }

  it("of the drawer's handle pulls it open and pushes it shut, and it stays where it was left", () => {
    world.reset(createScene(4, { drawer: true, objectCount: 3 }));
    const index = world.scene.objects.findIndex(({ kind }) => kind === "drawer");
    const [x, y] = world.objects()[index]?.position ?? [0, 0, 0];
    const shut = x - world.drawerM;
    const hand = new Hand();
    hand.move([x, y, 0.15]);
    hand.move([x, y, 0.036]);
    hand.wait(200);
    hand.grip(0);
    hand.move([shut + 0.11, y, 0.036]);
    hand.wait(300);
    expect(world.drawerM).toBeCloseTo(0.11, 2);
    hand.move([shut + 0.005, y, 0.036]);
    hand.wait(300);
    expect(world.drawerM).toBeLessThan(0.01);
    hand.grip(1);
    hand.move([shut + 0.005, y, 0.15]);
    const left = world.drawerM;
    world.step(1000);
    expect(world.drawerM).toBeCloseTo(left, 4);
  });
});

describe("the servos", () => {
  it("follow a smooth set-point within 60 ms and settle without oscillating", () => {
    world.reset(createScene(3, { drawer: false }));
    const driver = new ActionDriver(world);
    const speeds: number[] = [];
    for (let i = 0; i < 10; i++) driver.execute(Float32Array.of(0, 0.025, 0, 0, 0, 0, 1));
    const moving = Float64Array.from(world.robot.read().jointRad);
    for (let i = 0; i < 8; i++) {
      driver.execute(Float32Array.of(0, 0, 0, 0, 0, 0, 1));
      speeds.push(Math.max(...world.robot.read().jointRadS.map(Math.abs)));
    }
    const still = world.robot.read().jointRad;
    // 0.25 m/s at 0.5 m: what joint 1 still had to go, as time.
    expect(Math.abs((still[0] as number) - (moving[0] as number)) / (0.25 / 0.5)).toBeLessThan(0.12);
    expect(speeds.at(-1)).toBeLessThan(0.01);
  });
});
