/**
 * Generated ids back to actions, as LeRobot reads them: what stands before the first "|", without "Action: ", mirrored into the
 * FAST vocabulary, decoded to cosine coefficients, cut or filled to the size of a chunk. A chunk that needed any of these
 * mendings, or that does not begin as it should, is not what the model was trained to say: it is decoded and reported.
 */
import { inverseCosineTransform } from "../../tokenizers/cosine.ts";
import type { FastTokenizer } from "../../tokenizers/fast.ts";

/** What of the FAST tokenizer turns ids into coefficients. */
export type FastText = Pick<FastTokenizer, "vocabulary" | "scale" | "minToken" | "decode">;

/** Ids of the words around the actions. */
export type ActionWords = {
  /** "Action: ". */
  readonly prefix: readonly number[];
  /** "|". */
  readonly end: number;
  /** Size of the text vocabulary, whose end the FAST ids are mirrored from, and how many of its last ids are kept free. */
  readonly vocabulary: number;
  readonly skipped: number;
};

export type DecodedActions = {
  /** float32[horizon, dim], model space. */
  readonly values: Float32Array;
  /** Why the chunk must not be executed; empty when it is as it should be. */
  readonly problems: readonly string[];
};

export type ChunkSize = { readonly horizon: number; readonly dim: number };

/** The text id of a FAST id, and back: the map is its own inverse. */
export function mirrored(id: number, { vocabulary, skipped }: ActionWords): number {
  return vocabulary - 1 - skipped - id;
}

export function decodeActions(
  generated: ArrayLike<number>,
  words: ActionWords,
  fast: FastText,
  size: ChunkSize,
): DecodedActions {
  const problems: string[] = [];
  const ids = Array.from(generated);
  const begins = words.prefix.slice(0, 2).every((id, i) => ids[i] === id);
  if (!begins) problems.push(`The model did not begin with "Action:" (ids ${ids.slice(0, 3).join(", ")}).`);
  const end = ids.indexOf(words.end);
  if (end < 0) problems.push(`The model did not end its actions with "|" within ${ids.length} tokens.`);
  const body = withoutRuns(end < 0 ? ids : ids.slice(0, end), words.prefix).map((id) => mirrored(id, words));
  const strange = body.filter((id) => id < 0 || id >= fast.vocabulary);
  if (strange.length > 0) problems.push(`${strange.length} of ${body.length} tokens stand for no action.`);
  return { values: coefficientsToActions(body, fast, size, problems), problems };
}

/** Without any run of `run`, found from the left, again where removal brings two halves together. */
function withoutRuns(ids: readonly number[], run: readonly number[]): number[] {
  const out = [...ids];
  for (let i = 0; i <= out.length - run.length; ) {
    if (run.length > 0 && run.every((id, j) => out[i + j] === id)) out.splice(i, run.length);
    else i++;
  }
  return out;
}

function coefficientsToActions(
  ids: readonly number[],
  fast: FastText,
  { horizon, dim }: ChunkSize,
  problems: string[],
): Float32Array {
  const wanted = horizon * dim;
  const coefficients = new Float64Array(wanted);
  // The reference gives up on an id below zero, and answers with zeros.
  if (ids.every((id) => id >= 0)) {
    const text = fast.decode(ids.filter((id) => id < fast.vocabulary));
    const points = Array.from(text, (character) => character.codePointAt(0) as number);
    if (points.includes(0xfffd)) problems.push("The tokens cut a coefficient in two.");
    if (points.length !== wanted) problems.push(`Expected ${wanted} coefficients; came ${points.length}.`);
    points.slice(0, wanted).forEach((point, i) => {
      coefficients[i] = (point + fast.minToken) / fast.scale;
    });
  }
  return Float32Array.from(inverseCosineTransform(coefficients, horizon, dim));
}
