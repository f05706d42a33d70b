/**
 * Small talk around an ordinary instruction: unusual to read, plain to obey. Keeps a learned refusal from refusing
 * everything that sounds unfamiliar.
 */
import type { Rng } from "@bidden/runtime";
import { partsOf } from "./parts.ts";
import type { Split } from "./words.ts";

/** Each ends where the instruction begins. */
export const BEFORE: readonly string[] = [
  "for my next trick,",
  "I'm curious:",
  "since you're so clever,",
  "it's getting late, so",
  "good morning!",
  "hello there, my mechanical friend,",
  "if it's not too much trouble,",
  "here's an easy one:",
  "when you're ready,",
  "let me think... yes,",
  "my daughter is watching:",
  "as a first step,",
  "first things first:",
  "time to work:",
  "nice weather today. anyway,",
  "this is a test:",
  "the table is a mess, so",
  "step one:",
  "well, well,",
  "quick,",
  "attention:",
  "be so kind and",
  "do me a favour and",
  "go ahead and",
  "your turn:",
  "task:",
  "instruction:",
  "ladies and gentlemen:",
  "I've been waiting for this:",
  "carefully,",
];

export const AFTER: readonly string[] = [
  "and be gentle",
  ", take your time",
  ", my friend",
  "whenever you like",
  ", I know you can do it",
  "before lunch",
  "as quickly as you like",
  ", it's my favourite",
  "so that I can take a picture",
  ", that would make my day",
  ", you clever machine",
  "very carefully",
  ", and thanks in advance",
  "if you don't mind",
  "as soon as possible",
];

export function withAside(text: string, rng: Rng, split: Split): string {
  if (rng.uniform() < 0.65) return `${rng.pick(partsOf(BEFORE, split))} ${text}`;
  return `${text.replace(/[?.!]+$/, "")} ${rng.pick(partsOf(AFTER, split))}`.replace(" ,", ",");
}
