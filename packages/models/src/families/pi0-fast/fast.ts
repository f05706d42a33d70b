/** The FAST tokenizer beside a checkpoint: `fast_tokenizer/` with `tokenizer.json` and `processor_config.json`. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { parseJson } from "../../checkpoint/json.ts";
import { createFastTokenizer, type FastTokenizer } from "../../tokenizers/fast.ts";

/** Where it may lie: LeRobot's files name a repository of its own, whose files are put into one of these. */
const FOLDERS = ["fast_tokenizer", "fast-action-tokenizer", "fast"];

export async function openFast(checkpoint: Checkpoint): Promise<FastTokenizer> {
  const folder = FOLDERS.find((name) => checkpoint.has(`${name}/tokenizer.json`));
  const config = folder === undefined ? null : await checkpoint.json(`${folder}/processor_config.json`);
  if (folder === undefined || config === null) {
    throw new BiddenError(
      "bad-checkpoint",
      `${checkpoint.label}: expected the FAST tokenizer, ${FOLDERS[0]}/tokenizer.json and ${FOLDERS[0]}/processor_config.json; ` +
        "there is none. Put the files of the repository that config.json names as action_tokenizer_name there.",
      { file: `${FOLDERS[0]}/tokenizer.json` },
    );
  }
  const file = `${folder}/tokenizer.json`;
  const text = new TextDecoder().decode((await checkpoint.bytes(file)) ?? new Uint8Array(0));
  return createFastTokenizer(parseJson(text, file), config, file);
}
