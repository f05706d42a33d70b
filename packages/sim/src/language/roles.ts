/** What each skill can act on and where it can bring things: decides what an instruction may mean. */
import { GRASPABLE, KINDS, type Kind, RECEPTACLES, type Skill } from "../types.ts";

type Roles = { readonly act: readonly Kind[]; readonly place: readonly Kind[] };

/** Kinds that stay where they are stacked. */
export const STACKABLE: readonly Kind[] = ["block", "can"];

/** `push` also understands a ball, although no training task asks for it: a ball rolls on. */
export const ROLES: Readonly<Record<Skill, Roles>> = {
  pick: { act: GRASPABLE, place: [] },
  put: { act: GRASPABLE, place: RECEPTACLES },
  push: { act: GRASPABLE, place: ["square"] },
  stack: { act: STACKABLE, place: ["block"] },
  "open-drawer": { act: ["drawer"], place: [] },
  "close-drawer": { act: ["drawer"], place: [] },
  point: { act: KINDS, place: [] },
};

/** Everything that something can be put or stacked on. */
export const PLACES: readonly Kind[] = [...ROLES.put.place, ...ROLES.stack.place];

/** Whether a skill brings something somewhere. */
export function hasPlace(skill: Skill): boolean {
  return ROLES[skill].place.length > 0;
}
