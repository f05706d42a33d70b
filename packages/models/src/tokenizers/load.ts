/** The tokenizer of a checkpoint: tokenizer.json where there is one, a SentencePiece model otherwise. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { parseJson } from "../checkpoint/json.ts";
import { createSentencePiece } from "./sentencepiece.ts";
import { createTokenizer, type TextTokenizer } from "./tokenizer.ts";

const MODELS = ["tokenizer.model", "spiece.model", "paligemma_tokenizer.model"];

/**
 * @param folders where to look, in this order: "" is the checkpoint itself, "tokenizer" a folder in it
 */
export async function loadTokenizer(
  checkpoint: Checkpoint,
  folders: readonly string[] = ["", "tokenizer"],
): Promise<TextTokenizer> {
  for (const folder of folders) {
    const at = (file: string): string => (folder === "" ? file : `${folder}/${file}`);
    const json = await checkpoint.bytes(at("tokenizer.json"));
    if (json !== null) {
      const config = await checkpoint.bytes(at("tokenizer_config.json"));
      const parse = (bytes: Uint8Array, file: string) => parseJson(new TextDecoder().decode(bytes), file);
      const facts = config === null ? {} : parse(config, at("tokenizer_config.json"));
      return createTokenizer(parse(json, at("tokenizer.json")), facts, at("tokenizer.json"));
    }
    for (const file of MODELS) {
      const bytes = await checkpoint.bytes(at(file));
      if (bytes !== null) return createSentencePiece(bytes, at(file));
    }
  }
  const places = folders.map((folder) => (folder === "" ? "beside config.json" : `in ${folder}/`)).join(" or ");
  throw new BiddenError(
    "bad-checkpoint",
    `${checkpoint.label}: expected tokenizer.json or ${MODELS[0]} ${places}; there is none. ` +
      "Published policies often name a tokenizer of another repository: put its tokenizer.json there.",
    { file: "tokenizer.json" },
  );
}
