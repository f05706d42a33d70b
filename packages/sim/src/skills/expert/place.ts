/** Put on, put in and stack: grip the thing, bring it over the target, let it go, rise. */

import { isPlaced } from "../placed.ts";
import { shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { thingOf } from "../state.ts";
import { carry, letGo, type Spot } from "./carry.ts";
import { grasp } from "./grasp.ts";

export function place(state: FullState, objectId: string, targetId: string): Float32Array {
  const object = thingOf(state, objectId);
  if (state.held === objectId) return carry(state, object, spotOn(state, object, thingOf(state, targetId)));
  if (isPlaced(state, objectId, targetId)) return letGo(state, object);
  return grasp(state, object);
}

function spotOn(state: FullState, object: Thing, target: Thing): Spot {
  const { kind } = target.object;
  const { halfHeightM, surfaceM } = shapeOf(target.object);
  const narrow = kind === "block" || kind === "can";
  return {
    x: target.position[0],
    y: target.position[1],
    surfaceM: target.position[2] - halfHeightM + surfaceM,
    gapM: narrow ? 0.001 : kind === "bowl" ? 0.008 : 0.003,
    narrow,
    touched: state.touching(object.object.id, target.object.id),
  };
}
