/** Pick up: grip the thing, lift it straight up, hold it still. */

import type { FullState } from "../state.ts";
import { thingOf } from "../state.ts";
import { grasp } from "./grasp.ts";
import { rest } from "./motion.ts";

export function pick(state: FullState, object: string): Float32Array {
  if (state.held === object) return rest(state, 0);
  return grasp(state, thingOf(state, object));
}
