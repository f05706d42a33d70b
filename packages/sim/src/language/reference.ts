/**
 * What a phrase such as *the small red block left of the bowl* means, as data, and which objects of a scene it means.
 * One resolver serves both directions: `describe` only says what resolves to exactly one object with clear margins,
 * and the parser resolves what people say.
 */
import { BOWL_RADIUS_M, HALF_WIDTH_M, PLATE_RADIUS_M, SQUARE_HALF_M } from "../scene/shapes.ts";
import type { Colour, Kind, Scene, SceneObject, Size } from "../types.ts";

export type Relation = "left" | "right" | "behind" | "front" | "near" | "far" | "on";

/** Which one of several, as the person sees them. */
export type Extreme = "leftmost" | "rightmost" | "frontmost" | "backmost" | "middle";

export type Reference = {
  /** Null: a thing of any kind. */
  readonly kind: Kind | null;
  readonly colour?: Colour;
  /** *The block that is not red.* */
  readonly notColour?: Colour;
  readonly size?: Size;
  /** *The smaller block*: a size that only tells where both sizes stand there. */
  readonly comparative?: boolean;
  readonly extreme?: Extreme;
  readonly relation?: { readonly name: Relation; readonly to: Reference };
  /** *The other block*: not the one that was named before. */
  readonly other?: boolean;
};

/** A relation holds clearly from here on, metres (what is smaller is a matter of taste). */
export const CLEAR_M = 0.04;
/** Below this it clearly does not hold; between the two nobody should be asked to judge. */
const FAINT_M = 0.015;
/** Two things this far apart are not *next to* each other, metres. */
const NEAR_M = 0.2;

/** `clear`: what the phrase means beyond doubt. `possible`: what a generous listener would also accept (a superset). */
export type Resolution = { readonly clear: readonly SceneObject[]; readonly possible: readonly SceneObject[] };

/** @param named ids that were mentioned before, for *the other one*. */
export function resolve(scene: Scene, reference: Reference, named: readonly string[] = []): Resolution {
  let base = scene.objects.filter((object) => matches(object, reference));
  if (reference.other === true) base = base.filter((object) => !named.includes(object.id));
  if (reference.comparative === true) {
    const { size: _, ...anySize } = reference;
    const peers = scene.objects.filter((object) => matches(object, anySize));
    if (new Set(peers.map((object) => object.size)).size < 2) return { clear: [], possible: peers };
  }
  let resolution: Resolution = { clear: base, possible: base };
  if (reference.relation) resolution = relate(scene, base, reference.relation.name, reference.relation.to);
  if (reference.extreme) resolution = extreme(resolution, reference.extreme);
  return resolution;
}

/** The one object that the phrase means beyond doubt, or null. */
export function resolveClearly(scene: Scene, reference: Reference, named: readonly string[] = []): SceneObject | null {
  const { clear, possible } = resolve(scene, reference, named);
  return possible.length === 1 && clear.length === 1 ? (clear[0] ?? null) : null;
}

function matches(object: SceneObject, reference: Reference): boolean {
  return (
    (reference.kind === null || object.kind === reference.kind) &&
    (reference.colour === undefined || object.colour === reference.colour) &&
    (reference.notColour === undefined || object.colour !== reference.notColour) &&
    (reference.size === undefined || object.size === reference.size)
  );
}

function relate(scene: Scene, base: readonly SceneObject[], name: Relation, to: Reference): Resolution {
  const anchors = resolve(scene, to);
  const anchor = anchors.clear[0];
  if (anchors.clear.length !== 1 || anchor === undefined) {
    // With several anchors, whatever stands in the relation to one of them could be meant.
    const possible = anchors.clear.flatMap((one) => sided(base, name, one).possible);
    return { clear: [], possible: [...new Set(possible)] };
  }
  return sided(base, name, anchor);
}

function sided(base: readonly SceneObject[], name: Relation, anchor: SceneObject): Resolution {
  const others = base.filter((object) => object.id !== anchor.id);
  if (name === "near" || name === "far") return byDistance(others, anchor, name);
  const amount = (object: SceneObject): number => amountOf(name, object, anchor);
  return {
    clear: others.filter((object) => amount(object) >= CLEAR_M),
    possible: others.filter((object) => amount(object) > FAINT_M),
  };
}

/** How strongly a relation holds, metres; negative or small: it does not. */
export function amountOf(name: "left" | "right" | "behind" | "front" | "on", a: SceneObject, b: SceneObject): number {
  switch (name) {
    case "left":
      return b.start[1] - a.start[1];
    case "right":
      return a.start[1] - b.start[1];
    case "behind":
      return b.start[0] - a.start[0];
    case "front":
      return a.start[0] - b.start[0];
    case "on":
      return restAmount(a, b);
    default:
      return name satisfies never;
  }
}

/** Whether `a` rests on or in `b`: 1 yes, 0.03 hardly to tell, -1 no. */
function restAmount(a: SceneObject, b: SceneObject): number {
  if (a.kind === "square" || a.kind === "drawer" || a.start[2] < b.start[2] + 0.004) return -1;
  const reachM = reachOf(b);
  return distance(a, b) < 0.8 * reachM ? 1 : distance(a, b) < 1.2 * reachM ? 0.03 : -1;
}

/** How far from the middle something can lie and still be on it, metres. */
function reachOf(base: SceneObject): number {
  switch (base.kind) {
    case "bowl":
      return BOWL_RADIUS_M[base.size];
    case "plate":
      return PLATE_RADIUS_M[base.size];
    case "square":
      return SQUARE_HALF_M[base.size];
    case "block":
    case "can":
      return HALF_WIDTH_M[base.size];
    case "ball":
    case "drawer":
      return 0;
    default:
      return base.kind satisfies never;
  }
}

/** Planar distance, metres. */
export function distance(a: SceneObject, b: SceneObject): number {
  return Math.hypot(a.start[0] - b.start[0], a.start[1] - b.start[1]);
}

function byDistance(others: readonly SceneObject[], anchor: SceneObject, name: "near" | "far"): Resolution {
  const sign = name === "near" ? 1 : -1;
  return best(others, (object) => sign * distance(object, anchor));
}

/** Smallest score wins, if by a clear margin; within the margin all are possible. */
function best(objects: readonly SceneObject[], score: (object: SceneObject) => number): Resolution {
  const lowest = Math.min(...objects.map(score));
  const possible = objects.filter((object) => score(object) < lowest + CLEAR_M);
  return { clear: possible.length === 1 ? possible : [], possible };
}

function extreme(among: Resolution, which: Extreme): Resolution {
  const objects = among.possible;
  const [x, y] = [(o: SceneObject) => o.start[0], (o: SceneObject) => o.start[1]];
  switch (which) {
    case "leftmost":
      return best(objects, y);
    case "rightmost":
      return best(objects, (object) => -y(object));
    case "backmost":
      return best(objects, x);
    case "frontmost":
      return best(objects, (object) => -x(object));
    case "middle":
      return middleOf(objects);
    default:
      return which satisfies never;
  }
}

/** The second of three from left to right, with a clear gap to both sides. */
function middleOf(objects: readonly SceneObject[]): Resolution {
  const [left, middle, right] = [...objects].sort((a, b) => a.start[1] - b.start[1]);
  if (objects.length !== 3 || !left || !middle || !right) return { clear: [], possible: objects };
  const clear = middle.start[1] - left.start[1] >= CLEAR_M && right.start[1] - middle.start[1] >= CLEAR_M;
  return { clear: clear ? [middle] : [], possible: clear ? [middle] : objects };
}

/** Is it near enough to be called *next to*? */
export function isNextTo(a: SceneObject, b: SceneObject): boolean {
  return distance(a, b) <= NEAR_M;
}
