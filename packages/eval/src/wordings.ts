/** Sorts instructions by how they are worded, from the text alone; and says which were typed with a slip. */
import type { Wording } from "./episode.ts";

const RELATION =
  /\b(left|right|behind|front|near(est|er)?|close(st|r)?|next to|beside|by the|far(thest|ther)?|further|furthest|between|middle|leftmost|rightmost|back|sits? on|standing|lying)\b/;
const SIZE = /\b(small(er|est)?|little|littler|tiny|large(r|st)?|big(ger|gest)?|mini|petite|huge|sizeable)\b/;
const OTHER = /\b(other|not|isn't|except|but)\b/;

/** @param unseen words that training never says. */
export function wordingsOf(text: string, typo: boolean, unseen: readonly string[]): Wording[] {
  const lower = text.toLowerCase();
  const words = new Set(lower.match(/[a-z']+/g) ?? []);
  const found: Wording[] = [];
  if (RELATION.test(lower)) found.push("relation");
  if (SIZE.test(lower)) found.push("size");
  if (OTHER.test(lower)) found.push("other");
  if (typo) found.push("typo");
  if (unseen.some((word) => words.has(word))) found.push("unseen word");
  return found.length === 0 ? ["direct"] : found;
}
