/** Tokens with slips in the words of the tabletop mended: *the grene one*. */
import {
  COLOUR_OF,
  IDLE_ADJECTIVES,
  KIND_OF,
  NOT_TYPOS,
  PLURAL_OF,
  SIZE_OF,
  STRANGE_COLOURS,
  STRANGE_THINGS,
} from "./lexicon.ts";
import { createSpeller, type Speller } from "./spelling.ts";
import { type Token, tokensOf } from "./tokens.ts";

const PLAIN =
  "other another leftmost rightmost frontmost backmost middle nearest closest farthest furthest thing object item".split(
    " ",
  );
/** Right as they stand, and one slip away from words of ours. */
const AROUND =
  "into onto inside them then that this these those with white under there here back left right front".split(" ");

let speller: Speller | undefined;

/** As `tokensOf`; only `word` is mended, the places are those of what was typed. */
export function mendedTokens(text: string): Token[] {
  speller ??= createSpeller(
    [...COLOUR_OF.keys(), ...KIND_OF.keys(), ...SIZE_OF.keys(), ...PLAIN],
    [...NOT_TYPOS, ...STRANGE_COLOURS, ...STRANGE_THINGS, ...PLURAL_OF.keys(), ...IDLE_ADJECTIVES, ...AROUND],
  );
  const known = speller;
  return tokensOf(text).map((token) => ({ ...token, word: mend(known, token.word) }));
}

/** Short words are mostly the grammar's own (*one*, *put*, *not*) and stay as they are. */
function mend(known: Speller, word: string): string {
  return word.length < 4 ? word : (known.correct(word) ?? word);
}
