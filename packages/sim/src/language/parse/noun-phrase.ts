/** Reads a noun phrase of mended words into a `Reference`: the inverse of `renderReference`, and more forgiving. */
import {
  COLOUR_OF,
  COMPARATIVE_WORDS,
  IDLE_ADJECTIVES,
  KIND_OF,
  PLURAL_OF,
  SIZE_OF,
  STRANGE_COLOURS,
  STRANGE_THINGS,
  THING_WORDS,
} from "@bidden/runtime";
import type { Colour, Kind, Size } from "../../types.ts";
import type { Extreme, Reference, Relation } from "../reference.ts";

export type NounPhrase = {
  readonly reference: Reference;
  /** As it was said, without the article. */
  readonly phrase: string;
  /** Named a colour or a thing that this table never has. */
  readonly strange: boolean;
  /** Several at once (*the blocks*, *everything*). */
  readonly plural: boolean;
};

type Draft = { -readonly [K in keyof Reference]: Reference[K] };
type Reading = { readonly draft: Draft; strange: boolean; plural: boolean; named: boolean };

const ARTICLES = new Set(["the", "a", "an", "that", "this", "my", "your", "our", "one"]);
const ALL_OF = new Set([
  "all",
  "both",
  "every",
  "each",
  "everything",
  "two",
  "three",
  "four",
  "some",
  "any",
  "these",
  "those",
]);
const PRONOUNS = new Set(["it", "this", "that"]);
const FIXTURES = new Set(
  (
    "table robot camera cloth lamp floor wall gripper arm ceiling shadow person human hand light edge room ground desk window cat " +
    "dog finger fingers base motor screen person man woman child"
  ).split(" "),
);
const STRANGE_COLOUR = new Set(STRANGE_COLOURS);
const STRANGE_THING = new Set(STRANGE_THINGS);
const THING = new Set(THING_WORDS);

const EXTREME_BEFORE: ReadonlyMap<string, Extreme> = new Map([
  ["leftmost", "leftmost"],
  ["left", "leftmost"],
  ["rightmost", "rightmost"],
  ["right", "rightmost"],
  ["front", "frontmost"],
  ["frontmost", "frontmost"],
  ["nearest", "frontmost"],
  ["closest", "frontmost"],
  ["nearer", "frontmost"],
  ["closer", "frontmost"],
  ["back", "backmost"],
  ["backmost", "backmost"],
  ["rear", "backmost"],
  ["rearmost", "backmost"],
  ["farthest", "backmost"],
  ["furthest", "backmost"],
  ["middle", "middle"],
  ["central", "middle"],
  ["centre", "middle"],
]);

const EXTREME_AFTER: ReadonlyMap<string, Extreme> = new Map(
  Object.entries({
    leftmost: [
      "furthest to the left",
      "farthest to the left",
      "on the far left",
      "on the left",
      "to the left",
      "at the left",
    ],
    rightmost: [
      "furthest to the right",
      "farthest to the right",
      "on the far right",
      "on the right",
      "to the right",
      "at the right",
    ],
    frontmost: [
      "closest to me",
      "nearest to me",
      "nearest me",
      "near me",
      "at the front",
      "in the front",
      "in front",
      "next to me",
    ],
    backmost: ["farthest from me", "furthest from me", "at the back", "in the back", "furthest away", "farthest away"],
    middle: ["in the middle", "in the centre", "in the center", "at the centre"],
  }).flatMap(([extreme, list]) => list.map((phrase): [string, Extreme] => [phrase, extreme as Extreme])),
);

/** Longest first, so that *on the left of* is not read as *on*. */
const RELATIONS: readonly (readonly [readonly string[], Relation])[] = Object.entries({
  left: ["left of", "to the left of", "on the left of", "at the left of", "on the left side of", "left from"],
  right: ["right of", "to the right of", "on the right of", "at the right of", "on the right side of", "right from"],
  behind: ["behind", "in back of", "at the back of", "behind of"],
  front: ["in front of", "before", "at the front of"],
  near: [
    "next to",
    "nearest to",
    "closest to",
    "nearest",
    "closest",
    "beside",
    "by",
    "near",
    "near to",
    "close to",
    "besides",
    "alongside",
  ],
  far: ["farthest from", "furthest from", "farthest away from", "furthest away from", "far from", "far away from"],
  on: ["on", "on top of", "lying on", "standing on", "sitting on", "in", "inside", "lying in", "resting on"],
})
  .flatMap(([name, list]) => list.map((phrase) => [phrase.split(" "), name as Relation] as const))
  .sort((a, b) => b[0].length - a[0].length);

/** Null where the words are no noun phrase from end to end. */
export function readNounPhrase(words: readonly string[]): NounPhrase | null {
  if (words.length === 0 || words.length > 24) return null;
  if (words.length === 1 && PRONOUNS.has(words[0] as string)) return made({ kind: null }, words, false, false);
  if (words.length === 1 && words[0] === "everything") return made({ kind: null }, words, false, true);
  let at = 0;
  const reading: Reading = { draft: { kind: null }, strange: false, plural: false, named: false };
  for (; ARTICLES.has(words[at] ?? "") || ALL_OF.has(words[at] ?? "") || words[at] === "of"; at++) {
    if (ALL_OF.has(words[at] ?? "")) reading.plural = true;
    // "One" is an article only before something ("one of the blocks"), not as a noun.
    if (words[at] === "one" && words[at + 1] !== "of") break;
  }
  const start = at;
  const head = readHead(words, at, reading);
  if (head === null) return null;
  if (!readTail(words, head, reading)) return null;
  return made(reading.draft, words.slice(start), reading.strange, reading.plural);
}

function made(reference: Reference, words: readonly string[], strange: boolean, plural: boolean): NounPhrase {
  return { reference, phrase: words.join(" "), strange, plural };
}

/** Adjectives and the noun; the position after them, or null. A noun may be missing after an adjective (*the red*). */
function readHead(words: readonly string[], from: number, reading: Reading): number | null {
  let at = from;
  for (; at < words.length; at++) {
    if (readNoun(words, at, reading)) return at + nounLength(words, at);
    if (!readAdjective(words, at, reading)) break;
    if (words[at] === "non") at++;
  }
  return at > from && reading.named ? at : null;
}

function readAdjective(words: readonly string[], at: number, reading: Reading): boolean {
  const word = words[at] as string;
  const { draft } = reading;
  const colour = COLOUR_OF.get(word);
  const size = SIZE_OF.get(word);
  if (word === "non") {
    const not = COLOUR_OF.get(words[at + 1] ?? "");
    if (not) draft.notColour = not as Colour;
    reading.named = true;
    return not !== undefined;
  }
  if (word === "other" || word === "another") {
    draft.other = true;
    reading.named = true;
    return true;
  }
  if (colour) {
    // Two colours at once name a thing that cannot be.
    if (draft.colour && draft.colour !== colour) reading.strange = true;
    draft.colour = colour as Colour;
  } else if (size) {
    draft.size = size as Size;
    if (COMPARATIVE_WORDS.has(word)) draft.comparative = true;
  } else if (EXTREME_BEFORE.has(word)) {
    draft.extreme = EXTREME_BEFORE.get(word) as Extreme;
    // "The left" is a side, "the leftmost" a thing.
    if (!word.endsWith("most")) return true;
  } else if (STRANGE_COLOUR.has(word)) reading.strange = true;
  else return IDLE_ADJECTIVES.has(word);
  reading.named = true;
  return true;
}

function nounLength(words: readonly string[], at: number): number {
  return KIND_OF.has(`${words[at]} ${words[at + 1]}`) ? 2 : 1;
}

function readNoun(words: readonly string[], at: number, reading: Reading): boolean {
  const word = words[at] as string;
  const kind = KIND_OF.get(`${word} ${words[at + 1]}`) ?? KIND_OF.get(word);
  const plural = PLURAL_OF.get(word) ?? (/^(things|objects|items|ones)$/.test(word) ? "" : undefined);
  if (kind) {
    reading.draft.kind = kind as Kind;
    if (reading.plural && KIND_OF.has(word)) reading.plural = words.includes("every") || words.includes("each");
  } else if (plural !== undefined) {
    if (plural !== "") reading.draft.kind = plural as Kind;
    reading.plural = true;
  } else if (STRANGE_THING.has(word) || FIXTURES.has(word)) reading.strange = true;
  else if (!THING.has(word)) return false;
  reading.named = true;
  return true;
}

/** What follows the noun, to the very end. */
function readTail(words: readonly string[], from: number, reading: Reading): boolean {
  const { draft } = reading;
  let at = from;
  if (words[at] === "coloured") at++;
  if (at >= words.length) return true;
  if (words[at] === "thats") at++;
  else if (words[at] === "that" || words[at] === "which") {
    at++;
    if (words[at] === "isnt") return readNot(words, at + 1, draft);
    if (words[at] !== "is" && words[at] !== "s" && words[at] !== "stands" && words[at] !== "lies") return false;
    at++;
  }
  if (words[at] === "not") return readNot(words, at + 1, draft);
  const rest = words.slice(at).join(" ");
  const extreme = EXTREME_AFTER.get(rest);
  if (extreme) {
    draft.extreme = extreme;
    return true;
  }
  if (at > from && at === words.length - 1 && readAdjective(words, at, reading)) return true;
  if (at > from && words.length - at === 2 && words[at + 1] === "one" && readAdjective(words, at, reading)) return true;
  return readRelation(words, at, reading);
}

function readNot(words: readonly string[], at: number, draft: Draft): boolean {
  const colour = COLOUR_OF.get(words[at] ?? "");
  if (!colour || at !== words.length - 1) return false;
  draft.notColour = colour as Colour;
  return true;
}

function readRelation(words: readonly string[], at: number, reading: Reading): boolean {
  for (const [phrase, name] of RELATIONS) {
    if (!phrase.every((word, i) => words[at + i] === word)) continue;
    const to = readNounPhrase(words.slice(at + phrase.length));
    if (to === null || to.plural) continue;
    reading.draft.relation = { name, to: to.reference };
    if (to.strange) reading.strange = true;
    return true;
  }
  return false;
}
