/** Point at: closed fingers hover over the thing and stay. */

import { shapeOf } from "../shapes.ts";
import type { FullState } from "../state.ts";
import { thingOf } from "../state.ts";
import { funnel, shut, steer } from "./motion.ts";

/** Height of the tool over the top of the thing, metres. */
export const HOVER_M = 0.09;
const TRAVEL_M = 0.16;

export function point(state: FullState, objectId: string): Float32Array {
  const thing = thingOf(state, objectId);
  const dx = thing.position[0] - state.tool[0];
  const dy = thing.position[1] - state.tool[1];
  const shape = shapeOf(thing.object);
  const hover = thing.position[2] - shape.halfHeightM + shape.topM + HOVER_M;
  const extra = Math.max(0, TRAVEL_M - hover) * funnel(Math.hypot(dx, dy), 0.02, 0.1);
  return steer(state, { dx, dy, z: hover + extra, gripper: shut(state) });
}
