/**
 * What an instruction means in a scene: the inverse of the generator, and more tolerant than it. Serves the simulator's
 * judge, evaluation and tests. The policy never sees it.
 */
import { wordsOf } from "@bidden/runtime";
import type { Scene, Skill, Task } from "../../types.ts";
import type { Role } from "../unclear/say-unclear.ts";
import { forbiddenReason } from "./forbidden.ts";
import { type NounPhrase, readNounPhrase } from "./noun-phrase.ts";
import { coreOf, MAX_WORDS, mendedWords } from "./normalise.ts";
import { meaningOf } from "./meaning.ts";
import { matchPattern, patterns, type Slots } from "./patterns.ts";
import { isQuestion, soundsSensible } from "./sense.ts";

export type Parsed =
  | { readonly kind: "task"; readonly task: Task }
  | { readonly kind: "question" }
  /** Several things could be meant; ids in the scene's order. */
  | { readonly kind: "ambiguous"; readonly role: Role; readonly candidates: readonly string[]; readonly skill: Skill }
  /** `missing`: the phrase for what is not there, or cannot be used so. */
  | { readonly kind: "impossible"; readonly role: Role; readonly missing: string }
  | { readonly kind: "forbidden"; readonly why: string }
  /** No instruction at all. */
  | { readonly kind: "garbage" }
  /** Sensible, but outside of what this grammar understands. */
  | { readonly kind: "unknown" };

export function parseInstruction(text: string, scene: Scene): Parsed {
  const words = mendedWords(text);
  if (words.length === 0) return { kind: "garbage" };
  const why = forbiddenReason(wordsOf(text));
  if (why !== null) return { kind: "forbidden", why };
  if (words.length > MAX_WORDS) return { kind: soundsSensible(words) ? "unknown" : "garbage" };
  if (isQuestion(words)) return { kind: "question" };
  const core = coreOf(words);
  for (const start of startsOf(core)) {
    const parsed = parseCore(core.slice(start), scene);
    // What only begins amid other words must make full sense to count as an instruction.
    if (parsed && (start === 0 || parsed.kind === "task" || parsed.kind === "ambiguous")) return parsed;
  }
  return { kind: soundsSensible(words) ? "unknown" : "garbage" };
}

const NEGATIONS = new Set(
  "not dont never no nobody stop without avoid except unless if instead wouldnt shouldnt cannot cant".split(" "),
);

/** Where an instruction may begin: at once, or after a sentence of small talk that denies and demands nothing. */
function startsOf(words: readonly string[]): number[] {
  const starts = [0];
  for (let at = 1; at < words.length && !NEGATIONS.has(words[at - 1] as string); at++) {
    if (STARTERS.has(words[at] as string)) starts.push(at);
    if (STARTERS.has(words[at - 1] as string)) break;
  }
  return NEGATIONS.has(words[0] ?? "") ? [0] : starts;
}

let starters: ReadonlySet<string> | undefined;
const STARTERS = {
  has(word: string): boolean {
    starters ??= new Set(
      patterns().flatMap(({ pieces }) => (pieces[0] && "oneOf" in pieces[0] ? [...pieces[0].oneOf] : [])),
    );
    return starters.has(word) && !NOT_STARTERS.has(word);
  },
};
/** First words of patterns that are too common to begin an instruction in the middle of a sentence. */
const NOT_STARTERS = new Set("i id in on to the without dont let make give have may at into onto can could".split(" "));

function parseCore(words: readonly string[], scene: Scene): Parsed | null {
  const memo = new Map<number, NounPhrase | null>();
  const phrase = (from: number, to: number): NounPhrase | null => {
    const key = from * (MAX_WORDS + 1) + to;
    let read = memo.get(key);
    if (read === undefined) {
      read = readNounPhrase(words.slice(from, to));
      memo.set(key, read);
    }
    return read;
  };
  let best: Parsed | null = null;
  for (const pattern of patterns()) {
    const first = pattern.pieces[0];
    if (first && "oneOf" in first && !first.oneOf.has(words[0] ?? "")) continue;
    for (const slots of matchPattern(pattern, words, (from, to) => phrase(from, to) !== null)) {
      const parsed = meaningOf(pattern.deed, read(slots.o, phrase), read(slots.t, phrase), scene);
      if (best === null || rank(parsed) < rank(best)) best = parsed;
      if (best.kind === "task") return best;
    }
  }
  return best;
}

function read(range: Slots["o"], phrase: (from: number, to: number) => NounPhrase | null): NounPhrase | null {
  return range ? phrase(range[0], range[1]) : null;
}

/** Among several readings of one sentence, the one that makes most sense is meant. */
function rank(parsed: Parsed): number {
  return ["task", "ambiguous", "impossible", "unknown"].indexOf(parsed.kind);
}
