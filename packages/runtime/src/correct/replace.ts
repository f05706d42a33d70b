/** *No, the green one*: says the current instruction anew with another thing in it. Text in, text out. */
import { type Chunk, chunksOf, isComparative, type Slots, slotsOf } from "./chunks.ts";
import { mendedTokens } from "./mended.ts";
import type { Token } from "./tokens.ts";

const PLACES: ReadonlySet<string> = new Set(["bowl", "plate", "square"]);
const PREPOSITION = /^(in|into|inside|on|onto|to|upon|atop)$/;

/**
 * The corrected instruction, or null where the correction names no thing.
 * @param correction what was said, without *no*, *I meant* and the like.
 * @param rejected what was said not to be meant (*not the red one*), or empty.
 */
export function replaceThing(current: string, correction: string, rejected: string): string | null {
  const said = mendedTokens(correction);
  const chunk = chunksOf(said)[0];
  if (!chunk || (chunk.noun === null && chunk.colour === null && chunk.size === null && chunk.which === null))
    return null;
  const currentTokens = mendedTokens(current);
  const slots = slotsOf(currentTokens);
  const preposition = prepositionOf(said, chunk);
  const role = roleOf(slots, chunk, preposition, rejected, currentTokens);
  if (role === "place") return replacePlace(current, currentTokens, slots, correction, said, chunk, preposition);
  if (slots.act === null) return null;
  const end =
    slots.act.end < currentTokens.length || slots.place ? slots.act.end : relativeEnd(currentTokens, slots.act.chunk);
  const phrase = mergedPhrase(current, currentTokens, slots.act.chunk, correction, said, chunk);
  return splice(current, currentTokens, slots.act.chunk.start, end, phrase);
}

/**
 * *Put it in the bowl*, after *pick up the red block*: says what *it* is. The text itself where it names a thing before
 * *it*, or where the current instruction names none.
 */
export function withoutPronoun(current: string, text: string): string {
  const tokens = mendedTokens(text);
  const at = tokens.findIndex(({ word }) => word === "it");
  const [first] = chunksOf(tokens);
  const currentTokens = mendedTokens(current);
  const act = slotsOf(currentTokens).act?.chunk;
  if (at < 1 || !act || (first && first.start < at)) return text;
  const thing = current.slice((currentTokens[act.body] as Token).start, (currentTokens[act.end - 1] as Token).end);
  return splice(text, tokens, at, at + 1, `the ${thing}`);
}

/** Which of the two things is corrected: by preposition, by what was rejected, by kind; else what is acted on. */
function roleOf(
  { act, place }: Slots,
  chunk: Chunk,
  preposition: string | null,
  rejected: string,
  currentTokens: readonly Token[],
): "act" | "place" {
  if (preposition !== null) return "place";
  const denied = chunksOf(mendedTokens(rejected))[0];
  for (const one of [denied, chunk]) {
    if (!one || !place) continue;
    const fits = (other: Chunk | undefined): boolean =>
      other !== undefined &&
      ((one.kind !== null && one.kind === other.kind) ||
        (one === denied && one.colour !== null && one.colour === other.colour));
    if (fits(act?.chunk)) return "act";
    if (fits(place.chunk)) return "place";
  }
  if (place && chunk.kind !== null && PLACES.has(chunk.kind)) return "place";
  return act === null && place && currentTokens.length > 0 ? "place" : "act";
}

function prepositionOf(said: readonly Token[], chunk: Chunk): string | null {
  const words = said.slice(0, chunk.start).map(({ word }) => word);
  const at = words.findIndex((word) => PREPOSITION.test(word));
  return at < 0 ? null : words.slice(at).join(" ");
}

function replacePlace(
  current: string,
  currentTokens: readonly Token[],
  { act, place }: Slots,
  correction: string,
  said: readonly Token[],
  chunk: Chunk,
  preposition: string | null,
): string | null {
  if (place) {
    const phrase = mergedPhrase(current, currentTokens, place.chunk, correction, said, chunk);
    const kept = currentTokens
      .slice(place.preposition, place.chunk.start)
      .map(({ word }) => word)
      .join(" ");
    const fitting = preposition ?? suited(kept, chunk.kind ?? place.chunk.kind);
    return splice(current, currentTokens, place.preposition, place.end, `${fitting} ${phrase}`);
  }
  // "Pick up the red block" and then "in the bowl": a place is added to what had none.
  if (act === null) return null;
  const first = currentTokens[act.chunk.start] as Token;
  const last = currentTokens[act.chunk.end - 1] as Token;
  const place2 = correction.slice((said[chunk.start] as Token).start).trim();
  return `put ${current.slice(first.start, last.end)} ${preposition ?? suited("on", chunk.kind)} ${place2}`;
}

/** *In* suits a bowl, *on* all the rest; *to* suits everything. */
function suited(preposition: string, kind: string | null): string {
  if (/\bto$/.test(preposition) || kind === null) return preposition;
  const inside = preposition.startsWith("in");
  if (kind === "bowl") return inside ? preposition : "in";
  return inside ? "on" : preposition;
}

/**
 * The corrected noun phrase with its article. A noun of its own stands for itself; *one* takes the noun of the old phrase.
 * A new colour replaces all adjectives; a size or a place among several (*the smaller one*) keeps the old colour.
 */
function mergedPhrase(
  current: string,
  currentTokens: readonly Token[],
  old: Chunk,
  correction: string,
  said: readonly Token[],
  chunk: Chunk,
): string {
  const tail = correction
    .slice((said[chunk.end - 1] as Token).end)
    .replace(/[\s.!?,;]+$/, "")
    .replace(/\s+(instead|please|then|rather)$/i, "");
  if (chunk.kind !== null || (chunk.noun !== null && !isOne(said, chunk))) {
    const words = correction.slice((said[chunk.body] as Token).start, (said[chunk.end - 1] as Token).end);
    return `the ${words}${tail}`;
  }
  const noun =
    old.noun === null
      ? "one"
      : current.slice((currentTokens[old.noun] as Token).start, (currentTokens[old.end - 1] as Token).end);
  const keepsColour = chunk.colour === null && (chunk.size !== null || chunk.which !== null);
  const adjectives = [
    chunk.which === null ? null : fullWhich(chunk.which),
    chunk.size,
    chunk.colour ?? (keepsColour ? old.colour : null),
    keepsColour && chunk.size === null && !isComparative(old) ? old.size : null,
  ];
  // "The other small red block": which, size, colour.
  const [which, size, colour, oldSize] = adjectives;
  const front = [which, size ?? oldSize, colour].filter((word) => word !== null && word !== undefined);
  return `the ${[...front, noun].join(" ")}${tail}`;
}

function fullWhich(word: string): string {
  return word === "left" || word === "right" ? `${word}most` : word;
}

function isOne(said: readonly Token[], chunk: Chunk): boolean {
  const word = chunk.noun === null ? "one" : said[chunk.noun]?.word;
  return word === "one" || word === "thing" || word === "object" || word === "item";
}

/** Where a phrase without a place after it ends: behind a relation, before *up*, *please* and the like. */
function relativeEnd(tokens: readonly Token[], chunk: Chunk): number {
  const next = tokens[chunk.end]?.word ?? "";
  if (!/^(left|right|behind|next|nearest|closest|beside|near|farthest|furthest|that|which|in)$/.test(next))
    return chunk.end;
  const following = chunksOf(tokens.slice(chunk.end))[0];
  return following ? chunk.end + following.end : chunk.end;
}

function splice(text: string, tokens: readonly Token[], from: number, to: number, phrase: string): string {
  const [first, last] = [tokens[from] as Token, tokens[to - 1] as Token];
  return `${text.slice(0, first.start)}${phrase}${text.slice(last.end)}`.trim();
}
