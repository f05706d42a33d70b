/**
 * What a person means by a sentence typed while something is going on: stop, another instruction, a correction of the
 * present one, a nudge, undo, yes or no, a question. Word lists only: quick, the same everywhere, and wrong only
 * towards caution (what may be a stop is a stop).
 */
import { chunksOf } from "./chunks.ts";
import { readNudge } from "./nudge.ts";
import { replaceThing, withoutPronoun } from "./replace.ts";
import { mendedTokens } from "./mended.ts";
import { tokensOf } from "./tokens.ts";

export type Utterance =
  | { readonly kind: "stop" }
  | { readonly kind: "new"; readonly instruction: string }
  /** The present instruction, corrected. */
  | { readonly kind: "replace"; readonly instruction: string }
  /** Metres, base frame, in the person's directions. */
  | { readonly kind: "nudge"; readonly directionM: readonly [number, number, number] }
  /** Put back what was moved last. */
  | { readonly kind: "undo" }
  | { readonly kind: "confirm"; readonly yes: boolean }
  | { readonly kind: "question" }
  | { readonly kind: "empty" };

export type UtteranceContext = { readonly currentInstruction: string | null; readonly moving: boolean };

const COURTESY = /^(please|pls|now|hey|hi|robot|ok|okay|oh|ah|uh|um|well|just|so|and|but)$/;
const STOP =
  /^(s+t+o+p+|sotp|stpo|tsop|stp|stio|halt|freeze|abort|cancel|wait|whoa|woah|enough|quit|pause|emergency|estop|stahp|basta|cease)$/;
const YES = /^(yes|yeah|yep|yup|sure|correct|exactly|affirmative|indeed|ja|absolutely|y)$/;
const NO = /^(no|nope|nah|negative|wrong|nein|n)$/;
const QUESTION = /^(where|wheres|what|whats|which|who|why|when|how|is|are|does|do|did|has|have|was)$/;
const VERB =
  /^(pick|grab|take|lift|get|grasp|raise|hoist|fetch|snatch|collect|scoop|hold|put|place|set|lay|drop|park|deposit|pop|leave|move|bring|carry|transfer|relocate|push|shove|slide|nudge|scoot|shift|drag|sweep|roll|stack|pile|balance|perch|rest|heap|open|close|shut|pull|tug|yank|point|show|indicate|aim|gesture|turn|rotate|throw|toss|hurl|hit|smash|find|stick|position|seal|ignore|disable|go|swap|build|make|let|give)$/;
/** How corrections begin; the longest first. */
const TURNS: readonly (readonly string[])[] = (
  "wait i meant|wait|no i meant|no i mean|no i said|no i want|no sorry|no not that one|no not that|no not this|no not it|not that one|not this one|not that|" +
  "not this|i meant|i mean|i said|sorry i meant|sorry|oops|actually|rather|wrong one|wrong|no wait|wait no|no no|no rather|no|nope|nah|instead|" +
  "change it to|better|correction|what i meant was|rather not"
)
  .split("|")
  .map((phrase) => phrase.split(" "))
  .sort((a, b) => b.length - a.length);

/** Begin a correction only before *the green one* or a place: before a thing with a name they are deeds of their own. */
const WEAK_TURNS: readonly (readonly string[])[] =
  "make it|make that|i want|id like|use|take|try|what about|how about|choose"
    .split("|")
    .map((phrase) => phrase.split(" "));

/** Never throws; anything that fits nowhere is a new instruction, for the policy to make sense of or to refuse. */
export function understandUtterance(text: string, context: UtteranceContext): Utterance {
  const tokens = tokensOf(text);
  const words = tokens.map(({ word }) => word);
  if (words.length === 0) return text.trim() === "" ? { kind: "empty" } : { kind: "new", instruction: text.trim() };
  const plain = trimCourtesy(words);
  if (isStop(plain, context.moving)) return { kind: "stop" };
  if (isUndo(plain)) return { kind: "undo" };
  const confirmed = readConfirm(plain);
  if (confirmed !== null) return { kind: "confirm", yes: confirmed };
  const directionM = readNudge(plain);
  if (directionM) return { kind: "nudge", directionM };
  if (isQuestion(plain)) return { kind: "question" };
  return readCorrection(text, context.currentInstruction) ?? { kind: "new", instruction: text.trim() };
}

function trimCourtesy(words: readonly string[]): readonly string[] {
  let [from, to] = [0, words.length];
  while (to - from > 1 && COURTESY.test(words[from] as string)) from++;
  while (to - from > 1 && COURTESY.test(words[to - 1] as string)) to--;
  return words.slice(from, to);
}

/** All that stops, with or without a *no* before it. */
const STOP_PHRASE =
  /^(no )*(never mind|nevermind|forget it|stand still|hold still|hold on|hold it|dont move|do not move|leave it|let it be|thats enough|no more)$/;
/** Around these a *stop* is talked about, not given. */
const ABOUT_STOPS = /^(dont|never|not|override|ignore|disable|without|bypass|after|until|even|if|when|button)$/;

function isStop(words: readonly string[], moving: boolean): boolean {
  const line = words.join(" ");
  // An alarmed "no!" at a moving arm is a stop, and so is "not that one".
  if (moving && (words.every((word) => NO.test(word)) || /^(no )*not (that|this|it)( one)?$/.test(line))) return true;
  if (STOP_PHRASE.test(line)) return true;
  if (words.some((word) => ABOUT_STOPS.test(word))) return false;
  // "Wait, I meant the green one" says more than wait.
  if (STOP.test(words[0] as string)) return words[0] !== "wait" || words.length <= 3 || words.includes("stop");
  return words.length <= 6 && words.some((word) => /^(s+t+o+p+|halt|freeze)$/.test(word));
}

function isUndo(words: readonly string[]): boolean {
  const line = words.join(" ").replace(/^(no|actually|sorry|could you|can you|would you|please) /, "");
  if (/^(undo|revert|take that back|take it back)( (that|it|this|the last one))?$/.test(line)) return true;
  if (/^(return|give) (it|that)( back)?$/.test(line)) return true;
  return /^(put|set|place|bring|lay|move|take) (it|that|this|them|the( \w+){1,3}) back( (again|now|please|there|where (it|you|they|that) .*|to (where|its|the) .*|in its place))?$/.test(
    line,
  );
}

function readConfirm(words: readonly string[]): boolean | null {
  const line = words.join(" ");
  if (words.length <= 3 && words.every((word) => YES.test(word) || COURTESY.test(word))) return true;
  if (
    /^(go ahead|do it|please do|go on|thats right|thats it|that is right|that one|this one|yes that one|yes do it|yes go ahead|continue|proceed|carry on|ok)$/.test(
      line,
    )
  ) {
    return true;
  }
  if (words.length <= 3 && words.every((word) => NO.test(word) || COURTESY.test(word))) return false;
  return /^(no thanks|no thank you|not now|neither|none|none of them|better not|no dont|dont|not (that|this|it)( one)?|dont do it|please dont|no dont do it)$/.test(
    line,
  )
    ? false
    : null;
}

function isQuestion(words: readonly string[]): boolean {
  const line = words.join(" ");
  if (/^(how about|what about|do you mind|why dont you)\b/.test(line)) return false;
  return (
    QUESTION.test(words[0] as string) ||
    /^((can|could|do) you (see|tell|know|count)|tell me (where|what|how|which|the))\b/.test(line)
  );
}

/** A correction names a thing without a deed of its own; with one it is a new instruction, rid of its *no*. */
function readCorrection(text: string, current: string | null): Utterance | null {
  const { rest, turned, rejected } = splitTurn(text);
  if (rest === "") return null;
  const words = tokensOf(rest).map(({ word }) => word);
  if (hasVerb(words)) {
    return current === null ? null : { kind: "new", instruction: withoutPronoun(current, turned ? rest : text.trim()) };
  }
  if (current === null) return null;
  if (!turned && !namesOnlyAThing(rest)) return null;
  const denied = deniedColour(rest);
  if (denied !== null) return replaced(replaceThing(current, `the one that is not ${denied}`, rest));
  return replaced(replaceThing(current, rest, rejected));
}

function replaced(instruction: string | null): Utterance | null {
  return instruction === null ? null : { kind: "replace", instruction };
}

/** *Not the red one*, and nothing else. */
function deniedColour(text: string): string | null {
  const tokens = mendedTokens(text);
  const chunk = tokens[0]?.word === "not" ? chunksOf(tokens)[0] : undefined;
  return chunk && chunk.start === 1 && chunk.end === tokens.length ? chunk.colour : null;
}

function hasVerb(words: readonly string[]): boolean {
  return words.some((word) => VERB.test(word) || (/.ing$/.test(word) && !/^(thing|ring)$/.test(word)));
}

/** Takes *no*, *I meant*, *not the red one* off the front (and *not the red one* off the end). */
function splitTurn(text: string): { rest: string; turned: boolean; rejected: string } {
  let rest = text.trim();
  let turned = false;
  for (let peeled = true; peeled; ) {
    peeled = false;
    const tokens = tokensOf(rest);
    const begins = (turn: readonly string[]): boolean =>
      turn.length < tokens.length && turn.every((word, i) => tokens[i]?.word === word);
    const lead = TURNS.find(begins) ?? WEAK_TURNS.find((turn) => begins(turn) && isUnnamed(rest, turn.length));
    const polite = lead === undefined && tokens.length > 1 && COURTESY.test(tokens[0]?.word ?? "");
    const next = tokens[lead?.length ?? 1];
    if ((lead !== undefined || polite) && next) {
      rest = rest.slice(next.start);
      turned ||= lead !== undefined;
      peeled = true;
    }
  }
  const tokens = mendedTokens(rest);
  if (tokens[0]?.word === "not") {
    // "Not the red one, the green one" / "not the red but the green one".
    const [first, second] = chunksOf(tokens);
    if (first && second) {
      const at = (tokens[second.start] as { start: number }).start;
      return { rest: rest.slice(at), turned: true, rejected: rest.slice(0, at) };
    }
  }
  const denial = /[,;]?\s+(?:and\s+|but\s+)?not\s+(the .*)$/i.exec(rest);
  if (denial && denial.index > 0)
    return { rest: rest.slice(0, denial.index), turned: true, rejected: denial[1] as string };
  return { rest, turned, rejected: "" };
}

/** Whether, after so many words, comes a thing without a name of its own (*the green one*). */
function isUnnamed(text: string, after: number): boolean {
  const tokens = mendedTokens(text).slice(after);
  const chunk = chunksOf(tokens)[0];
  return chunk !== undefined && chunk.start === 0 && (chunk.noun === null || tokens[chunk.noun]?.word === "one");
}

/** *The green one*, *in the bowl*, *not the red one*, *the other one instead*. */
function namesOnlyAThing(text: string): boolean {
  const tokens = mendedTokens(text);
  const chunk = chunksOf(tokens)[0];
  if (!chunk) return false;
  return tokens
    .slice(0, chunk.start)
    .every(({ word }) => /^(in|into|inside|on|onto|to|top|of|not|instead|upon)$/.test(word));
}
