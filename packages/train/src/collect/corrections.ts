/**
 * On-policy correction (DAgger; Ross, Gordon & Bagnell 2011): the policy drives, the expert says at every step what it would
 * do in the state that the policy got itself into. What the policy does wrong is what it then learns about.
 */
import type { ShardWriter } from "@bidden/data/node";
import { type DeedVerdict, rollout } from "@bidden/eval";
import type { TabletopConfig } from "@bidden/models";
import { createRng, type Policy } from "@bidden/runtime";
import { createScene, labelState, type Skill, sayTask, type Task, tasksOf, type World } from "@bidden/sim";
import { drawSkill } from "./collect.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { commandQuery, thingsOf, timelessQueries } from "./queries.ts";

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

/** A task of the drawn skill where the scene allows it, any other else. */
function drawTask(seed: number): Task {
  const rng = createRng(seed).fork("correction");
  const skill = drawSkill(rng);
  const tasks = tasksOf(createScene(seed));
  const fitting = tasks.filter((task) => task.skill === skill);
  return rng.pick(fitting.length > 0 ? fitting : tasks);
}

export async function collectCorrection(options: CorrectionOptions): Promise<CorrectionOutcome> {
  const { world, policy, config, seed, writer, maxSeconds = 16, head } = options;
  const rng = createRng(seed).fork("correction");
  const scene = createScene(seed);
  const task = drawTask(seed);
  const frames = new FrameBuffer(config);
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
    },
  });
  const { length } = frames;
  if (length > 0) {
    const commands = Array.from({ length: 4 }, () => commandQuery(scene, task, rng));
    frames.flush(writer, {
      kind: "correction",
      seed,
      skill: task.skill,
      things: thingsOf(scene),
      commands,
      queries: timelessQueries(scene, rng, 1),
    });
  }
  return { frames: length, skill: task.skill, verdict: result.verdict, judgedDone: result.judgedDone === true };
}
