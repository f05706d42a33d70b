/** From a deed and its noun phrases to a task in a scene, or to what stands in its way. */
import type { Kind, Scene, SceneObject, Skill, Task } from "../../types.ts";
import { resolve } from "../reference.ts";
import { PLACES, ROLES } from "../roles.ts";
import type { Role } from "../unclear/say-unclear.ts";
import type { NounPhrase } from "./noun-phrase.ts";
import type { Parsed } from "./parse-instruction.ts";
import type { Deed } from "./patterns.ts";

export function meaningOf(deed: Deed, act: NounPhrase | null, place: NounPhrase | null, scene: Scene): Parsed {
  if (act === null) return { kind: "unknown" };
  switch (deed) {
    case "pick":
      return single("pick", act, scene);
    case "point":
      return single("point", act, scene);
    case "open":
      return single("open-drawer", act, scene);
    case "close":
      return single("close-drawer", act, scene);
    case "put":
      return place === null ? { kind: "unknown" } : pair("put", act, place, PLACES, scene);
    case "push":
      return place === null ? { kind: "unknown" } : pair("push", act, place, ROLES.push.place, scene);
    default:
      return deed satisfies never;
  }
}

function single(skill: "pick" | "point" | "open-drawer" | "close-drawer", act: NounPhrase, scene: Scene): Parsed {
  const found = find(act, scene, ROLES[skill].act, "act", skill);
  return "object" in found ? { kind: "task", task: { skill, object: found.object.id } } : found;
}

function pair(
  skill: "put" | "push",
  act: NounPhrase,
  place: NounPhrase,
  places: readonly Kind[],
  scene: Scene,
): Parsed {
  const named = act.reference.other === true ? idsOf(place, scene) : [];
  const first = find(act, scene, ROLES[skill].act, "act", skill, named);
  const target = find(place, scene, places, "place", skill, "object" in first ? [first.object.id] : idsOf(act, scene));
  // What goes on a block is stacked, and that narrows down what can be meant.
  const stacking = isBlock(target, scene);
  const acted = stacking ? find(act, scene, ROLES.stack.act, "act", "stack", named) : first;
  // What is missing is said before what is in doubt.
  if (!("object" in acted) && acted.kind !== "ambiguous") return acted;
  if (!("object" in target)) return target.kind === "ambiguous" && !("object" in acted) ? acted : target;
  const object = "object" in acted ? acted.object : onlyOther(acted, target.object, scene);
  if (object === null) return acted as Parsed;
  if (object.id === target.object.id) return { kind: "impossible", role: "place", missing: place.phrase };
  const task: Task = { skill: stacking ? "stack" : skill, object: object.id, target: target.object.id };
  return { kind: "task", task };
}

type Found = { readonly object: SceneObject } | Parsed;

/** Whether a phrase means a block, whichever. */
function isBlock(found: Found, scene: Scene): boolean {
  const ids = "object" in found ? [found.object.id] : found.kind === "ambiguous" ? found.candidates : [];
  return ids.length > 0 && scene.objects.every(({ id, kind }) => kind === "block" || !ids.includes(id));
}

/** *Put the block on the red block*, with two blocks: the other one is meant. */
function onlyOther(acted: Parsed, target: SceneObject, scene: Scene): SceneObject | null {
  if (acted.kind !== "ambiguous") return null;
  const left = acted.candidates.filter((id) => id !== target.id);
  return left.length === 1 ? (scene.objects.find((one) => one.id === left[0]) ?? null) : null;
}

function idsOf(phrase: NounPhrase, scene: Scene): string[] {
  const { clear } = resolve(scene, phrase.reference);
  return clear.length === 1 ? clear.map((object) => object.id) : [];
}

/** The one thing a phrase means for a skill. */
function find(
  phrase: NounPhrase,
  scene: Scene,
  kinds: readonly Kind[],
  role: Role,
  skill: Skill,
  named: readonly string[] = [],
): Found {
  if (phrase.plural) return { kind: "unknown" };
  if (phrase.strange) return { kind: "impossible", role, missing: phrase.phrase };
  const { clear, possible } = resolve(scene, phrase.reference, named);
  const fitting = clear.length > 0 ? clear : possible;
  const usable = fitting.filter((object) => kinds.includes(object.kind));
  const [object] = usable;
  if (object === undefined) return { kind: "impossible", role, missing: phrase.phrase };
  if (usable.length === 1) return { object };
  return { kind: "ambiguous", role, skill, candidates: usable.map((one) => one.id) };
}
