/** Fills a shard with demonstrations or still scenes. Each episode depends on its seed alone, so that work can be shared out. */
import type { ShardWriter } from "@bidden/data/node";
import type { TabletopConfig } from "@bidden/models";
import { createRng, type Rng } from "@bidden/runtime";
import {
  ActionDriver,
  createScene,
  demonstrate,
  type Scene,
  type SceneOptions,
  type Skill,
  senseWorld,
  stateVector,
  steer,
  type Task,
  tasksOf,
  type World,
} from "@bidden/sim";
import type { EpisodeMeta } from "./columns.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { commandQueries, movingQueries, sceneQueries, thingsOf } from "./queries.ts";

/** How often each skill is demonstrated. Drawers are asked for as often as they are hard: of a gripped stem there is little to see. */
const SKILL_SHARES: readonly (readonly [Skill, number])[] = [
  ["pick", 0.18],
  ["put", 0.26],
  ["push", 0.22],
  ["stack", 0.1],
  ["open-drawer", 0.1],
  ["close-drawer", 0.1],
  ["point", 0.04],
];

/** What a scene must contain for a skill to be possible. */
const NEEDS: Readonly<Record<Skill, SceneOptions>> = {
  pick: {},
  put: {},
  push: { require: [{ kind: "square" }, { kind: "block" }] },
  stack: { require: [{ kind: "block" }, { kind: "block" }] },
  "open-drawer": { drawer: true },
  "close-drawer": { drawer: true },
  point: {},
};

export function drawSkill(rng: Rng): Skill {
  let u = rng.uniform();
  for (const [skill, share] of SKILL_SHARES) {
    u -= share;
    if (u < 0) return skill;
  }
  return "pick";
}

/** A scene and a task of one skill in it, by seed. */
export function drawEpisode(seed: number, skill: Skill): { scene: Scene; task: Task } | null {
  const needs = NEEDS[skill];
  const require =
    skill === "push" && seed % 2 === 0 ? [{ kind: "square" as const }, { kind: "can" as const }] : needs.require;
  const scene = createScene(seed, require === undefined ? needs : { ...needs, require });
  const tasks = tasksOf(scene).filter((task) => task.skill === skill);
  return tasks.length === 0 ? null : { scene, task: createRng(seed).fork("task").pick(tasks) };
}

function camerasOf(config: TabletopConfig): Record<string, { width: number; height: number }> {
  return Object.fromEntries(config.cameras.map(({ name, grid }) => [name, { width: grid.width, height: grid.height }]));
}

/** What is said over an episode that does a task. Depends on the seed alone, so that sentences can be made anew. */
export function movingMeta(kind: "demonstration" | "correction", seed: number, scene: Scene, task: Task): EpisodeMeta {
  const rng = createRng(seed).fork("sentences");
  return {
    kind,
    seed,
    skill: task.skill,
    task,
    things: thingsOf(scene),
    commands: commandQueries(scene, task, rng, 5),
    queries: movingQueries(scene, rng),
  };
}

/** Sentences a still: rather more scenes than more to say about each, because encoding sentences takes longer than drawing. */
const STILL_SENTENCES = 6;

/** What is said about a still scene. */
export function stillMeta(seed: number, scene: Scene): EpisodeMeta {
  const queries = sceneQueries(scene, createRng(seed).fork("sentences"), STILL_SENTENCES);
  return { kind: "still", seed, skill: null, things: thingsOf(scene), commands: [], queries };
}

export type CollectOutcome = { readonly frames: number; readonly done: boolean; readonly skill: Skill | null };

/** One demonstration; null where the seed's scene does not allow the skill. */
export function collectDemonstration(
  world: World,
  config: TabletopConfig,
  seed: number,
  writer: ShardWriter,
): CollectOutcome | null {
  const rng = createRng(seed).fork("demonstration");
  const skill = drawSkill(rng);
  const drawn = drawEpisode(seed, skill);
  if (drawn === null) return null;
  const { scene, task } = drawn;
  world.reset(scene);
  const frames = new FrameBuffer(config);
  const steps = demonstrate(world, task, rng, { cameras: camerasOf(config), maxSteps: 130 });
  for (;;) {
    const next = steps.next();
    if (next.done === true) {
      const length = frames.length;
      // A demonstration that fails teaches nothing that should be imitated.
      if (!next.value.done) return { frames: 0, done: false, skill };
      frames.flush(writer, movingMeta("demonstration", seed, scene, task));
      return { frames: length, done: true, skill };
    }
    const { cameras, objects, state, expert, done, finished, disturbed } = next.value;
    frames.add({ cameras, objects, state, action: expert, done, finished, disturbed });
  }
}

/** One still: a scene with the arm anywhere above it, and sentences about it. */
export function collectStill(world: World, config: TabletopConfig, seed: number, writer: ShardWriter): CollectOutcome {
  const rng = createRng(seed).fork("still");
  const scene = createScene(seed);
  world.reset(scene);
  const driver = new ActionDriver(world, "still");
  const goal = [0.33 + 0.34 * rng.uniform(), 0.29 * (2 * rng.uniform() - 1), 0.14 + 0.14 * rng.uniform()] as const;
  const gripper = rng.uniform() < 0.7 ? 1 : rng.uniform();
  const steps = rng.uniform() < 0.3 ? 1 : 4 + rng.below(8);
  for (let step = 0; step < steps; step++) {
    const { tool } = senseWorld(world);
    driver.execute(steer(senseWorld(world), { dx: goal[0] - tool[0], dy: goal[1] - tool[1], z: goal[2], gripper }));
  }
  const frames = new FrameBuffer(config);
  const cameras = Object.fromEntries(
    Object.entries(camerasOf(config)).map(([name, size]) => [name, world.render(name, size, { segmentation: true })]),
  );
  const state = stateVector(world, driver.gripper);
  const none = { action: new Float32Array(config.actionDim), done: false, finished: false, disturbed: false };
  frames.add({ cameras, objects: world.objects(), state, ...none });
  frames.flush(writer, stillMeta(seed, scene));
  return { frames: 1, done: true, skill: null };
}
