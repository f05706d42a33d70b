/** The conversation that GR00T's vision-language model was trained with (Eagle 2.5's chat template). */
import type { Prompt } from "../../tokenizers/tokenizer.ts";

type Part = string | { readonly special: string };

const special = (name: string): Part => ({ special: name });

/** @param perView tokens that stand for one image @param instruction as it was typed: no words of it become special tokens */
export function grootPrompt(instruction: string, views: number, perView: number): Prompt {
  const image = (view: number): Part[] => [
    `<image ${view + 1}>`,
    special("<img>"),
    ...Array.from({ length: perView }, () => special("<IMG_CONTEXT>")),
    special("</img>"),
  ];
  return [
    special("<|im_start|>"),
    "system\nYou are a helpful assistant.",
    special("<|im_end|>"),
    "\n",
    special("<|im_start|>"),
    "user\n",
    ...Array.from({ length: views }, (_, view) => image(view)).flat(),
    instruction,
    special("<|im_end|>"),
    "\n",
    special("<|im_start|>"),
    "assistant\n",
  ];
}
