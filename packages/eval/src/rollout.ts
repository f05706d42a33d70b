/**
 * One headless episode: a scene by its seed, a sentence, a policy; what came of it. On a virtual clock, so that the same
 * seed and sentence give the same result on any machine, faster than real time.
 */
import type { LoopEvent, Policy, VirtualStep } from "@bidden/runtime";
import { runVirtual } from "@bidden/runtime";
import { createScene, judge, type Scene, type Task, type Vec3, type World } from "@bidden/sim";
import { INFERENCE_DELAY_MS } from "./delay.ts";
import type { Watched } from "./episode.ts";
import type { Replay } from "./replay.ts";
import { conclude, type ObjectOutcome, type RunResult } from "./result.ts";
import { EpisodeWatcher } from "./watcher.ts";
import { type CameraSizes, WorldPlant } from "./world-plant.ts";

export type RolloutOptions = {
  /** Reset to the scene of `seed` first. */
  readonly world: World;
  readonly policy: Policy;
  readonly seed: number;
  readonly instruction: string;
  /** What the simulator judges by; null where the sentence is outside its grammar. */
  readonly task: Task | null;
  /** Action head, where the policy has several. */
  readonly head?: string;
  /** Simulated time that the policy may take, s. */
  readonly maxSeconds?: number;
  readonly inferDelayMs?: number;
  /** Cameras to draw although the policy does not look (for a recording); larger sizes of its own win. */
  readonly cameras?: CameraSizes;
  /** Views carry which thing each pixel shows: for labelling what a policy sees. */
  readonly segmentation?: boolean;
  readonly record?: (event: LoopEvent) => void;
  /** Seen at every observation, about ten times a simulated second. "end" cancels the instruction. */
  readonly onStep?: (step: VirtualStep, progress: RolloutProgress) => void | "end";
};

export type RolloutProgress = {
  readonly simSeconds: number;
  readonly maxSeconds: number;
  readonly toolTravelM: number;
};

export type Rollout = { readonly result: RunResult; readonly watched: Watched; readonly replay: Replay };

export const DEFAULT_MAX_SECONDS = 30;
/** What goes on after the end, so that the arm rests and things settle before they are judged, ms. */
const SETTLE_MS = 1000;

export async function rollout(options: RolloutOptions): Promise<Rollout> {
  const { world, policy, seed, instruction, task, maxSeconds = DEFAULT_MAX_SECONDS, onStep } = options;
  const began = performance.now();
  const scene = createScene(seed);
  world.reset(scene);
  const watcher = new EpisodeWatcher(world, task);
  const run = await runVirtual({
    plant: new WorldPlant(
      world,
      { ...options.cameras, ...policy.info.cameras },
      { segmentation: options.segmentation ?? false },
    ),
    policy,
    instruction,
    seed,
    runId: `seed-${seed}`,
    inferDelayMs: options.inferDelayMs ?? INFERENCE_DELAY_MS,
    maxMs: maxSeconds * 1000,
    settleMs: SETTLE_MS,
    ...(options.head === undefined ? {} : { head: options.head }),
    ...(options.record === undefined ? {} : { record: options.record }),
    onTick: () => watcher.tick(),
    onStep: (step) => {
      watcher.think(step);
      const progress = { simSeconds: world.timeMs / 1000, maxSeconds, toolTravelM: watcher.toolTravelM };
      return onStep?.(step, progress);
    },
  });
  const { outcome } = run;
  const judgedDone = task === null ? null : judge(world, task);
  const result: RunResult = {
    ...conclude({ outcome, judgedDone, toolTravelM: watcher.toolTravelM }),
    believedDone: outcome.believedDone,
    judgedDone,
    ...remains(world, scene),
    simSeconds: round(run.simMs / 1000, 3),
    wallSeconds: round((performance.now() - began) / 1000, 3),
    seed,
  };
  return { result, watched: watcher.finish(run), replay: watcher.replay() };
}

/** The result of a sentence that could not even be given to the policy. */
export function unread(seed: number, reason: string): RunResult {
  const scene = createScene(seed);
  return {
    verdict: "refused",
    reason,
    believedDone: false,
    judgedDone: null,
    objects: outcomesOf(
      scene,
      scene.objects.map(({ start }) => start),
    ),
    holding: null,
    drawerM: round(scene.drawerStartM, 4),
    simSeconds: 0,
    wallSeconds: 0,
    seed,
  };
}

/** What the table looks like when all is over. */
function remains(world: World, scene: Scene): Pick<RunResult, "objects" | "holding" | "drawerM"> {
  const ends = world.objects().map(({ position }) => position);
  return { objects: outcomesOf(scene, ends), holding: world.held(), drawerM: round(world.drawerM, 4) };
}

/** Positions to a tenth of a millimetre. @param ends in the scene's order */
function outcomesOf(scene: Scene, ends: readonly Vec3[]): ObjectOutcome[] {
  return scene.objects.map(({ id, kind, colour, size, start }, i) => {
    return { id, kind, colour, size, start: rounded(start), end: rounded(ends[i] ?? start) };
  });
}

function rounded([x, y, z]: Vec3): Vec3 {
  return [round(x, 4), round(y, 4), round(z, 4)];
}

/** Adding 0 turns -0 into 0, which JSON would lose. */
function round(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale + 0;
}
