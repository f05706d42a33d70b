/** The phrases of an instruction that name things, as they were typed: for answers such as *I see no purple ball*. */
import { type Slots, slotsOf } from "./chunks.ts";
import { mendedTokens } from "./mended.ts";
import type { Token } from "./tokens.ts";

const ARTICLE = /^(the|a|an|that|this|my|your|our)$/;
const STOPS = /^(in|into|inside|on|onto|to|and|then|please|off|from|up|over|for|with|at|now|please|again|if|so)$/;
/** Verbs that a thing of unknown name may follow. */
const VERBS =
  /^(up|take|grab|lift|get|put|place|set|push|slide|stack|move|open|close|shut|at|to|hoist|fetch|bring|drop|hold)$/;

/** Without articles. `act`: what is acted on; `place`: where it goes. Missing where none was recognised. */
export function nounPhrases(text: string): { act?: string; place?: string } {
  const tokens = mendedTokens(text);
  const { act, place } = slotsOf(tokens);
  const actText = act
    ? spanText(text, tokens, act.chunk.body, trimmed(tokens, act.chunk, act.end))
    : unknownThing(text, tokens);
  const placeText = place ? spanText(text, tokens, place.chunk.body, place.chunk.end) : undefined;
  return { ...(actText ? { act: actText } : {}), ...(placeText ? { place: placeText } : {}) };
}

/** The relation after the noun belongs to the phrase; *up*, *please* and the like do not. */
function trimmed(tokens: readonly Token[], chunk: NonNullable<Slots["act"]>["chunk"], end: number): number {
  const next = tokens[chunk.end]?.word ?? "";
  const relation = /^(left|right|behind|next|nearest|closest|beside|near|farthest|furthest|that|which)$/.test(next);
  const infront = next === "in" && tokens[chunk.end + 1]?.word === "front";
  return relation || infront ? Math.min(end, chunk.end + 8) : chunk.end;
}

function spanText(text: string, tokens: readonly Token[], from: number, to: number): string | undefined {
  const [first, last] = [tokens[from], tokens[to - 1]];
  return first && last && from < to ? text.slice(first.start, last.end) : undefined;
}

/** A name that no word list has: what stands after an article that follows a verb, up to the next preposition. */
function unknownThing(text: string, tokens: readonly Token[]): string | undefined {
  const at = tokens.findIndex(({ word }, i) => ARTICLE.test(word) && VERBS.test(tokens[i - 1]?.word ?? ""));
  if (at < 0) return undefined;
  let to = at + 1;
  while (to < tokens.length && to < at + 4 && !STOPS.test(tokens[to]?.word ?? "")) to++;
  return spanText(text, tokens, at + 1, to);
}
