/** WordPiece ids of a sentence, by the tokenizer's own JSON; a person's text can never become a control token. */
import { BiddenError, messageOf } from "@bidden/runtime";
import { Tokenizer } from "@huggingface/tokenizers";

/** Spelled out, these would be read as control tokens. */
const CONTROL = /\[(CLS|SEP|PAD|UNK|MASK)\]/gi;

export type Wordpiece = {
  /** Ids with [CLS] first and [SEP] last, at most `maxTokens`; what does not fit is cut before [SEP]. */
  encode(text: string, maxTokens: number): number[];
};

/** @param tokenizerJson text of a Hugging Face `tokenizer.json` of the WordPiece kind. */
export function createWordpiece(tokenizerJson: string): Wordpiece {
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(JSON.parse(tokenizerJson), {});
  } catch (error) {
    throw new BiddenError("bad-checkpoint", `tokenizer.json could not be read: ${messageOf(error)}.`, {}, error);
  }
  return {
    encode(text, maxTokens) {
      const { ids } = tokenizer.encode(text.replace(CONTROL, "( $1 )"));
      if (ids.length <= maxTokens) return ids;
      return [...ids.slice(0, maxTokens - 1), ids[ids.length - 1] as number];
    },
  };
}
