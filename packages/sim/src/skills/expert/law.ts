/** The expert for any task: one control law a skill family, all memoryless functions of the full state. */

import type { Task } from "../../types.ts";
import { type FullState, grippedIn, thingOf } from "../state.ts";
import { setDown } from "./carry.ts";
import { slideDrawer } from "./drawer.ts";
import { pick } from "./pick.ts";
import { place } from "./place.ts";
import { point } from "./point.ts";
import { push } from "./push.ts";

/** float32[7] ee-delta-7 for the next 100 ms. What is in the hand and does not belong there is set down first. */
export function expertAction(state: FullState, task: Task): Float32Array {
  const gripped = grippedIn(state);
  if (gripped !== null && !mayHold(task, gripped)) return setDown(state, thingOf(state, gripped));
  switch (task.skill) {
    case "pick":
      return pick(state, task.object);
    case "put":
    case "stack":
      return place(state, task.object, task.target);
    case "push":
      return push(state, task.object, task.target);
    case "point":
      return point(state, task.object);
    case "open-drawer":
      return slideDrawer(state, task.object, true);
    case "close-drawer":
      return slideDrawer(state, task.object, false);
    default:
      return task satisfies never;
  }
}

function mayHold(task: Task, id: string): boolean {
  return id === task.object && task.skill !== "point";
}
