/** Tells questions, sensible requests and nonsense apart where no pattern fits. */
import { COLOUR_OF, KIND_OF, PLURAL_OF, SIZE_OF, THING_WORDS } from "@bidden/runtime";
import { LEADS, VERB_BASES } from "./courtesy.ts";

const VERBS = new Set([
  ...VERB_BASES,
  ..."rotate arrange sort count hide cover empty fill clean wipe swap exchange press".split(" "),
]);
const THING = new Set([...THING_WORDS, "table", "gripper", "arm", "things", "objects", "everything"]);
const ASKING = new Set("where wheres what whats which how is are does did has was were".split(" "));
/** Openings of a question that do not begin with an asking word. */
const ASKING_PHRASES = [
  "can you see",
  "could you see",
  "tell me where",
  "say where",
  "tell me which",
  "tell me what",
  "tell me how",
  "tell me the",
  "count the",
  "in which",
  "would you say",
  "would you call",
  "do you",
];
/** Look like questions and ask for a deed. */
const NOT_ASKING = [
  "how about",
  "what about",
  "why dont you",
  "do you mind",
  "do me a",
  "do it",
  "do you think you can",
  "do you suppose you can",
  "is it possible to",
  "are you able to",
];

export function isQuestion(words: readonly string[]): boolean {
  const line = `${withoutCalls(words).join(" ")} `;
  if (NOT_ASKING.some((phrase) => line.startsWith(`${phrase} `))) return false;
  const asks = ASKING.has(line.split(" ", 1)[0] as string) || ASKING_PHRASES.some((one) => line.startsWith(`${one} `));
  return asks && words.some(isOfTable);
}

const CALLS = new Set(["hey", "hi", "hello", "ok", "okay", "robot", "please", "now", "so", "and", "well", "just"]);

function withoutCalls(words: readonly string[]): readonly string[] {
  const from = words.findIndex((word) => !CALLS.has(word));
  return from < 0 ? words : words.slice(from);
}

function isOfTable(word: string): boolean {
  return KIND_OF.has(word) || PLURAL_OF.has(word) || COLOUR_OF.has(word) || THING.has(word);
}

/** A verb of deeds and something of the table, in a sentence of mostly plain words. */
export function soundsSensible(words: readonly string[]): boolean {
  const verb = words.findIndex((word) => VERBS.has(word));
  if (verb < 0 || !words.some(isOfTable)) return false;
  if (CONDITIONS.has(words[0] as string)) return true;
  // A verb deep inside a sentence is a story, not an order.
  return verb <= 2 || words.slice(0, verb).every((word) => COURTEOUS.has(word) || SIZE_OF.has(word));
}

/** Openings of orders that are not simply to be carried out. */
const CONDITIONS = new Set(["if", "when", "once", "after", "before", "unless", "while", "dont", "do", "never", "not"]);
const COURTEOUS: ReadonlySet<string> = new Set(LEADS.flatMap((lead) => lead.split(" ")));
