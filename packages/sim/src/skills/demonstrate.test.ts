import { createRng } from "@bidden/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tasksOf } from "../language/tasks.ts";
import { createScene, type SceneOptions } from "../scene/create-scene.ts";
import type { Skill, Task } from "../types.ts";
import { createWorld, type World } from "../world.ts";
import { type DemonstrationOutcome, type DemonstrationStep, demonstrate, labelState } from "./demonstrate.ts";
import { UNDISTURBED } from "./disturb.ts";
import { ActionDriver } from "./drive.ts";
import { createExpert } from "./expert/expert.ts";
import { judge, violations } from "./judge.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const NEEDS: Readonly<Record<Skill, SceneOptions>> = {
  pick: {},
  put: {},
  push: { require: [{ kind: "square" }, { kind: "block" }], drawer: false },
  stack: { require: [{ kind: "block" }, { kind: "can" }], drawer: false },
  "open-drawer": { drawer: true, objectCount: 4 },
  "close-drawer": { drawer: true, objectCount: 4 },
  point: {},
};

/** The first scenes from `seed` on that offer the skill, each with a task of it. */
function* episodes(skill: Skill, seed: number, count: number): Generator<Task> {
  for (let found = 0; found < count; seed++) {
    const scene = createScene(seed, NEEDS[skill]);
    const tasks = tasksOf(scene).filter((task) => task.skill === skill);
    if (tasks.length === 0) continue;
    found++;
    world.reset(scene);
    yield createRng(seed).pick(tasks);
  }
}

function finish(steps: Generator<DemonstrationStep, DemonstrationOutcome>): {
  readonly outcome: DemonstrationOutcome;
  readonly steps: readonly DemonstrationStep[];
} {
  const seen: DemonstrationStep[] = [];
  for (;;) {
    const next = steps.next();
    if (next.done === true) return { outcome: next.value, steps: seen };
    seen.push(next.value);
  }
}

describe("the expert", () => {
  for (const skill of Object.keys(NEEDS) as Skill[]) {
    it(`does ${skill} undisturbed, touching nothing else, and ends still`, () => {
      for (const task of episodes(skill, 1000, 4)) {
        const { outcome, steps } = finish(demonstrate(world, task, createRng(1), { disturbance: UNDISTURBED }));
        expect(outcome.done).toBe(true);
        expect(judge(world, task)).toBe(true);
        const beside = skill === "push" ? [] : violations(world, task);
        expect(beside).toEqual([]);
        for (const { expert, finished } of steps.slice(-8)) {
          expect(finished).toBe(true);
          expect(Math.hypot(...expert.slice(0, 6))).toBeLessThan(0.004);
        }
      }
    });
  }

  for (const skill of ["pick", "put"] as const) {
    it(`recovers from shoves and fumbles in ${skill}`, () => {
      let done = 0;
      for (const task of episodes(skill, 2000, 4)) {
        const disturbance = { ...UNDISTURBED, noiseM: 0.005, correlation: 0.7, shoveRate: 0.04, fumbleRate: 0.03 };
        const { outcome, steps } = finish(demonstrate(world, task, createRng(7), { disturbance }));
        expect(steps.some(({ disturbed }) => disturbed)).toBe(true);
        if (outcome.done) done++;
      }
      expect(done).toBeGreaterThanOrEqual(3);
    });
  }

  it("changes its mind in the middle of carrying: sets the wrong thing down and takes the right one", () => {
    const scene = createScene(5, { require: [{ kind: "block" }, { kind: "can" }], drawer: false, objectCount: 4 });
    const [first, second] = scene.objects;
    world.reset(scene);
    const driver = new ActionDriver(world);
    const wrong = createExpert({ skill: "pick", object: first?.id ?? "" });
    while (!wrong.done(world)) driver.execute(wrong.act(world));
    const right = createExpert({ skill: "pick", object: second?.id ?? "" });
    for (let step = 0; step < 120 && !right.done(world); step++) driver.execute(right.act(world));
    expect(right.done(world)).toBe(true);
    expect(world.touching(first?.id ?? "", "table")).toBe(true);
  });
});

describe("demonstrate", () => {
  it("labels what the expert would do in the state reached, whatever is executed, and repeats to the bit", () => {
    const run = (): readonly DemonstrationStep[] => {
      const [task] = [...episodes("put", 3000, 1)];
      return finish(demonstrate(world, task as Task, createRng(3), { disturbance: { ...UNDISTURBED, noiseM: 0.006 } }))
        .steps;
    };
    const steps = run();
    expect(run().map(({ state, executed }) => [...state, ...executed])).toEqual(
      steps.map(({ state, executed }) => [...state, ...executed]),
    );
    expect(steps.some(({ expert, executed }) => expert.some((value, i) => value !== executed[i]))).toBe(true);
  });

  it("shows what the cameras see with a label for every pixel, and names act and place", () => {
    const [task] = [...episodes("put", 3000, 1)];
    const cameras = { front: { width: 56, height: 40 }, wrist: { width: 32, height: 32 } };
    const first = demonstrate(world, task as Task, createRng(1), { cameras }).next().value as DemonstrationStep;
    expect(first.cameras["front"]?.image.data.length).toBe(56 * 40 * 3);
    const act = world.scene.objects.findIndex(({ id }) => id === first.roles.act);
    expect(first.cameras["front"]?.segmentation?.includes(1 + act)).toBe(true);
    expect(first.actAt).toEqual(world.objects()[act]?.position);
    expect(first.placeAt).not.toBe(null);
    expect(first.state.length).toBe(world.robot.embodiment.stateNames.length);
  });

  it("labels a state without stepping", () => {
    const [task] = [...episodes("pick", 3000, 1)];
    const before = world.timeMs;
    const { expert, done } = labelState(world, task as Task);
    expect(expert.length).toBe(7);
    expect(done).toBe(false);
    expect(world.timeMs).toBe(before);
  });
});
