/** Finds the noun phrases of a sentence by word lists alone: which words name what is acted on, which name the place. */
import {
  COLOUR_OF,
  COMPARATIVE_WORDS,
  IDLE_ADJECTIVES,
  KIND_OF,
  SIZE_OF,
  STRANGE_COLOURS,
  STRANGE_THINGS,
  THING_WORDS,
} from "./lexicon.ts";
import type { Token } from "./tokens.ts";

/** Adjectives and a noun, such as *the small red block*. Positions are indices of tokens, end exclusive. */
export type Chunk = {
  readonly start: number;
  readonly end: number;
  /** First token after the article. */
  readonly body: number;
  readonly colour: string | null;
  readonly size: string | null;
  /** Such as *left*, *leftmost*, *other*. */
  readonly which: string | null;
  /** Token of the noun, or null (*the red*). */
  readonly noun: number | null;
  /** Canonical kind, or null: a thing, or nothing that this table has. */
  readonly kind: string | null;
};

const ARTICLES: ReadonlySet<string> = new Set(["the", "a", "an", "that", "this", "my", "your", "our", "teh"]);
const WHICH: ReadonlySet<string> = new Set(
  "left leftmost right rightmost front frontmost back backmost rear rearmost middle central nearest closest nearer closer farthest furthest other another".split(
    " ",
  ),
);
const STRANGE: ReadonlySet<string> = new Set([...STRANGE_THINGS, "table", "robot", "floor", "wall", "person"]);
const STRANGE_COLOUR: ReadonlySet<string> = new Set(STRANGE_COLOURS);
const THING: ReadonlySet<string> = new Set(THING_WORDS);

export function chunksOf(tokens: readonly Token[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < tokens.length; ) {
    const chunk = readChunk(tokens, at);
    if (chunk) chunks.push(chunk);
    at = chunk ? chunk.end : at + 1;
  }
  return chunks;
}

/** The chunk that begins at a token, or null. A modal *can* is no tin: it needs an article or an adjective before it. */
function readChunk(tokens: readonly Token[], start: number): Chunk | null {
  const word = (at: number): string => tokens[at]?.word ?? "";
  const body = ARTICLES.has(word(start)) ? start + 1 : start;
  let colour: string | null = null;
  let size: string | null = null;
  let which: string | null = null;
  let at = body;
  for (; at < tokens.length; at++) {
    const next = word(at);
    if (COLOUR_OF.has(next) || STRANGE_COLOUR.has(next)) colour ??= next;
    else if (SIZE_OF.has(next)) size ??= next;
    else if (WHICH.has(next) && !isRelation(tokens, at)) which ??= next;
    else if (!IDLE_ADJECTIVES.has(next) && next !== "coloured" && next !== "non") break;
  }
  const described = at > body;
  const isNoun = KIND_OF.has(word(at)) || THING.has(word(at)) || STRANGE.has(word(at));
  const bare = !described && body === start;
  if (!isNoun || (bare && (word(at) === "can" || word(at) === "one" || word(at) === "robot"))) {
    if (!described || (colour === null && size === null && which === null)) return null;
    // Directions without a noun are adverbs: "to the left".
    if (colour === null && size === null && which !== "other") return null;
    return { start, end: at, body, colour, size, which, noun: null, kind: null };
  }
  const long = KIND_OF.has(`${word(at)} ${word(at + 1)}`);
  const kind = KIND_OF.get(long ? `${word(at)} ${word(at + 1)}` : word(at)) ?? null;
  return { start, end: at + (long ? 2 : 1), body, colour, size, which, noun: at, kind };
}

/** *left of*, *closest to* and the like stand after a noun and belong to no chunk. */
function isRelation(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]?.word;
  return next === "of" || next === "to" || next === "from" || next === "away";
}

/** Whether a chunk only tells which of several by size (*the smaller one*). */
export function isComparative(chunk: Chunk): boolean {
  return chunk.size !== null && COMPARATIVE_WORDS.has(chunk.size);
}

/** What is acted on and where it goes. Ranges of tokens, end exclusive, with the phrase that follows the noun. */
export type Slots = {
  readonly act: { readonly chunk: Chunk; readonly end: number } | null;
  readonly place: { readonly chunk: Chunk; readonly preposition: number; readonly end: number } | null;
};

const PREPOSITIONS: ReadonlySet<string> = new Set(["in", "into", "inside", "on", "onto", "to", "upon", "atop"]);
/** A preposition after one of these belongs to a relation (*next to*, *close to*) or a verb (*point to*). */
const BEFORE_RELATION: ReadonlySet<string> = new Set(
  "next nearest closest close near nearer lying standing sitting is thats point points pointing gesture".split(" "),
);

export function slotsOf(tokens: readonly Token[]): Slots {
  const chunks = chunksOf(tokens);
  const placeAt = lastPlace(tokens, chunks);
  if (placeAt === null) {
    const first = chunks[0];
    return { act: first ? { chunk: first, end: tokens.length } : null, place: null };
  }
  const { chunk: place, preposition } = placeAt;
  const act =
    chunks.find((chunk) => chunk.end <= preposition) ?? chunks.find((chunk) => chunk.start >= place.end) ?? null;
  const reversed = act !== null && act.start >= place.end;
  return {
    act: act ? { chunk: act, end: reversed ? tokens.length : preposition } : null,
    place: { chunk: place, preposition, end: reversed ? place.end : tokens.length },
  };
}

/** The last preposition that says where something goes, and not where something is. */
function lastPlace(tokens: readonly Token[], chunks: readonly Chunk[]): { chunk: Chunk; preposition: number } | null {
  for (let i = chunks.length - 1; i >= 0; i--) {
    const chunk = chunks[i] as Chunk;
    let at = chunk.start - 1;
    if (tokens[at]?.word === "of" && tokens[at - 1]?.word === "top") at -= 2;
    if (!PREPOSITIONS.has(tokens[at]?.word ?? "")) continue;
    // "On to", "in to", "over to": the phrase begins at its first word.
    if (/^(on|in|over|down|up|across)$/.test(tokens[at - 1]?.word ?? "")) at--;
    if (BEFORE_RELATION.has(tokens[at - 1]?.word ?? "")) continue;
    return { chunk, preposition: at };
  }
  return null;
}
