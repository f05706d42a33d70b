/**
 * Push: closed fingers come down behind the thing (seen from the square), push it along the line to the square's middle
 * and correct sideways. A tool that stands wrong lifts and comes down again, so that it never drags the thing along.
 */

import { shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { thingOf } from "../state.ts";
import { action, clamp, fadeOut, funnel, rest, seek, seekXY, shut, smoothstep, steer } from "./motion.ts";

/** Half of the closed fingers' footprint, metres. */
const FINGERS_M = 0.011;
/** The tool waits this far behind the thing before it pushes, metres. */
const STANDOFF_M = 0.02;
/** Height of the tool while it pushes: the fingertips reach 1 cm lower, metres. */
const LOW_M = 0.02;
const TRAVEL_M = 0.14;
/** Fastest push, metres in 100 ms. */
const PUSH_STEP_M = 0.016;
/**
 * The thing is where it should be when its centre is nearer to the square's middle than this share of its half side: fingers
 * that push go on to the first, fingers that have left the thing are content with the second. Between the two lies room for
 * eyes that are a little off: whoever imitates this does not waver at one bound between leaving and coming back.
 */
const ARRIVED_SHARE = 0.35;
const LEFT_SHARE = 0.8;

export function push(state: FullState, objectId: string, targetId: string): Float32Array {
  const object = thingOf(state, objectId);
  const target = thingOf(state, targetId);
  const shape = shapeOf(object.object);
  const toGoX = target.position[0] - object.position[0];
  const toGoY = target.position[1] - object.position[1];
  const toGo = Math.hypot(toGoX, toGoY);
  const contact = shape.outerRadiusM + FINGERS_M;
  const bound = engaged(state, object, contact) ? ARRIVED_SHARE : LEFT_SHARE;
  if (toGo < bound * shapeOf(target.object).innerRadiusM) return retreat(state, object.position[0], object.position[1]);

  // Coordinates along the push and across it, from the thing's centre.
  const [ux, uy] = heading(state, object, toGoX / toGo, toGoY / toGo, contact + STANDOFF_M);
  const relX = state.tool[0] - object.position[0];
  const relY = state.tool[1] - object.position[1];
  const along = relX * ux + relY * uy;
  const across = -relX * uy + relY * ux;

  // Fingers that move down while they push would wedge the thing against the table: down first, and back off when pressed.
  const low = fadeOut(state.tool[2] - LOW_M, 0.004, 0.012) * smoothstep(state.tool[2] - LOW_M, -0.009, -0.005);
  const behind = fadeOut(along, -0.6 * contact, -0.4 * contact);
  const inLine = fadeOut(Math.abs(across), 0.4 * shape.graspRadiusM, 0.9 * shape.graspRadiusM);
  const near = smoothstep(along, -contact - 2.5 * STANDOFF_M, -contact - 1.5 * STANDOFF_M);
  const pushing = low * behind * inLine * near;

  // Away from the line: to the place behind the thing, from above.
  const waitX = object.position[0] - ux * (contact + STANDOFF_M);
  const waitY = object.position[1] - uy * (contact + STANDOFF_M);
  const dx = waitX - state.tool[0];
  const dy = waitY - state.tool[1];
  const closed = fadeOut(state.gripperWidthM, 0.012, 0.03);
  const height = Math.max(funnel(Math.hypot(dx, dy), 0.012, 0.06), 0.5 * (1 - closed));
  const approach = steer(state, { dx, dy, z: LOW_M + height * (TRAVEL_M - LOW_M), gripper: shut(state) });
  if (pushing <= 0) return approach;

  const forward = clamp(0.3 * (toGo + 0.012), 0, PUSH_STEP_M);
  const sideways = -seek(across, 0.012);
  const step = [ux * forward - uy * sideways, uy * forward + ux * sideways, seek(LOW_M - state.tool[2])] as const;
  const onwards = action(state, step, 0);
  return approach.map((value, i) => value + pushing * ((onwards[i] ?? 0) - value));
}

/** Fingers lower than this and nearer to the thing than its contact and this much more are at it, metres. */
const AT_IT_HEIGHT_M = 0.045;
const AT_IT_ROOM_M = 0.03;

function engaged(state: FullState, object: Thing, contact: number): boolean {
  const [x, y, z] = state.tool;
  const away = Math.hypot(x - object.position[0], y - object.position[1]);
  return z < AT_IT_HEIGHT_M && away < contact + AT_IT_ROOM_M;
}

/** Directions that are tried, away from the straight one, where something stands behind the thing, rad. */
const DETOURS_RAD = [0, 0.25, -0.25, 0.5, -0.5, 0.75, -0.75, 1, -1] as const;
/** Room that the fingers need beside a bystander's outline, metres. */
const FINGER_ROOM_M = 0.015;

/** Unit direction of the push: straight to the square, or as near to it as there is room for the fingers behind the thing. */
function heading(state: FullState, object: Thing, ux: number, uy: number, behindM: number): readonly [number, number] {
  for (const turn of DETOURS_RAD) {
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const direction = [ux * cos - uy * sin, ux * sin + uy * cos] as const;
    const x = object.position[0] - direction[0] * behindM;
    const y = object.position[1] - direction[1] * behindM;
    const blocked = state.scene.objects.some((other, i) => {
      const at = state.objects[i]?.position;
      if (other.id === object.object.id || other.kind === "square" || other.kind === "drawer" || at === undefined)
        return false;
      return Math.hypot(at[0] - x, at[1] - y) < shapeOf(other).outerRadiusM + FINGER_ROOM_M;
    });
    if (!blocked) return direction;
  }
  return [ux, uy];
}

/** Away from the thing a little, then up. */
function retreat(state: FullState, objectX: number, objectY: number): Float32Array {
  const awayX = state.tool[0] - objectX;
  const awayY = state.tool[1] - objectY;
  const distance = Math.hypot(awayX, awayY);
  const near = fadeOut(state.tool[2], 0.05, 0.09) * fadeOut(distance, 0.05, 0.07);
  if (near <= 0 || distance < 0.005) return rest(state, 0);
  const [sx, sy] = seekXY((awayX / distance) * 0.03 * near, (awayY / distance) * 0.03 * near);
  const up = rest(state, 0, 1 - 0.7 * near);
  return action(state, [sx, sy, up[2] ?? 0], 0);
}
