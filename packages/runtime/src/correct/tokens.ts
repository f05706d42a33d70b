/** From what was typed to plain words: one way of cutting sentences, for corrections here and the simulator's parser. */

const QUOTES = /[\u2018\u2019\u201a\u201b\u0060\u00b4\u02bc]/g;
const JOINED = [
  [/\b(left|right|front|back|rear) most\b/g, "$1most"],
  [/\bfarther?est\b/g, "farthest"],
  [/\b(colored|colou?r)\b/g, "coloured"],
] as const;
/** Longest input that is looked at, characters; what lies beyond is cut off before any other work. */
export const MAX_SEEN = 4000;

/**
 * Lower-case words without punctuation; apostrophes vanish inside of words (*don't* → *dont*), hyphens part them.
 * Letters of any script stay, emoji and other signs do not.
 */
export function wordsOf(text: string): string[] {
  let plain = text.slice(0, MAX_SEEN).normalize("NFKC").toLowerCase().replace(QUOTES, "'");
  plain = plain.replace(/(\p{L})'(\p{L})/gu, "$1$2").replace(/[^\p{L}\p{N}]+/gu, " ");
  for (const [pattern, into] of JOINED) plain = plain.replace(pattern, into);
  return plain.split(" ").filter((word) => word !== "");
}

/** One word where it stands in the text: `text.slice(start, end)` (end exclusive) reads as `word` in plain letters. */
export type Token = { readonly word: string; readonly start: number; readonly end: number };

/** Words with their places, so that a sentence can be mended without rewriting the rest of it. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.slice(0, MAX_SEEN).matchAll(/[\p{L}\p{N}]+(?:['\u2019-][\p{L}\p{N}]+)*/gu)) {
    const word = match[0].toLowerCase().replace(/['\u2019-]/g, "");
    tokens.push({ word, start: match.index, end: match.index + match[0].length });
  }
  return tokens;
}
