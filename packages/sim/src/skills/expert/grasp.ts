/**
 * Coming down on a thing and closing the fingers around it. The law looks only at where things are: when the thing slips
 * or a grasp fails, the same law opens, rises and tries again.
 */

import { halfExtentsM, shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { clamp, fadeOut, funnel, smoothstep, steer } from "./motion.ts";

/** Height at which the tool travels over the table with empty fingers, metres. */
const TRAVEL_M = 0.16;
/** Lowest grip, metres: the fingertips reach 1 cm below the tool centre point. */
const LOWEST_M = 0.015;
/** Tall things are gripped this far below their top at most: the palm is 6 cm above the tool. */
const DEEPEST_M = 0.045;
/** Fingers count as wide open from here, metres. */
const WIDEST_M = 0.06;

/** Tool height at which a thing is gripped, metres. */
export function graspHeightM(thing: Thing): number {
  const halfZ = halfExtentsM(thing.object, thing.quaternion)[2];
  return Math.max(LOWEST_M, thing.position[2] + Math.max(0, halfZ - DEEPEST_M));
}

/** One step of going to a thing and gripping it. */
export function grasp(state: FullState, thing: Thing): Float32Array {
  const radius = shapeOf(thing.object).graspRadiusM;
  const [, halfY, halfZ] = halfExtentsM(thing.object, thing.quaternion);
  const [x, y, toolZ] = state.tool;
  const dx = thing.position[0] - x;
  const dy = thing.position[1] - y;
  const distance = Math.hypot(dx, dy);
  const gripZ = graspHeightM(thing);

  const above = fadeOut(distance, 0.006, 0.014);
  const down = fadeOut(toolZ - gripZ, 0.005, 0.013);
  const closing = above * down;

  // Fingers that are not open yet wait above the thing, unless they already stand around it.
  const needed = 2 * clamp(halfY, radius, WIDEST_M / 2) + 0.006;
  const opened = smoothstep(state.gripperWidthM, needed, needed + 0.012);
  const around = above * fadeOut(toolZ - gripZ, 0.008, 0.018);
  const waiting = (1 - opened) * (1 - around);
  const hoverZ = thing.position[2] + halfZ + 0.035;

  // A thing that already stands between open fingers is centred on the spot; rising and coming down again gains nothing.
  const room = state.gripperWidthM / 2 - halfY;
  const caged =
    fadeOut(Math.abs(dy), room - 0.003, room + 0.002) *
    fadeOut(Math.abs(dx), 0.015, 0.025) *
    fadeOut(toolZ - gripZ, 0.015, 0.025);
  const raised = Math.max((1 - caged) * funnel(distance) * (TRAVEL_M - gripZ), waiting * (hoverZ - gripZ));

  return steer(state, { dx, dy, z: gripZ + raised, gripper: 1 - smoothstep(closing, 0.2, 0.7) });
}
