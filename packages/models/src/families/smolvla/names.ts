/**
 * Names of SmolVLA's tensors as LeRobot writes them. Files written from a compiled model carry "_orig_mod." inside; files of
 * 2025 hold the statistics of normalisation beside the weights.
 */
import type { Checkpoint, TensorInfo } from "../../checkpoint/checkpoint.ts";

const VLM = "model.vlm_with_expert.vlm.model";
export const VISION = `${VLM}.vision_model`;
export const CONNECTOR = `${VLM}.connector.modality_projection.proj.weight`;
export const TEXT = `${VLM}.text_model`;
export const EMBEDDING = `${TEXT}.embed_tokens.weight`;
export const EXPERT = "model.vlm_with_expert.lm_expert";
export const STATE_IN = "model.state_proj.weight";
export const ACTION_IN = "model.action_in_proj.weight";

/** Stored, and read by no prediction. */
export const UNUSED: readonly RegExp[] = [
  /^(normalize_inputs|normalize_targets|unnormalize_outputs)\./,
  /\.vlm\.lm_head\.weight$/,
  /\.lm_expert\.embed_tokens\.weight$/,
  /\.(position_ids|inv_freq)$/,
];

/** Tensors of a checkpoint by the names used here. */
export function storedNames(checkpoint: Checkpoint): Map<string, TensorInfo> {
  return new Map([...checkpoint.tensors].map(([name, info]) => [name.replace(/(^|\.)_orig_mod\./, "$1"), info]));
}
