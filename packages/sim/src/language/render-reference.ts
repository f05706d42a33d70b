/** Puts a `Reference` into words: the same meaning in several orders, with synonyms by split. */
import type { Rng } from "@bidden/runtime";
import type { Colour } from "../types.ts";
import type { Extreme, Reference, Relation } from "./reference.ts";
import { COLOUR_SAYINGS, COMPARATIVE_SAYINGS, KIND_SAYINGS, SIZE_SAYINGS, type Split, sayWord } from "./words.ts";

/** {of} is the landmark. */
const RELATION_SAYINGS: Readonly<Record<Relation, readonly string[]>> = {
  left: ["left of {of}", "to the left of {of}", "on the left of {of}", "that is left of {of}"],
  right: ["right of {of}", "to the right of {of}", "on the right of {of}", "that is right of {of}"],
  behind: ["behind {of}", "that is behind {of}"],
  front: ["in front of {of}", "that is in front of {of}"],
  near: ["next to {of}", "nearest to {of}", "closest to {of}", "beside {of}", "by {of}", "nearest {of}"],
  far: ["farthest from {of}", "furthest from {of}", "farthest away from {of}"],
  on: ["on {of}", "that is on {of}", "on top of {of}", "lying on {of}"],
};

/** Before the noun, and after it. */
const EXTREME_SAYINGS: Readonly<Record<Extreme, { before: readonly string[]; after: readonly string[] }>> = {
  leftmost: { before: ["leftmost", "left-most"], after: ["furthest to the left", "on the far left"] },
  rightmost: { before: ["rightmost", "right-most"], after: ["furthest to the right", "on the far right"] },
  frontmost: { before: ["front", "frontmost"], after: ["closest to me", "nearest to me", "at the front"] },
  backmost: { before: ["back", "backmost", "rearmost"], after: ["farthest from me", "at the back", "furthest away"] },
  middle: { before: ["middle"], after: ["in the middle"] },
};

/** *the small red block left of the bowl*; without the article where `bare`. */
export function renderReference(reference: Reference, rng: Rng, split: Split, bare: boolean): string {
  const { colour, relation, extreme, notColour } = reference;
  const noun = nounOf(reference, rng, split);
  const front: string[] = [];
  const back: string[] = [];
  if (reference.other === true) front.push("other");
  else if (onlyKind(reference) && !bare && rng.uniform() < 0.12) front.push("only");
  if (extreme) {
    const sayings = EXTREME_SAYINGS[extreme];
    if (bare || rng.uniform() < 0.6) front.push(rng.pick(sayings.before));
    else back.push(rng.pick(sayings.after));
  }
  if (reference.size) {
    const sayings = reference.comparative === true ? COMPARATIVE_SAYINGS : SIZE_SAYINGS;
    front.push(sayWord(sayings[reference.size], rng, split));
  }
  if (colour) placeColour(colour, bare || relation !== undefined || extreme !== undefined, front, back, rng, split);
  if (notColour) {
    const word = sayWord(COLOUR_SAYINGS[notColour], rng, split);
    if (bare || rng.uniform() < 0.25) front.push(`non-${word}`);
    else back.push(rng.pick([`that is not ${word}`, `that isn't ${word}`, `which is not ${word}`]));
  }
  if (relation) {
    const of = renderReference(relation.to, rng, split, false);
    back.push(rng.pick(RELATION_SAYINGS[relation.name]).replace("{of}", of));
  }
  const words = [...front, noun, ...back].join(" ");
  return bare ? words : `the ${words}`;
}

function nounOf(reference: Reference, rng: Rng, split: Split): string {
  if (reference.kind !== null) return sayWord(KIND_SAYINGS[reference.kind], rng, split);
  const nouns = reference.relation || reference.extreme ? ["thing", "object", "item"] : ["one", "thing", "object"];
  return rng.pick(nouns);
}

/** Mostly *the red block*; now and then *the block that is red*, *the red-coloured block*. */
function placeColour(colour: Colour, plain: boolean, front: string[], back: string[], rng: Rng, split: Split): void {
  const word = sayWord(COLOUR_SAYINGS[colour], rng, split);
  const form = rng.uniform();
  if (plain || form < 0.93) front.push(word);
  else if (form < 0.96) front.push(rng.pick([`${word}-coloured`, `${word} coloured`, `${word}-colored`]));
  else back.push(rng.pick([`that is ${word}`, `that's ${word}`, `which is ${word}`]));
}

/** Nothing but the kind. */
function onlyKind(reference: Reference): boolean {
  const { kind, colour, notColour, size, extreme, relation } = reference;
  return kind !== null && !colour && !notColour && !size && !extreme && !relation;
}
