/** Experts by task: the one place from which other rooms take them. */

import type { Task } from "../../types.ts";
import type { World } from "../../world.ts";
import { isDone } from "../judge.ts";
import { senseWorld } from "../sense.ts";
import type { FullState } from "../state.ts";
import { expertAction } from "./law.ts";
import { REST_HEIGHT_M } from "./motion.ts";

/** Remembers nothing: the same world gives the same action. */
export type Expert = {
  readonly task: Task;
  /** float32[7] ee-delta-7 for the next 100 ms. */
  readonly act: (world: World) => Float32Array;
  /** Accomplished, retreated and still. */
  readonly done: (world: World) => boolean;
};

export function createExpert(task: Task): Expert {
  return {
    task,
    act: (world) => expertAction(senseWorld(world), task),
    done: (world) => isFinished(senseWorld(world), task),
  };
}

/** Slower than this the tool counts as still, m/s. */
const STILL_MS = 0.02;
/** From this height on the tool counts as retreated, metres. */
const RETREATED_M = REST_HEIGHT_M - 0.02;

/** Accomplished, and nothing is left to do: retreated (where the skill retreats) and still. */
export function isFinished(state: FullState, task: Task): boolean {
  if (!isDone(state, task) || state.toolSpeedMS > STILL_MS) return false;
  return task.skill === "point" || state.tool[2] >= RETREATED_M;
}
