/** Sentence patterns: every template's frame, and many more than are ever said by the generator. */
import { wordsOf } from "@bidden/runtime";
import type { Skill } from "../../types.ts";
import { TEMPLATES } from "../templates.ts";
import { extraFrames } from "./extra-frames.ts";
import { coreOf } from "./normalise.ts";

/** What a pattern asks for; which skill it is may still depend on where the thing goes (*put … on* a block stacks). */
export type Deed = "pick" | "put" | "push" | "open" | "close" | "point";

/** `oneOf`: any of these words (one literal word is a set of one). */
type Piece = { readonly oneOf: ReadonlySet<string> } | { readonly slot: "o" | "t" } | { readonly preposition: true };

export type Pattern = { readonly deed: Deed; readonly pieces: readonly Piece[]; readonly literals: number };

const PREPOSITIONS: readonly (readonly string[])[] = (
  "in|into|inside|inside of|in to|within|on|onto|on to|on top of|atop|upon|to|over to|over on|at|towards|across to|" +
  "down on|down in|down into|down onto|up on|up onto|over onto|over into"
)
  .split("|")
  .map((phrase) => phrase.split(" "))
  .sort((a, b) => b.length - a.length);

let compiled: readonly Pattern[] | undefined;

/** All patterns, most literal words first. */
export function patterns(): readonly Pattern[] {
  if (compiled) return compiled;
  const said = TEMPLATES.map(({ skill, frame }) => ({ deed: deedOf(skill), frame, verbs: [] }));
  const unique = new Map<string, Pattern>();
  for (const { deed, frame, verbs } of [...said, ...extraFrames()]) {
    const pieces = compile(frame, verbs);
    const key = `${deed} ${pieces.map((piece) => ("oneOf" in piece ? [...piece.oneOf].join("/") : JSON.stringify(piece))).join(" ")}`;
    const literals = pieces.filter((piece) => "oneOf" in piece).length;
    if (!unique.has(key)) unique.set(key, { deed, pieces, literals });
  }
  compiled = [...unique.values()].sort((a, b) => b.literals - a.literals);
  return compiled;
}

function deedOf(skill: Skill): Deed {
  if (skill === "open-drawer") return "open";
  if (skill === "close-drawer") return "close";
  return skill === "stack" ? "put" : skill;
}

/** Slots, prepositions and verbs pass through the same normalising as sentences do, as words that nobody says. */
function compile(frame: string, verbs: readonly string[]): Piece[] {
  const marked = frame
    .replace(/\{-?([ot])\}/g, " qslot$1 ")
    .replace(/\{in(to)?\}|@/g, " qprep ")
    .replace("<v>", " qverb ");
  return coreOf(wordsOf(marked)).map((word): Piece => {
    if (word === "qsloto") return { slot: "o" };
    if (word === "qslott") return { slot: "t" };
    if (word === "qprep") return { preposition: true };
    return { oneOf: new Set(word === "qverb" ? verbs : [word]) };
  });
}

/** Word ranges, end exclusive, that a pattern's slots cover. */
export type Slots = { o?: readonly [number, number]; t?: readonly [number, number] };

/**
 * All ways a pattern covers the words from end to end, with every slot filled by what `isPhrase` accepts.
 * @param isPhrase whether words[from, to) can fill a slot.
 */
export function matchPattern(
  pattern: Pattern,
  words: readonly string[],
  isPhrase: (from: number, to: number) => boolean,
): Slots[] {
  const found: Slots[] = [];
  const walk = (piece: number, at: number, slots: Slots): void => {
    const next = pattern.pieces[piece];
    if (next === undefined) {
      if (at === words.length) found.push(slots);
      return;
    }
    if ("oneOf" in next) {
      if (next.oneOf.has(words[at] ?? "")) walk(piece + 1, at + 1, slots);
    } else if ("preposition" in next) {
      for (const phrase of PREPOSITIONS) {
        if (phrase.every((word, i) => words[at + i] === word)) walk(piece + 1, at + phrase.length, slots);
      }
    } else {
      const last = piece === pattern.pieces.length - 1;
      for (let to = last ? words.length : at + 1; to <= words.length; to++) {
        // A word that must come next prunes nearly all ends.
        const after = pattern.pieces[piece + 1];
        if (after && "oneOf" in after && !after.oneOf.has(words[to] ?? "")) continue;
        if (isPhrase(at, to)) walk(piece + 1, to, { ...slots, [next.slot]: [at, to] });
      }
    }
  };
  walk(0, 0, {});
  return found;
}
