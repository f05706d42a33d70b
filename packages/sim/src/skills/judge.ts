/**
 * Is the task accomplished now? Predicates over the full state, used by training (labels of `done`), `run` and `eval`.
 * They look only at the state and at where the scene began, so they also judge what a person or a policy did.
 */

import type { SceneObject, Task, Vec3 } from "../types.ts";
import type { World } from "../world.ts";
import { isPlaced } from "./placed.ts";
import { senseWorld } from "./sense.ts";
import { shapeOf } from "./shapes.ts";
import type { FullState, Thing } from "./state.ts";
import { thingOf } from "./state.ts";

/** A lifted thing's centre is this much higher than where it began, metres. */
const LIFTED_M = 0.05;
/** Slower than this counts as resting (things) or still (tool), m/s. */
const RESTING_MS = 0.03;
const STILL_MS = 0.03;
/** A pushed thing's centre is at least this far inside the square's edge, metres. */
const SQUARE_MARGIN_M = 0.005;
const OPEN_M = 0.08;
const CLOSED_M = 0.01;
const POINT_RADIUS_M = 0.04;
const POINT_LOWEST_M = 0.05;
const POINT_HIGHEST_M = 0.14;

/** Whether the task is accomplished in the world now. */
export function judge(world: World, task: Task): boolean {
  return isDone(senseWorld(world), task);
}

/** What has gone wrong in the world beside the task. */
export function violations(world: World, task: Task | null): readonly Violation[] {
  return violationsOf(senseWorld(world), task);
}

/** Whether the task is accomplished in this state. */
export function isDone(state: FullState, task: Task): boolean {
  switch (task.skill) {
    case "pick": {
      const { position, object } = thingOf(state, task.object);
      return state.held === task.object && position[2] - object.start[2] >= LIFTED_M;
    }
    case "put":
    case "stack":
      return liesOn(state, task.object, task.target);
    case "push":
      return liesIn(state, task.object, task.target);
    case "open-drawer":
      return state.drawerM >= OPEN_M && !state.gripped(task.object);
    case "close-drawer":
      return state.drawerM <= CLOSED_M && !state.gripped(task.object);
    case "point":
      return pointsAt(state, thingOf(state, task.object));
    default:
      return task satisfies never;
  }
}

/** Released and at rest on or in the target. */
function liesOn(state: FullState, objectId: string, targetId: string): boolean {
  const object = thingOf(state, objectId);
  return isPlaced(state, objectId, targetId) && isLetGo(state, objectId) && object.speedMS < RESTING_MS;
}

/** Released and at rest on the table, centre inside the square. */
function liesIn(state: FullState, objectId: string, targetId: string): boolean {
  const object = thingOf(state, objectId);
  return (
    isPlaced(state, objectId, targetId, -SQUARE_MARGIN_M) && isLetGo(state, objectId) && object.speedMS < RESTING_MS
  );
}

function isLetGo(state: FullState, objectId: string): boolean {
  return state.held !== objectId && !state.gripped(objectId);
}

function pointsAt(state: FullState, thing: Thing): boolean {
  const shape = shapeOf(thing.object);
  const horizontal = Math.hypot(thing.position[0] - state.tool[0], thing.position[1] - state.tool[1]);
  const over = state.tool[2] - (thing.position[2] - shape.halfHeightM + shape.topM);
  return (
    horizontal <= POINT_RADIUS_M && over >= POINT_LOWEST_M && over <= POINT_HIGHEST_M && state.toolSpeedMS < STILL_MS
  );
}

export type Violation = { readonly object: string; readonly what: "off-table" | "moved" };

/** Half of the table's usable area and a little more; outside of it a thing is lost, metres. */
const TABLE_MIN: readonly [number, number] = [0.2, -0.45];
const TABLE_MAX: readonly [number, number] = [0.85, 0.45];
/** Things that the task is not about may shift by this much before it counts, metres. */
const BYSTANDER_M = 0.03;

/** What went wrong beside the task: things off the table, bystanders displaced. */
export function violationsOf(state: FullState, task: Task | null): readonly Violation[] {
  const named = task === null ? [] : "target" in task ? [task.object, task.target] : [task.object];
  const found: Violation[] = [];
  state.scene.objects.forEach((object, i) => {
    const position = state.objects[i]?.position;
    if (position === undefined || object.kind === "square") return;
    if (isOffTable(position)) found.push({ object: object.id, what: "off-table" });
    else if (isDisplaced(object, position) && !named.includes(object.id)) {
      found.push({ object: object.id, what: "moved" });
    }
  });
  return found;
}

function isOffTable([x, y, z]: Vec3): boolean {
  return z < -0.02 || x < TABLE_MIN[0] || x > TABLE_MAX[0] || y < TABLE_MIN[1] || y > TABLE_MAX[1];
}

function isDisplaced(object: SceneObject, position: Vec3): boolean {
  if (object.kind === "drawer") return false;
  return Math.hypot(position[0] - object.start[0], position[1] - object.start[1]) > BYSTANDER_M;
}
