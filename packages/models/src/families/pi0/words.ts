/** What π models need of PaliGemma's tokenizer. */
import { BiddenError } from "@bidden/runtime";

export interface PiWords {
  /** Shown in errors. */
  readonly name: string;
  /** Ids of a text, in which nothing becomes a special token; no BOS. */
  encode(text: string): readonly number[];
  /** Id of a token; undefined where there is none of that name. */
  idOf(token: string): number | undefined;
}

/** BOS and the prompt. A prompt that is too long is refused: cut, it would lose its end without a word. */
export function promptIds(words: PiWords, text: string, maxTokens: number): number[] {
  const ids = [needId(words, "<bos>"), ...words.encode(text)];
  if (ids.length <= maxTokens) return ids;
  throw new BiddenError(
    "bad-instruction",
    `The policy reads prompts of at most ${maxTokens} tokens; this one has ${ids.length}. Say it more briefly.`,
    { expected: maxTokens, came: ids.length },
  );
}

export function needId(words: PiWords, token: string): number {
  const id = words.idOf(token);
  if (id !== undefined) return id;
  throw new BiddenError(
    "bad-checkpoint",
    `${words.name}: expected a token "${token}", as PaliGemma's tokenizer has; there is none.`,
    { file: words.name, token },
  );
}
