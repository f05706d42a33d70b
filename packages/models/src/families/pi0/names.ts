/**
 * Tensor names of π0, π0.5 and π0-FAST files. One spelling is used inside: openpi's PyTorch names. LeRobot puts "model." before
 * them; files from before October 2025 order PaliGemma's parts differently; converted π0.5 files may keep π0's name of the time
 * MLP and weights that nothing reads. A name that is none of these is refused by the loader, never skipped.
 */

export type PiKind = "pi0" | "pi05" | "pi0_fast";

/** The prefix of PaliGemma's parts and of the action expert's. */
export const PALIGEMMA = "paligemma_with_expert.paligemma";
export const VISION = `${PALIGEMMA}.model.vision_tower.vision_model`;
export const PROJECTOR = `${PALIGEMMA}.model.multi_modal_projector.linear`;
export const LANGUAGE = `${PALIGEMMA}.model.language_model`;
export const EMBEDDING = `${LANGUAGE}.embed_tokens.weight`;
export const HEAD = `${PALIGEMMA}.lm_head.weight`;
export const EXPERT = "paligemma_with_expert.gemma_expert.model";

const OLD: readonly (readonly [string, string])[] = [
  [`${PALIGEMMA}.language_model.lm_head.`, `${PALIGEMMA}.lm_head.`],
  [`${PALIGEMMA}.language_model.model.`, `${LANGUAGE}.`],
  [`${PALIGEMMA}.vision_tower.`, `${PALIGEMMA}.model.vision_tower.`],
  [`${PALIGEMMA}.multi_modal_projector.`, `${PALIGEMMA}.model.multi_modal_projector.`],
];

/** Normalisation statistics that files of 2025 carry beside the weights. */
export const NORM_BUFFER = /^(model\.)?(normalize_inputs|normalize_targets|unnormalize_outputs)\.buffer_/;

/**
 * The name inside of a stored tensor.
 * @returns null for a tensor that the family stores and nothing reads
 */
export function canonicalName(stored: string, kind: PiKind): string | null {
  if (NORM_BUFFER.test(stored)) return null;
  // Compiled modules store this in between.
  let name = stored.replaceAll("_orig_mod.", "").replace(/^model\./, "");
  for (const [old, current] of OLD) if (name.startsWith(old)) name = current + name.slice(old.length);
  if (kind === "pi05") name = name.replace(/^action_time_mlp_/, "time_mlp_");
  return isDead(name, kind) ? null : name;
}

/** Stored, and read by nothing: the expert's vocabulary, and what π0.5 files inherit from π0. */
function isDead(name: string, kind: PiKind): boolean {
  if (/^paligemma_with_expert\.gemma_expert\.(lm_head|model\.embed_tokens)\.weight$/.test(name)) return true;
  if (kind !== "pi05") return false;
  return (
    /^state_proj\.(weight|bias)$/.test(name) ||
    /^paligemma_with_expert\.gemma_expert\.model\.(layers\.\d+\.(input|post_attention)_layernorm|norm)\.weight$/.test(
      name,
    )
  );
}
