/** What OpenVLA reads: the instruction in one of two frames, as ids of Llama's tokenizer. */
import { BiddenError } from "@bidden/runtime";
import type { TextTokenizer } from "../../tokenizers/tokenizer.ts";
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
 * @param tokenizer of the checkpoint
 * @param vocabulary ids of the text vocabulary that the model has
 */
export function createPromptTokenizer(tokenizer: TextTokenizer, vocabulary: number): PromptTokenizer {
  const idOf = (piece: string): number => {
    const id = tokenizer.idOf(piece);
    if (id !== undefined && id < vocabulary) return id;
    throw new BiddenError(
      "bad-checkpoint",
      `${tokenizer.name}: expected the piece "${piece}" with an id below ${vocabulary}, as the model's vocabulary; came ${id ?? "none"}.`,
      { file: tokenizer.name, piece, vocabulary },
    );
  };
  const [bos, eos, space] = [idOf("<s>"), idOf("</s>"), idOf(SPACE)];
  return {
    bos,
    eos,
    space,
    encode: (text) => {
      const ids = tokenizer.encode(text);
      const outside = ids.find((id) => id >= vocabulary);
      if (outside === undefined) return [bos, ...ids];
      throw new BiddenError(
        "bad-checkpoint",
        `${tokenizer.name} does not fit the model: expected ids below ${vocabulary}; came ${outside}.`,
        { file: tokenizer.name, id: outside },
      );
    },
  };
}
