/** What OpenVLA reads: the instruction in one of two frames, as ids of Llama's tokenizer. */
import { BiddenError, messageOf } from "@bidden/runtime";
import { Tokenizer } from "@huggingface/tokenizers";
import { isJsonObject, type JsonObject, parseJson } from "../../checkpoint/json.ts";
import type { PromptForm } from "./config.ts";

const SYSTEM =
  "A chat between a curious user and an artificial intelligence assistant. " +
  "The assistant gives helpful, detailed, and polite answers to the user's questions.";

/** The piece that stands for a space at the beginning of a word; in Llama 2's vocabulary its id is 29871. */
const SPACE = "▁";

/** openvla/experiments/robot/openvla_utils.py. */
export function promptOf(instruction: string, form: PromptForm): string {
  const asked = `What action should the robot take to ${instruction.toLowerCase()}?`;
  return form === "v01" ? `${SYSTEM} USER: ${asked} ASSISTANT:` : `In: ${asked}\nOut:`;
}

export type PromptTokenizer = {
  /** Ids with the beginning-of-text id first. Text can never become a special id: it is always spelled out. */
  encode(text: string): readonly number[];
  readonly bos: number;
  readonly eos: number;
  /** Id of the piece "▁". */
  readonly space: number;
};

/** Ids of a prompt as the model was trained to continue it: the piece "▁" stands last. */
export function promptIds(tokenizer: PromptTokenizer, prompt: string): readonly number[] {
  const ids = tokenizer.encode(prompt);
  return ids.at(-1) === tokenizer.space ? ids : [...ids, tokenizer.space];
}

/**
 * @param json text of `tokenizer.json`
 * @param vocabulary ids that the model has
 */
export function createPromptTokenizer(json: string, vocabulary: number): PromptTokenizer {
  const file = parseJson(json, "tokenizer.json");
  const model = isJsonObject(file.model) ? file.model : {};
  const pieces = isJsonObject(model.vocab) ? model.vocab : {};
  const idOf = (piece: string): number => {
    const id = Object.hasOwn(pieces, piece) ? pieces[piece] : undefined;
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabulary) return id;
    throw new BiddenError(
      "bad-checkpoint",
      `tokenizer.json: expected the piece "${piece}" with an id below ${vocabulary}, as the model's vocabulary; came ${id === undefined ? "none" : JSON.stringify(id)}.`,
      { file: "tokenizer.json", piece, vocabulary },
    );
  };
  const tokenizer = build({ ...file, added_tokens: [] });
  const [bos, eos, space] = [idOf("<s>"), idOf("</s>"), idOf(SPACE)];
  return {
    bos,
    eos,
    space,
    encode: (text) => {
      const ids: readonly number[] = tokenizer.encode(text, { add_special_tokens: false }).ids;
      const outside = ids.find((id) => id >= vocabulary);
      if (outside === undefined) return [bos, ...ids];
      throw new BiddenError(
        "bad-checkpoint",
        `tokenizer.json does not fit the model: expected ids below ${vocabulary}; came ${outside}.`,
        { file: "tokenizer.json", id: outside },
      );
    },
  };
}

function build(file: JsonObject): Tokenizer {
  try {
    return new Tokenizer(file, {});
  } catch (error) {
    throw new BiddenError(
      "bad-checkpoint",
      `tokenizer.json could not be read: ${messageOf(error)}.`,
      { file: "tokenizer.json" },
      error,
    );
  }
}
