/** What hands do to sentences: typing errors, casing, missing or doubled punctuation. */
import type { Rng } from "@bidden/runtime";
import { correctWord, isKnownWord } from "./spelling.ts";

const ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/** Changes how a sentence looks and not what it means. @param typos probability of one typing error, 0..1. */
export function roughen(text: string, rng: Rng, typos: number): string {
  const typed = rng.uniform() < typos ? withTypo(text, rng) : text;
  return recase(repunctuate(typed, rng), rng);
}

function repunctuate(text: string, rng: Rng): string {
  const form = rng.uniform();
  const bare = text.replace(/[?.!]+$/, "");
  if (text.endsWith("?")) return form < 0.6 ? text : bare;
  if (form < 0.6) return bare;
  if (form < 0.88) return `${bare}.`;
  return form < 0.97 ? `${bare}!` : `${bare}..`;
}

function recase(text: string, rng: Rng): string {
  const form = rng.uniform();
  if (form < 0.5) return text.toLowerCase();
  if (form < 0.96) return text.charAt(0).toUpperCase() + text.slice(1);
  return text.toUpperCase();
}

/** One slip in one word, such that a reader still knows which word it was. */
function withTypo(text: string, rng: Rng): string {
  const words = text.split(" ");
  for (let tries = 0; tries < 8; tries++) {
    const at = rng.below(words.length);
    const word = words[at] ?? "";
    if (!/^[a-z]{4,}$/.test(word) || !isKnownWord(word)) continue;
    const slipped = slip(word, rng);
    if (slipped !== word && !isKnownWord(slipped) && correctWord(slipped) === word) {
      words[at] = slipped;
      return words.join(" ");
    }
  }
  return text;
}

/** Swap, drop, double or neighbouring key, anywhere but in the first letter. */
function slip(word: string, rng: Rng): string {
  const at = 1 + rng.below(word.length - 1);
  const letter = word.charAt(at);
  const [before, after] = [word.slice(0, at), word.slice(at + 1)];
  switch (rng.below(4)) {
    case 0:
      return before.slice(0, -1) + letter + before.slice(-1) + after;
    case 1:
      return before + after;
    case 2:
      return before + letter + letter + after;
    default:
      return before + neighbourKey(letter, rng) + after;
  }
}

function neighbourKey(letter: string, rng: Rng): string {
  const row = ROWS.find((keys) => keys.includes(letter));
  if (row === undefined) return letter;
  const at = row.indexOf(letter) + (rng.uniform() < 0.5 ? -1 : 1);
  return row.charAt(at) || letter;
}
