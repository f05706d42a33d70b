/** The words this grammar knows, and which of them a mistyped word must have been. */
import {
  COLOUR_OF,
  createSpeller,
  IDLE_ADJECTIVES,
  KIND_OF,
  NOT_TYPOS,
  PLURAL_OF,
  type Speller,
  SIZE_OF,
  STRANGE_COLOURS,
  STRANGE_THINGS,
  THING_WORDS,
  wordsOf,
} from "@bidden/runtime";
import { AFTER, BEFORE } from "./asides.ts";
import { FILLERS, LEADS, TAILS, VERB_BASES } from "./parse/courtesy.ts";
import { FORBIDDEN_WORDS } from "./parse/forbidden-words.ts";
import { TEMPLATES } from "./templates.ts";

const FUNCTION_WORDS = (
  "the a an that which is are isnt not thats of to from in on by at other only next near nearest closest beside behind left " +
  "right front back middle leftmost rightmost frontmost backmost rearmost farthest furthest away lying standing me now " +
  "please kindly thanks thank you robot hey could can would will mind want need like where what how many there colour " +
  "color any do does see hello my your top onto into inside count number tell say which"
).split(" ");

let speller: Speller | undefined;

/** Made on first use: no work at import time. */
function theSpeller(): Speller {
  if (speller) return speller;
  const ours = [COLOUR_OF, KIND_OF, PLURAL_OF, SIZE_OF].flatMap((map) => [...map.keys()]).flatMap((w) => w.split(" "));
  const framed = TEMPLATES.flatMap(({ frame }) => wordsOf(frame));
  const courtesy = [...LEADS, ...TAILS, ...BEFORE, ...AFTER].flatMap(wordsOf);
  const strange = [...FORBIDDEN_WORDS, ...STRANGE_COLOURS, ...STRANGE_THINGS, ...NOT_TYPOS];
  speller = createSpeller(
    [...ours, ...THING_WORDS, ...framed, ...courtesy, ...FILLERS, ...VERB_BASES, ...FUNCTION_WORDS],
    [...strange, ...IDLE_ADJECTIVES],
  );
  return speller;
}

export function isKnownWord(word: string): boolean {
  return theSpeller().isKnown(word);
}

/** The known word that was meant, or null. */
export function correctWord(word: string): string | null {
  return theSpeller().correct(word);
}
