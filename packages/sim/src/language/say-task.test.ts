import { createRng, wordsOf } from "@bidden/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScene } from "../scene/create-scene.ts";
import type { Scene, Skill, Task } from "../types.ts";
import { parseInstruction } from "./parse/parse-instruction.ts";
import { type Said, sayTask, templatesOf } from "./say-task.ts";
import { sameTask, tasksOf } from "./tasks.ts";
import { TEMPLATES } from "./templates.ts";
import { randomScene, sceneOf } from "./testing.ts";
import { COLOUR_SAYINGS, heldOutWords, KIND_SAYINGS } from "./words.ts";

const SKILLS: readonly Skill[] = ["pick", "put", "push", "stack", "open-drawer", "close-drawer", "point"];
const seeds = fc.integer({ min: 0, max: 1_000_000 });
const scenes = fc.oneof(
  seeds.map(randomScene),
  seeds.map((seed) => createScene(seed)),
);

/** Many sentences of one split over many scenes. */
function sample(split: "train" | "held-out" | "any", count: number): (Said & { scene: Scene; task: Task })[] {
  return Array.from({ length: count }, (_, seed) => {
    const scene = seed % 2 === 0 ? createScene(seed) : randomScene(seed);
    const rng = createRng(seed);
    const task = rng.pick(tasksOf(scene));
    return { ...sayTask(scene, task, rng, { split }), scene, task };
  });
}

describe("templates", () => {
  test.each(SKILLS)("%s: at least 30, a fifth of them held out, none twice", (skill) => {
    const own = templatesOf(skill, "any");
    const heldOut = templatesOf(skill, "held-out").length;
    expect(own.length).toBeGreaterThanOrEqual(30);
    expect(heldOut / own.length).toBeGreaterThanOrEqual(0.19);
    expect(heldOut / own.length).toBeLessThanOrEqual(0.27);
    expect(new Set(own.map(({ frame }) => frame)).size).toBe(own.length);
    expect(templatesOf(skill, "train").length + heldOut).toBe(own.length);
  });

  test("ids are unique", () => expect(new Set(TEMPLATES.map(({ id }) => id)).size).toBe(TEMPLATES.length));
});

describe("splits", () => {
  test("training never says a held-out template or word", () => {
    const heldOut = new Set(heldOutWords());
    for (const { text, template } of sample("train", 3000)) {
      expect(template).not.toContain("held");
      expect(wordsOf(text).filter((word) => heldOut.has(word))).toEqual([]);
    }
  });

  test("held-out sentences all come from held-out templates, and some have held-out words", () => {
    const said = sample("held-out", 1500);
    expect(said.every(({ template }) => template.includes("/held-"))).toBe(true);
    const heldOut = new Set(heldOutWords());
    const share = said.filter(({ text }) => wordsOf(text).some((word) => heldOut.has(word))).length / said.length;
    expect(share).toBeGreaterThan(0.05);
    expect(share).toBeLessThan(0.4);
  });

  test("no word is both trained on and held out", () => {
    for (const { train, heldOut } of [...Object.values(KIND_SAYINGS), ...Object.values(COLOUR_SAYINGS)]) {
      expect(heldOut.filter((word) => train.includes(word))).toEqual([]);
    }
  });
});

describe("saying and understanding", () => {
  test("what is said is understood as the same task, in every scene, split and seed", () => {
    let [said, unknown] = [0, 0];
    fc.assert(
      fc.property(scenes, seeds, fc.constantFrom("train", "held-out", "any" as const), (scene, seed, split) => {
        const rng = createRng(seed);
        const tasks = tasksOf(scene);
        for (let i = 0; i < 4; i++) {
          const task = rng.pick(tasks);
          const parsed = parseInstruction(sayTask(scene, task, rng, { split, typos: 0.3 }).text, scene);
          said++;
          if (parsed.kind === "unknown") unknown++;
          else if (parsed.kind !== "task" || !sameTask(parsed.task, task)) return false;
        }
        return true;
      }),
      { numRuns: 600 },
    );
    expect(unknown / said).toBeLessThan(0.005);
  });

  test("the same seed says the same", () => {
    const scene = createScene(5);
    const task = tasksOf(scene)[0] as Task;
    expect(sayTask(scene, task, createRng(9))).toEqual(sayTask(scene, task, createRng(9)));
  });

  test("sentences vary", () => {
    const scene = createScene(11);
    const task = tasksOf(scene).find(({ skill }) => skill === "put") as Task;
    const texts = Array.from({ length: 400 }, (_, seed) => sayTask(scene, task, createRng(seed)).text);
    expect(new Set(texts).size).toBeGreaterThan(350);
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(220);
  });

  test("nothing is added without decoration", () => {
    const scene = sceneOf("red ball small 0.5 0", "blue plate large 0.4 0.2");
    const { text } = sayTask(scene, { skill: "pick", object: "red-ball-1" }, createRng(3), {
      decorate: false,
      split: "train",
    });
    expect(text).not.toMatch(/[.!]$|thank/);
  });
});

describe("the tasks of a scene", () => {
  test("follow from the kinds", () => {
    const scene = sceneOf(
      "red block small",
      "green ball small",
      "blue bowl large",
      "white square large",
      "black drawer large",
    );
    const tasks = tasksOf(scene).map(
      (task) => `${task.skill} ${task.object}${"target" in task ? ` ${task.target}` : ""}`,
    );
    expect(tasks.filter((task) => !task.startsWith("point")).sort()).toEqual([
      "open-drawer black-drawer-5",
      "pick green-ball-2",
      "pick red-block-1",
      "push red-block-1 white-square-4",
      "put green-ball-2 blue-bowl-3",
      "put green-ball-2 white-square-4",
      "put red-block-1 blue-bowl-3",
      "put red-block-1 white-square-4",
    ]);
    expect(tasks.filter((task) => task.startsWith("point"))).toHaveLength(5);
  });

  test("an open drawer can be closed and not opened", () => {
    const scene = { ...sceneOf("black drawer large", "red block small"), drawerStartM: 0.1 };
    const skills = tasksOf(scene).map(({ skill }) => skill);
    expect(skills).toContain("close-drawer");
    expect(skills).not.toContain("open-drawer");
  });
});
