/** What a π0-FAST checkpoint says of itself beside what all π checkpoints do. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { type PiConfig, piConfig } from "../pi0/config.ts";

export const DECODING_SETTING = "decoding";
export const DECODINGS = ["greedy", "constrained"] as const;

export type FastConfig = PiConfig & {
  /** Most tokens of an answer. */
  readonly maxDecoded: number;
  /** Ids at the end of the text vocabulary that no action is mirrored into. */
  readonly skipped: number;
  readonly decoding: (typeof DECODINGS)[number];
};

/**
 * The actions are decoded at `chunk_size`, which is what the coefficients were made of; LeRobot decodes at `n_action_steps`,
 * which gives other actions wherever the two differ.
 */
export async function fastConfig(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<FastConfig> {
  const base = await piConfig(checkpoint, options);
  const { config } = checkpoint;
  const setting = options.settings?.[DECODING_SETTING] ?? "greedy";
  const decoding = DECODINGS.find((known) => known === setting);
  if (decoding === undefined) {
    throw new BiddenError("bad-argument", `${DECODING_SETTING}: expected ${DECODINGS.join(" or ")}; came ${setting}.`);
  }
  const temperature = config.number("temperature", 0);
  if (temperature !== 0) throw config.bad("temperature", "0: only the best word is taken");
  return {
    ...base,
    maxDecoded: config.whole("max_decoding_steps", config.whole("max_action_tokens", 256, 1), 1),
    skipped: config.whole("fast_skip_tokens", 128),
    decoding,
  };
}
