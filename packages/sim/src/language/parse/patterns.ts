/** Sentence patterns: every template's frame, and many more than are ever said by the generator. */
import { TEMPLATES } from "../templates.ts";
import { extraFrames } from "./extra-frames.ts";
import { coreOf } from "./normalise.ts";
import { wordsOf } from "@bidden/runtime";

/** What a pattern asks for; which skill it is may still depend on where the thing goes (*put … on* a block stacks). */
export type Deed = "pick" | "put" | "push" | "open" | "close" | "point";

type Piece = { readonly word: string } | { readonly slot: "o" | "t" } | { readonly preposition: true };

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
  const deeds = { pick: "pick", put: "put", stack: "put", push: "push", point: "point" } as const;
  const sources: (readonly [Deed, string])[] = TEMPLATES.map(({ skill, frame }) => {
    const deed = skill === "open-drawer" ? "open" : skill === "close-drawer" ? "close" : deeds[skill];
    return [deed, frame] as const;
  });
  const unique = new Map<string, Pattern>();
  for (const [deed, frame] of [...sources, ...extraFrames()]) {
    const pattern = compile(deed, frame);
    const key = `${deed} ${JSON.stringify(pattern.pieces)}`;
    if (!unique.has(key)) unique.set(key, pattern);
  }
  compiled = [...unique.values()].sort((a, b) => b.literals - a.literals);
  return compiled;
}

/** Templates give their preposition as {in}, {into} or literally. Literal ones before a target are widened to any. */
function compile(deed: Deed, frame: string): Pattern {
  const marked = frame
    .replace(/\{-?([ot])\}/g, " qslot$1 ")
    .replace(/\{into?\}|@/g, " qprep ")
    .replace(/\{in\}/g, " qprep ");
  const pieces = coreOf(wordsOf(marked)).map((word): Piece => {
    if (word === "qsloto") return { slot: "o" };
    if (word === "qslott") return { slot: "t" };
    return word === "qprep" ? { preposition: true } : { word };
  });
  return { deed, pieces, literals: pieces.filter((piece) => "word" in piece).length };
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
    if ("word" in next) {
      if (words[at] === next.word) walk(piece + 1, at + 1, slots);
    } else if ("preposition" in next) {
      for (const phrase of PREPOSITIONS) {
        if (phrase.every((word, i) => words[at + i] === word)) walk(piece + 1, at + phrase.length, slots);
      }
    } else {
      const last = piece === pattern.pieces.length - 1;
      for (let to = last ? words.length : at + 1; to <= words.length; to++) {
        // A word that must come next prunes nearly all ends.
        const after = pattern.pieces[piece + 1];
        if (after && "word" in after && words[to] !== after.word) continue;
        if (isPhrase(at, to)) walk(piece + 1, to, { ...slots, [next.slot]: [at, to] });
      }
    }
  };
  walk(0, 0, {});
  return found;
}
