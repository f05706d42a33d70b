/** Which thing of a task is acted on, and which one is the place. */

import type { Task } from "../types.ts";

export type Roles = { readonly act: string; readonly place: string | null };

export function rolesOf(task: Task): Roles {
  switch (task.skill) {
    case "put":
    case "push":
    case "stack":
      return { act: task.object, place: task.target };
    case "pick":
    case "open-drawer":
    case "close-drawer":
    case "point":
      return { act: task.object, place: null };
    default:
      return task satisfies never;
  }
}
