/**
 * On-policy correction (DAgger; Ross, Gordon & Bagnell 2011): the policy drives, the expert says at every step what it would
 * do in the state that the policy got itself into. What the policy does wrong is what it then learns about.
 */
import type { ShardWriter } from "@bidden/data/node";
import { type DeedVerdict, rollout } from "@bidden/eval";
import type { TabletopConfig } from "@bidden/models";
import { createRng, type Policy } from "@bidden/runtime";
import { createScene, labelState, type Skill, sayTask, type Task, tasksOf, type World } from "@bidden/sim";
import { movingMeta } from "./collect.ts";
import { FrameBuffer } from "./frame-buffer.ts";

export type CorrectionOptions = {
  readonly world: World;
  readonly policy: Policy;
  readonly config: TabletopConfig;
  readonly seed: number;
  readonly writer: ShardWriter;
  readonly maxSeconds?: number;
  readonly head?: string;
};

export type CorrectionOutcome = {
  readonly frames: number;
  readonly skill: Skill;
  readonly verdict: DeedVerdict;
  readonly judgedDone: boolean;
};

/** How much each skill is wanted where the scene allows it: the harder it is to imitate and the rarer it is possible, the more. */
const CORRECTION_WEIGHTS: Readonly<Record<Skill, number>> = {
  push: 1,
  put: 0.9,
  pick: 0.6,
  stack: 0.6,
  "open-drawer": 1.5,
  "close-drawer": 1.5,
  point: 0.15,
};

/** A task that the scene of the seed allows, its skill drawn by weight. */
function drawTask(seed: number): Task {
  const rng = createRng(seed).fork("correction");
  const tasks = tasksOf(createScene(seed));
  const skills = [...new Set(tasks.map(({ skill }) => skill))];
  let left = rng.uniform() * skills.reduce((sum, skill) => sum + CORRECTION_WEIGHTS[skill], 0);
  const drawn = skills.find((skill) => (left -= CORRECTION_WEIGHTS[skill]) < 0) ?? "point";
  return rng.pick(tasks.filter(({ skill }) => skill === drawn));
}

/** A policy that goes on after it has finished is watched this long: what it should do is nothing. */
const STILL_STEPS = 8;

export async function collectCorrection(options: CorrectionOptions): Promise<CorrectionOutcome> {
  const { world, policy, config, seed, writer, maxSeconds = 12, head } = options;
  const rng = createRng(seed).fork("correction");
  const scene = createScene(seed);
  const task = drawTask(seed);
  const frames = new FrameBuffer(config);
  let finishedSteps = 0;
  const { result } = await rollout({
    world,
    policy,
    seed,
    instruction: sayTask(scene, task, rng, { split: "train" }).text,
    task,
    maxSeconds,
    segmentation: true,
    ...(head === undefined ? {} : { head }),
    onStep: ({ observation }) => {
      const { expert, done, finished, objects } = labelState(world, task);
      const { cameras } = observation;
      frames.add({ cameras, objects, state: observation.state, action: expert, done, finished, disturbed: false });
      finishedSteps = finished ? finishedSteps + 1 : 0;
      return finishedSteps < STILL_STEPS ? undefined : "end";
    },
  });
  const { length } = frames;
  if (length > 0) frames.flush(writer, movingMeta("correction", seed, scene, task));
  return { frames: length, skill: task.skill, verdict: result.verdict, judgedDone: result.judgedDone === true };
}
