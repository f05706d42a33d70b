/**
 * On-policy correction (DAgger; Ross, Gordon & Bagnell 2011): the policy drives, the expert says at every step what it would
 * do in the state that the policy got itself into. What the policy does wrong is what it then learns about.
 */
import type { ShardWriter } from "@bidden/data/node";
import { type DeedVerdict, rollout } from "@bidden/eval";
import type { TabletopConfig } from "@bidden/models";
import { createRng, type Policy } from "@bidden/runtime";
import { createScene, labelState, type Skill, sayTask, type Task, tasksOf, type World } from "@bidden/sim";
import { drawSkill, movingMeta, type SkillShares } from "./collect.ts";
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

/** How often each skill is corrected: oftener the harder it is to imitate. */
const CORRECTION_SHARES: SkillShares = [
  ["push", 0.4],
  ["put", 0.22],
  ["pick", 0.1],
  ["stack", 0.12],
  ["open-drawer", 0.07],
  ["close-drawer", 0.05],
  ["point", 0.04],
];

/** A task of the drawn skill where the scene allows it, any other else. */
function drawTask(seed: number): Task {
  const rng = createRng(seed).fork("correction");
  const skill = drawSkill(rng, CORRECTION_SHARES);
  const tasks = tasksOf(createScene(seed));
  const fitting = tasks.filter((task) => task.skill === skill);
  return rng.pick(fitting.length > 0 ? fitting : tasks);
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
    ...(head === undefined ? {} : { head }),
    onStep: ({ observation }) => {
      const { expert, done, finished, objects } = labelState(world, task);
      const cameras = Object.fromEntries(
        config.cameras.map(({ name, grid }) => [
          name,
          world.render(name, { width: grid.width, height: grid.height }, { segmentation: true }),
        ]),
      );
      frames.add({ cameras, objects, state: observation.state, action: expert, done, finished, disturbed: false });
      finishedSteps = finished ? finishedSteps + 1 : 0;
      return finishedSteps < STILL_STEPS ? undefined : "end";
    },
  });
  const { length } = frames;
  if (length > 0) frames.flush(writer, movingMeta("correction", seed, scene, task));
  return { frames: length, skill: task.skill, verdict: result.verdict, judgedDone: result.judgedDone === true };
}
