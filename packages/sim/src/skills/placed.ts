/** Where a thing counts as lying in or on another: shared by judge and experts, so that they cannot disagree. */

import { BOWL_HEIGHT_M } from "../scene/shapes.ts";
import { halfExtentsM, shapeOf } from "./shapes.ts";
import type { FullState } from "./state.ts";
import { thingOf } from "./state.ts";

/**
 * Whether `objectId`'s centre is over `targetId` and as low as it would be if it rested there.
 * @param slackM added to the horizontal radius: negative is stricter.
 */
export function isPlaced(state: FullState, objectId: string, targetId: string, slackM = 0): boolean {
  const object = thingOf(state, objectId);
  const target = thingOf(state, targetId);
  const shape = shapeOf(target.object);
  const dx = object.position[0] - target.position[0];
  const dy = object.position[1] - target.position[1];
  const radius = shape.innerRadiusM + slackM;
  const inside =
    target.object.kind === "square" ? isInSquare(dx, dy, target.quaternion, radius) : Math.hypot(dx, dy) <= radius;
  const surface = target.position[2] - shape.halfHeightM + shape.surfaceM;
  const height = object.position[2] - halfExtentsM(object.object, object.quaternion)[2] - surface;
  // In a bowl it may lean on the wall or lie on something else, as long as its lowest point is below the rim.
  const highest = target.object.kind === "bowl" ? BOWL_HEIGHT_M - shape.surfaceM : 0.02;
  return inside && height > -0.012 && height < highest;
}

function isInSquare(dx: number, dy: number, quaternion: readonly number[], half: number): boolean {
  const [w = 1, , , z = 0] = quaternion;
  const yaw = 2 * Math.atan2(z, w);
  const u = Math.cos(yaw) * dx + Math.sin(yaw) * dy;
  const v = -Math.sin(yaw) * dx + Math.cos(yaw) * dy;
  return Math.abs(u) <= half && Math.abs(v) <= half;
}
