/** One sentence in a simulated world on a virtual clock, with progress, recording and Ctrl-C. */
import { DEFAULT_MAX_SECONDS, rollout, type RunResult, TABLETOP_CAMERAS } from "@bidden/eval";
import { openRunRecording, type RunRecording } from "@bidden/eval/node";
import type { Policy } from "@bidden/runtime";
import { createScene, createWorld, parseInstruction, type Task, type World } from "@bidden/sim";
import { checkHead, loadPolicyByName } from "../policy/load-by-name.ts";
import { StatusLine } from "./status-line.ts";

export type HeadlessOptions = {
  /** Already cleaned. */
  readonly instruction: string;
  readonly seed: number;
  /** As `--policy` takes it. */
  readonly policy: string;
  /** File that says how a published checkpoint fits the robot. */
  readonly map?: string;
  readonly head?: string;
  /** Folder of a dataset. */
  readonly record?: string;
  readonly maxSeconds?: number;
  readonly quiet?: boolean;
};

export async function runHeadless(options: HeadlessOptions): Promise<RunResult> {
  const world = await createWorld();
  const policy = await loadPolicyByName(options.policy, world, options.map);
  checkHead(policy, options.head);
  // Opened before anything moves: a deed that cannot be recorded as asked is not done.
  const recording = options.record === undefined ? null : await openRecording(options.record, world, policy);
  try {
    return await attempt(options, world, policy, recording);
  } finally {
    await recording?.close();
    await policy.close();
    world.close();
  }
}

function openRecording(folder: string, world: World, policy: Policy): Promise<RunRecording> {
  const cameras = { ...TABLETOP_CAMERAS, ...policy.info.cameras };
  return openRunRecording(folder, { embodiment: world.robot.embodiment, cameras });
}

async function attempt(
  options: HeadlessOptions,
  world: World,
  policy: Policy,
  recording: RunRecording | null,
): Promise<RunResult> {
  const { instruction, seed, head, maxSeconds = DEFAULT_MAX_SECONDS, quiet = false } = options;
  const line = new StatusLine(quiet);
  const interrupt = listenForInterrupt();
  recording?.begin(instruction, seed, policy.info);
  try {
    const { result } = await rollout({
      world,
      policy,
      seed,
      instruction,
      task: taskOf(instruction, seed),
      maxSeconds,
      ...(head === undefined ? {} : { head }),
      ...(recording === null ? {} : { cameras: TABLETOP_CAMERAS, record: (event) => recording.hear(event) }),
      onStep: (step, progress) => {
        recording?.see(step.observation);
        line.update(
          `${step.loop.phase.padEnd(11)} ${progress.simSeconds.toFixed(1)} of at most ${maxSeconds} s, tool moved ${(progress.toolTravelM * 100).toFixed(0)} cm`,
        );
        return interrupt.came ? "end" : undefined;
      },
    });
    const kept = recording === null ? false : await recording.end();
    return kept && recording !== null ? { ...result, recording: recording.path } : result;
  } finally {
    line.clear();
    interrupt.forget();
  }
}

/** The simulator's own reading of the sentence, for its judge; null where it is outside the grammar. */
function taskOf(instruction: string, seed: number): Task | null {
  const parsed = parseInstruction(instruction, createScene(seed));
  return parsed.kind === "task" ? parsed.task : null;
}

/** The first Ctrl-C ends the deed and still tells how far it came; the second ends the process. */
function listenForInterrupt(): { readonly came: boolean; readonly forget: () => void } {
  const state = { came: false, forget: () => process.removeListener("SIGINT", note) };
  function note(): void {
    if (state.came) process.exit(130);
    state.came = true;
  }
  process.on("SIGINT", note);
  return state;
}
