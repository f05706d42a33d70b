/** Put on, put in and stack: grip the thing, carry it over the target, let it down gently, let go, rise. */

import { isPlaced } from "../placed.ts";
import { halfExtentsM, shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { thingOf } from "../state.ts";
import { grasp } from "./grasp.ts";
import { fadeOut, funnel, openingFor, rest, smoothstep, steer } from "./motion.ts";

/** Lowest point of what is carried, while it travels, metres. */
const CARRY_M = 0.12;

export function place(state: FullState, objectId: string, targetId: string): Float32Array {
  const object = thingOf(state, objectId);
  const target = thingOf(state, targetId);
  if (state.held === objectId) return carry(state, object, target);
  if (isPlaced(state, objectId, targetId)) return letGo(state, object);
  return grasp(state, object);
}

/** The fingers open this much wider than the thing to let it go, metres. */
const RELEASE_M = 0.018;

/** What the fingers span when they hold it, metres: blocks are gripped square, a can may lie. */
function widthM({ object, quaternion }: Thing): number {
  const { graspRadiusM } = shapeOf(object);
  return 2 * (object.kind === "can" ? Math.max(graspRadiusM, halfExtentsM(object, quaternion)[1]) : graspRadiusM);
}

/** How wide the fingers open to let a thing go: little, because the rim of a bowl may be near. 0..1. */
function releaseOpening(object: Thing): number {
  return openingFor(widthM(object) + RELEASE_M);
}

function carry(state: FullState, object: Thing, target: Thing): Float32Array {
  const narrow = target.object.kind === "block" || target.object.kind === "can";
  const [objectId, targetId] = [object.object.id, target.object.id];
  const dx = target.position[0] - object.position[0];
  const dy = target.position[1] - object.position[1];
  const distance = Math.hypot(dx, dy);

  const bottom = object.position[2] - halfExtentsM(object.object, object.quaternion)[2];
  const surface = target.position[2] - shapeOf(target.object).halfHeightM + shapeOf(target.object).surfaceM;
  const gap = narrow ? 0.001 : target.object.kind === "bowl" ? 0.008 : 0.003;
  const lowest = surface + gap + funnel(distance, narrow ? 0.004 : 0.008, 0.07) * (CARRY_M - surface);

  const over = narrow ? fadeOut(distance, 0.005, 0.008) : fadeOut(distance, 0.01, 0.018);
  const down = state.touching(objectId, targetId) ? 1 : fadeOut(bottom - surface, gap + 0.004, gap + 0.011);
  // Once it may go it goes: fingers that opened by half would go on holding it.
  const release = smoothstep(over * down, 0.2, 0.6);
  const lower = state.tool[2] + (lowest - bottom) * (1 - release);
  return steer(state, {
    dx: dx * (1 - release),
    dy: dy * (1 - release),
    z: lower,
    gripper: release * releaseOpening(object),
  });
}

/** Rises once the fingers have left the thing; they open fully on the way up. */
function letGo(state: FullState, object: Thing): Float32Array {
  const width = widthM(object);
  const clear = state.tool[2] - (object.position[2] + halfExtentsM(object.object, object.quaternion)[2]);
  const opening = releaseOpening(object);
  const free = smoothstep(state.gripperWidthM, width + 0.004, width + 0.012);
  const away = smoothstep(clear, 0.0, 0.05);
  return rest(state, opening + (1 - opening) * away, Math.max(free, away));
}
