/** Which tasks a scene offers, and whether two tasks are the same. */
import { GRASPABLE, type Kind, RECEPTACLES, type Scene, type Task } from "../types.ts";
import { isDescribable } from "./describe.ts";
import { STACKABLE } from "./roles.ts";

/** Kinds that stay where they were pushed to: a ball would roll on. */
const PUSHABLE: readonly Kind[] = ["block", "can"];

/** All tasks that make sense in a scene and can be said unmistakably. Order follows the scene's objects. */
export function tasksOf(scene: Scene): Task[] {
  const objects = scene.objects.filter((object) => isDescribable(scene, object.id));
  const tasks: Task[] = [];
  for (const object of objects) {
    if (GRASPABLE.includes(object.kind)) tasks.push({ skill: "pick", object: object.id });
    tasks.push({ skill: "point", object: object.id });
    if (object.kind === "drawer") {
      // Asking for what already is would teach nothing; between the two bounds both make sense.
      if (scene.drawerStartM < 0.06) tasks.push({ skill: "open-drawer", object: object.id });
      if (scene.drawerStartM > 0.02) tasks.push({ skill: "close-drawer", object: object.id });
    }
    for (const target of objects) {
      if (target.id === object.id) continue;
      const pair = { object: object.id, target: target.id };
      if (GRASPABLE.includes(object.kind) && RECEPTACLES.includes(target.kind)) tasks.push({ skill: "put", ...pair });
      if (PUSHABLE.includes(object.kind) && target.kind === "square") tasks.push({ skill: "push", ...pair });
      if (STACKABLE.includes(object.kind) && target.kind === "block") tasks.push({ skill: "stack", ...pair });
    }
  }
  return tasks;
}

export function sameTask(a: Task, b: Task): boolean {
  return a.skill === b.skill && a.object === b.object && targetOf(a) === targetOf(b);
}

/** Id of the thing something is brought to, or null. */
export function targetOf(task: Task): string | null {
  return "target" in task ? task.target : null;
}
