/** Sentences that are no instruction for this table: mashed keys, loose words, verse, numbers, code, other languages, chatter. */
import type { Rng } from "@bidden/runtime";
import { partsOf } from "../parts.ts";
import { roughen } from "../roughen.ts";
import type { Split } from "../words.ts";
import {
  CHATTER,
  CODE,
  EMOJI,
  FOREIGN,
  FOREIGN_THINGS,
  LOOSE_WORDS,
  OFF_TOPIC_THINGS,
  PROSE,
  REQUESTS,
  VERSE,
} from "./garbage-lines.ts";
import type { Unclear } from "./say-unclear.ts";

const MAKERS: Readonly<Record<string, (rng: Rng, split: Split) => string>> = {
  mash,
  salad,
  verse,
  prose: (rng, split) => filled(rng.pick(partsOf(PROSE, split)), rng, split),
  numbers,
  emoji: (rng, split) =>
    Array.from({ length: 1 + rng.below(5) }, () => rng.pick(partsOf(EMOJI, split))).join(rng.pick(["", " "])),
  code: (rng, split) => rng.pick(partsOf(CODE, split)).replaceAll("#", () => String(rng.below(1000))),
  foreign: (rng, split) => rng.pick(partsOf(FOREIGN, split)),
  foreignDeed,
  chatter: (rng, split) => filled(rng.pick(partsOf(CHATTER, split)), rng, split),
  request: (rng, split) => filled(rng.pick(partsOf(REQUESTS, split)), rng, split),
};

export function sayGarbage(rng: Rng, split: Split): Unclear & { kind: "garbage" } {
  const part = rng.pick(Object.keys(MAKERS));
  const text = (MAKERS[part] as (rng: Rng, split: Split) => string)(rng, split);
  const rough = /^(verse|prose|chatter|request|salad)$/.test(part) ? roughen(text, rng, 0) : text;
  return { kind: "garbage", text: rough, part: `garbage/${part}` };
}

const KEYS = ["asdfghjkl", "qwertyuiop", "zxcvbnm", "asdfjkl", "abcdefghijklmnopqrstuvwxyz", "aeioubcdfghklmnprst"];

function mash(rng: Rng): string {
  const word = (): string => {
    const keys = rng.pick(KEYS);
    if (rng.uniform() < 0.25) return keys.slice(rng.below(4), 4 + rng.below(5));
    if (rng.uniform() < 0.15) return keys.charAt(rng.below(keys.length)).repeat(2 + rng.below(8));
    return Array.from({ length: 2 + rng.below(9) }, () => keys.charAt(rng.below(keys.length))).join("");
  };
  return Array.from({ length: 1 + rng.below(4) }, word).join(" ");
}

/** Words in no order, now and then one that belongs to the table. */
function salad(rng: Rng, split: Split): string {
  const table = ["red", "blue", "block", "ball", "the", "of", "and", "under", "green", "bowl"];
  const word = (): string => (rng.uniform() < 0.15 ? rng.pick(table) : rng.pick(partsOf(LOOSE_WORDS, split)));
  return Array.from({ length: 2 + rng.below(6) }, word).join(" ");
}

function verse(rng: Rng, split: Split): string {
  const lines = partsOf(VERSE, split);
  return Array.from({ length: 1 + rng.below(3) }, () => filled(rng.pick(lines), rng, split)).join(
    rng.pick([", ", " / ", "\n"]),
  );
}

function numbers(rng: Rng): string {
  const number = (): string => (rng.uniform() * 10 ** rng.below(6)).toFixed(rng.below(3));
  const operator = rng.pick([" ", " + ", ", ", " * ", "-", "."]);
  const sum = Array.from({ length: 1 + rng.below(6) }, number).join(operator);
  return rng.uniform() < 0.2 ? `what is ${sum}?` : sum;
}

/** An instruction in a language that the policy does not know. */
function foreignDeed(rng: Rng, split: Split): string {
  const tongue = rng.pick(FOREIGN_THINGS);
  const part = (list: readonly string[]): string => rng.pick(partsOf(list, split));
  return rng
    .pick(tongue.frames)
    .replace("{o}", () => part(tongue.things))
    .replace("{t}", () => part(tongue.places));
}

function filled(line: string, rng: Rng, split: Split): string {
  return line.replaceAll("{x}", () => rng.pick(partsOf(OFF_TOPIC_THINGS, split)));
}
