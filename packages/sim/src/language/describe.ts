/**
 * Says which object is meant, in many ways, each of which means exactly that object in that scene: kind, colour, size,
 * place among the others, place beside another. What is not clear by a margin is not said.
 */
import { BiddenError, type Rng } from "@bidden/runtime";
import type { Scene, SceneObject } from "../types.ts";
import { meaningOf, type Phrase } from "./meaning.ts";
import { type Extreme, isNextTo, type Reference, type Relation, resolve, resolveClearly } from "./reference.ts";
import { renderReference } from "./render-reference.ts";
import type { Split } from "./words.ts";

export type DescribeOptions = {
  readonly split?: Split;
  /** Ids that must not serve as landmarks (the other thing of the same sentence). */
  readonly avoid?: readonly string[];
  /** Ids that were named before in the same sentence, which allows *the other block*. */
  readonly named?: readonly string[];
  /** No article and no side clause: *red cube*, for telegraphic sentences. */
  readonly bare?: boolean;
  /** How often a thing is told by its place where other words would do, 0..1; default 0.16. */
  readonly placed?: number;
};

/** How often a thing is told by its place, and as *the other one*, where colour, kind and size would do as well. */
const PLACED_SHARE = 0.16;
const OTHER_SHARE = 0.2;

type Weighted = { readonly reference: Reference; readonly weight: number };

/** A phrase that means exactly this object. Throws `bad-argument` where nothing does (see `isDescribable`). */
export function describe(scene: Scene, objectId: string, rng: Rng, options: DescribeOptions = {}): string {
  return refer(scene, objectId, rng, options).text;
}

/** The same, with what its words say. */
export function refer(scene: Scene, objectId: string, rng: Rng, options: DescribeOptions = {}): Phrase {
  const { split = "any", avoid = [], named = [], bare = false, placed = PLACED_SHARE } = options;
  const object = scene.objects.find((one) => one.id === objectId);
  if (!object) {
    throw new BiddenError("bad-argument", `Expected the id of an object in the scene, got "${objectId}".`, {
      objectId,
    });
  }
  const simple = simpleReferences(scene, object);
  const draw = rng.uniform();
  let choices = simple;
  if (simple.length === 0 || (!bare && draw < placed)) {
    choices = placedReferences(scene, object, [...avoid, objectId]);
    if (choices.length === 0) choices = simple.length > 0 ? simple : placedReferences(scene, object, [objectId]);
  } else if (!bare && draw > 1 - OTHER_SHARE && named.length > 0) {
    choices = otherReferences(scene, object, named);
    if (choices.length === 0) choices = simple;
  }
  if (choices.length === 0) {
    throw new BiddenError("bad-argument", `Nothing tells "${objectId}" clearly from its neighbours in this scene.`, {
      objectId,
    });
  }
  const reference = pickWeighted(choices, rng);
  return { text: renderReference(reference, rng, split, bare), meaning: meaningOf(reference) };
}

/** Whether any phrase means exactly this object. */
export function isDescribable(scene: Scene, objectId: string): boolean {
  const object = scene.objects.find((one) => one.id === objectId);
  if (!object) return false;
  return simpleReferences(scene, object).length > 0 || placedReferences(scene, object, [objectId]).length > 0;
}

/** Whether kind, colour and size alone tell an object from all others, wherever it stands. */
export function isTelling(scene: Scene, objectId: string): boolean {
  const object = scene.objects.find((one) => one.id === objectId);
  return object !== undefined && simpleReferences(scene, object).length > 0;
}

/** Colour, kind and size, and nothing else. */
export function simpleReferences(scene: Scene, object: SceneObject): Weighted[] {
  const { kind, colour, size } = object;
  const choices: Weighted[] = [
    { reference: { kind, colour }, weight: 12 },
    { reference: { kind, colour, size }, weight: 3 },
    { reference: { kind, size }, weight: 3 },
    { reference: { kind, size, comparative: true }, weight: 2 },
    { reference: { kind, colour, size, comparative: true }, weight: 1 },
    // The drawer has no rival: people name its colour only now and then.
    { reference: { kind }, weight: kind === "drawer" ? 24 : 4 },
    { reference: { kind: null, colour }, weight: 1.5 },
    { reference: { kind: null, colour, size }, weight: 0.5 },
  ];
  // A drawer has only one size.
  const sensible = kind === "drawer" ? choices.filter(({ reference }) => reference.size === undefined) : choices;
  return clearly(scene, object, sensible);
}

const EXTREMES: readonly Extreme[] = ["leftmost", "rightmost", "frontmost", "backmost", "middle"];
const RELATIONS: readonly Relation[] = ["left", "right", "behind", "front", "near", "far", "on"];

/** By its place: among its like, or beside a landmark that is itself unmistakable. */
function placedReferences(scene: Scene, object: SceneObject, avoid: readonly string[]): Weighted[] {
  const { kind, colour, size } = object;
  const heads: Reference[] = [{ kind }, { kind, colour }, { kind: null }, { kind: null, colour }];
  if (kind !== "drawer") heads.push({ kind, size });
  const choices: Weighted[] = [];
  for (const head of heads) {
    // Where the head alone says it already, a place is only decoration.
    const rivals = resolve(scene, head).possible.length;
    const weight = (head.kind === null ? 0.3 : 1) * (rivals > 1 ? 1 : 0.15);
    if (rivals > 1) for (const extreme of EXTREMES) choices.push({ reference: { ...head, extreme }, weight });
    for (const landmark of scene.objects) {
      if (avoid.includes(landmark.id)) continue;
      const to = landmarkReference(scene, landmark);
      if (to === null) continue;
      for (const name of RELATIONS) {
        if (name === "near" && !isNextTo(object, landmark)) continue;
        choices.push({ reference: { ...head, relation: { name, to } }, weight: weight * 0.4 });
      }
    }
  }
  for (const other of new Set(scene.objects.map((one) => one.colour))) {
    if (other !== colour) choices.push({ reference: { kind, notColour: other }, weight: 0.4 });
  }
  return clearly(scene, object, choices);
}

function otherReferences(scene: Scene, object: SceneObject, named: readonly string[]): Weighted[] {
  const { kind, colour } = object;
  const earlier = scene.objects.filter((one) => named.includes(one.id));
  const choices: Weighted[] = [];
  // "The other" presupposes that one of that sort has been named.
  if (earlier.some((one) => one.kind === kind)) choices.push({ reference: { kind, other: true }, weight: 6 });
  if (earlier.some((one) => one.kind === kind && one.colour === colour)) {
    choices.push({ reference: { kind, colour, other: true }, weight: 3 });
  }
  return choices.filter(({ reference }) => resolveClearly(scene, reference, named)?.id === object.id);
}

/** The shortest of kind, or colour and kind, that is unmistakable. */
function landmarkReference(scene: Scene, landmark: SceneObject): Reference | null {
  const { kind, colour } = landmark;
  for (const reference of [{ kind }, { kind, colour }]) {
    if (resolveClearly(scene, reference)?.id === landmark.id) return reference;
  }
  return null;
}

function clearly(scene: Scene, object: SceneObject, choices: readonly Weighted[]): Weighted[] {
  return choices.filter(({ reference }) => resolveClearly(scene, reference)?.id === object.id);
}

export function pickWeighted(choices: readonly Weighted[], rng: Rng): Reference {
  let left = rng.uniform() * choices.reduce((sum, choice) => sum + choice.weight, 0);
  for (const { reference, weight } of choices) {
    left -= weight;
    if (left < 0) return reference;
  }
  return (choices[choices.length - 1] as Weighted).reference;
}
