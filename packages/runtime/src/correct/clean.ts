/** Makes an instruction out of whatever a page, a pipe or a person sent. */
import { BiddenError } from "../contract/errors.ts";

/** Longest instruction, characters after cleaning. */
export const MAX_INSTRUCTION = 400;

// Zero-width and direction marks hide or reorder text; a person cannot have meant them.
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
// C0 and C1 control characters and lone surrogates.
const CONTROL = /[\p{Cc}\p{Cs}]/gu;

/**
 * Composed characters (NFC), no control or invisible ones, single spaces, no space at the ends.
 * Throws `bad-instruction` when nothing is left or when it is longer than 400 characters.
 */
export function cleanInstruction(text: string): string {
  // Ten times the limit is enough to tell that it is too long; no more work is spent on it.
  const seen = text.slice(0, MAX_INSTRUCTION * 10);
  const clean = seen.replace(CONTROL, " ").replace(INVISIBLE, "").normalize("NFC").replace(/\s+/g, " ").trim();
  if (clean === "" && text.length <= seen.length) {
    throw new BiddenError(
      "bad-instruction",
      'The instruction is empty. Say what should be done, such as "put the red block on the blue plate".',
      { length: text.length },
    );
  }
  if (clean.length > MAX_INSTRUCTION || text.length > seen.length) {
    throw new BiddenError(
      "bad-instruction",
      `The instruction has ${text.length} characters; at most ${MAX_INSTRUCTION} are read. Say it in one sentence.`,
      { length: text.length, limit: MAX_INSTRUCTION },
    );
  }
  return clean;
}
