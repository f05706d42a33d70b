import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { panda } from "./arm/panda.ts";
import { createScene } from "./scene/create-scene.ts";
import { ActionDriver } from "./skills/drive.ts";
import type { Kind, Scene, SceneObject, Size } from "./types.ts";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

/** A scene of two things, the first let fall over the second. */
function dropScene(falling: [Kind, Size], under: [Kind, Size], fromM: number): Scene {
  const base = createScene(3, {
    require: [
      { kind: falling[0], size: falling[1] },
      { kind: under[0], size: under[1] },
    ],
    drawer: false,
    objectCount: 3,
  });
  const [first, second] = base.objects as [SceneObject, SceneObject];
  const start = [second.start[0] + 0.008, second.start[1] - 0.004, fromM + first.start[2]] as const;
  return { ...base, objects: [{ ...first, start }, second] };
}

/** Everything that an episode of one second shows: poses bit for bit and pixels. */
function play(scene: Scene): unknown {
  world.reset(scene);
  const driver = new ActionDriver(world);
  for (let i = 0; i < 10; i++) driver.execute(Float32Array.of(0.01, 0.01 * (i % 3), -0.02, 0, 0, 0.02, i < 5 ? 1 : 0));
  return {
    state: [...world.snapshot().state],
    front: [...world.render("front").image.data],
    wrist: [...world.render("wrist").image.data],
  };
}

describe("an episode", () => {
  it("is the same bit for bit whenever its scene is reset, whatever came before", () => {
    const first = play(createScene(7));
    play(createScene(8));
    world.render("wrist", { width: 33, height: 21 });
    expect(play(createScene(7))).toEqual(first);
  });

  it("begins with everything where the scene says and stays there", () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const scene = createScene(seed);
      world.reset(scene);
      expect(world.timeMs).toBe(0);
      expect(world.drawerM).toBe(scene.drawerStartM);
      world.step(1000);
      expect(world.timeMs).toBe(1000);
      world.objects().forEach(({ id, position }, i) => {
        const start = scene.objects[i]?.start ?? [];
        expect(id).toBe(scene.objects[i]?.id);
        expect(Math.hypot(...position.map((value, axis) => value - (start[axis] ?? 0)))).toBeLessThan(0.001);
      });
      expect(world.drawerM).toBeCloseTo(scene.drawerStartM, 4);
    }
  });

  it("goes on from a snapshot exactly as it went on before, in another scene's stead too", () => {
    world.reset(createScene(5));
    world.pushObject(world.scene.objects[0]?.id ?? "", [0.2, 0.1, 0]);
    world.step(50);
    const snapshot = world.snapshot();
    world.step(300);
    const later = [...world.snapshot().state];
    world.restore(snapshot);
    expect([...world.snapshot().state]).toEqual([...snapshot.state]);
    world.step(300);
    expect([...world.snapshot().state]).toEqual(later);
    world.reset(createScene(6));
    world.restore(snapshot);
    world.step(300);
    expect([...world.snapshot().state]).toEqual(later);
  });
});

describe("things", () => {
  const TARGETS: readonly { under: [Kind, Size]; fromM: number; surfaceM: number }[] = [
    { under: ["bowl", "small"], fromM: 0.06, surfaceM: 0.006 },
    { under: ["plate", "small"], fromM: 0.03, surfaceM: 0.008 },
    { under: ["block", "large"], fromM: 0.052, surfaceM: 0.048 },
  ];

  it("come to rest in a bowl, on a plate and on a block and stay there", () => {
    for (const { under, fromM, surfaceM } of TARGETS) {
      for (const kind of under[0] === "block" ? (["block", "can"] as const) : (["block", "ball", "can"] as const)) {
        world.reset(dropScene([kind, "small"], under, fromM));
        world.step(700);
        const before = world.objects()[0]?.position ?? [0, 0, 0];
        world.step(1000);
        const [thing, target] = world.objects();
        const after = thing?.position ?? [0, 0, 0];
        expect(Math.hypot(...after.map((value, i) => value - (before[i] ?? 0))), `${kind} on ${under[0]}`).toBeLessThan(
          0.001,
        );
        expect(after[2], `${kind} on ${under[0]}`).toBeCloseTo(surfaceM + (kind === "can" ? 0.027 : 0.018), 3);
        expect(world.touching(thing?.id ?? "", target?.id ?? ""), `${kind} on ${under[0]}`).toBe(true);
        expect(world.touching(thing?.id ?? "", "table")).toBe(false);
      }
    }
  });

  it("roll and slide a little when pushed and then rest", () => {
    world.reset(createScene(9, { require: [{ kind: "ball" }], drawer: false, objectCount: 3 }));
    const [ball] = world.scene.objects;
    world.pushObject(ball?.id ?? "", [0, 0.2, 0]);
    world.step(600);
    const [, y0] = world.objects()[0]?.position ?? [0, 0, 0];
    expect(y0 - (ball?.start[1] ?? 0)).toBeGreaterThan(0.005);
    world.step(500);
    expect(Math.abs((world.objects()[0]?.position[1] ?? 0) - y0)).toBeLessThan(0.0005);
  });
});

describe("bad input", () => {
  it("is refused with a sentence", () => {
    world.reset(createScene(1));
    expect(() => world.step(7)).toThrow(/multiple of 5 ms, not 7/);
    expect(() => world.step(Number.NaN)).toThrow(/multiple/);
    expect(() => world.render("rear")).toThrow(/no "rear"/);
    expect(() => world.pushObject("green-dragon-1", [0, 0, 0])).toThrow(/green-dragon-1/);
  });

  it("in a model names MuJoCo's own complaint and leaves the world as it was", async () => {
    const broken = { ...panda, mjcf: { ...panda.mjcf, body: '<body><geom type="banana"/></body>' } };
    await expect(createWorld({ arm: broken })).rejects.toMatchObject({
      code: "bad-model-file",
      message: expect.stringContaining("banana") as string,
    });
    const nameless = { ...panda, names: { ...panda.names, hand: "paw" } };
    await expect(createWorld({ arm: nameless })).rejects.toMatchObject({ code: "bad-model-file" });
    const twins = createScene(2);
    const scene = { ...twins, objects: [...twins.objects, ...twins.objects] };
    const before = world.scene;
    expect(() => world.reset(scene)).toThrow(/MuJoCo says/);
    expect(world.scene).toBe(before);
    world.step(10);
  });

  it("in a command is ignored: servos keep their set-points", () => {
    world.reset(createScene(1));
    const before = Float64Array.from(world.robot.read().jointRad);
    const jointRad = Float64Array.from(before).fill(Number.NaN);
    world.robot.send({ jointRad, gripper: 0, seq: 1 } as unknown as Parameters<World["robot"]["send"]>[0]);
    world.step(200);
    world.robot.read().jointRad.forEach((angle, i) => expect(angle).toBeCloseTo(before[i] as number, 3));
  });
});
