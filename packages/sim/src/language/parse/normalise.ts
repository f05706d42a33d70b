/** Takes everything off a sentence that does not change what is asked: typing errors, politeness, small talk, verb forms. */
import { wordsOf } from "@bidden/runtime";
import { AFTER, BEFORE } from "../asides.ts";
import { FILLERS, LEADS, TAILS, VERB_BASES } from "./courtesy.ts";
import { correctWord } from "../spelling.ts";

let forms: ReadonlyMap<string, string> | undefined;

/** *picking*, *picked*, *picks* → *pick*. */
function verbForms(): ReadonlyMap<string, string> {
  if (forms) return forms;
  const map = new Map<string, string>();
  for (const base of VERB_BASES) {
    const stem = base.endsWith("e") ? base.slice(0, -1) : base;
    const doubled = /[^aeiou][aeiou][bdgmnpt]$/.test(base) ? base + base.at(-1) : stem;
    for (const form of [`${stem}ing`, `${doubled}ing`, `${stem}ed`, `${doubled}ed`]) map.set(form, base);
  }
  for (const [form, base] of [
    ["took", "take"],
    ["taken", "take"],
    ["held", "hold"],
    ["brought", "bring"],
    ["laid", "lay"],
    ["built", "build"],
  ] as const) {
    map.set(form, base);
  }
  // These are adjectives as often as verbs: "I'd like it closed".
  for (const form of ["closed", "opened"]) map.delete(form);
  forms = map;
  return map;
}

const ARROW = /[-=]+>|[\u2192\u21d2\u2794\u279c]/g;

/** Words of a sentence, spelling mended; at most this many are looked at. */
export const MAX_WORDS = 60;

export function mendedWords(text: string): string[] {
  // "Ball -> bowl" is short for "ball to bowl".
  return wordsOf(text.replace(ARROW, " to ")).map((word) => correctWord(word) ?? word);
}

/** Words without fillers, with verbs in their base form, without courtesy at either end. */
export function coreOf(words: readonly string[]): string[] {
  return peel(baseWords(words));
}

let ends: { leads: readonly string[][]; tails: readonly string[][] } | undefined;

function peel(words: readonly string[]): string[] {
  ends ??= { leads: longestFirst(phrases([...LEADS, ...BEFORE])), tails: longestFirst(phrases([...TAILS, ...AFTER])) };
  let [from, to] = [0, words.length];
  for (let peeled = true; peeled; ) {
    peeled = false;
    const lead = ends.leads.find((one) => one.length < to - from && one.every((word, i) => words[from + i] === word));
    if (lead) {
      from += lead.length;
      peeled = true;
    }
    const tail = ends.tails.find(
      (one) => one.length < to - from && one.every((word, i) => words[to - one.length + i] === word),
    );
    if (tail) {
      to -= tail.length;
      peeled = true;
    }
  }
  return words.slice(from, to);
}

function phrases(lines: readonly string[]): string[][] {
  return lines.map((line) => baseWords(wordsOf(line)));
}

/** Without *a bit* and *all the way*: how far is not a matter of the task. */
function withoutMeasure(words: readonly string[]): readonly string[] {
  return words
    .join(" ")
    .replace(/\b(a (tiny )?bit|all the way)\b/g, "")
    .split(" ")
    .filter((word) => word !== "");
}

/** Verbs in their base form, fillers gone. */
function baseWords(words: readonly string[]): string[] {
  const map = verbForms();
  return withoutMeasure(words)
    .filter((word) => !FILLERS.has(word))
    .map((word) => map.get(word) ?? word);
}

function longestFirst(list: readonly string[][]): readonly string[][] {
  return list.filter((one) => one.length > 0).sort((a, b) => b.length - a.length);
}
