/**
 * Sizes and switches of an OpenVLA checkpoint (Kim et al. 2024, arXiv:2406.09246): from the shapes of its tensors where they
 * tell, from config.json and preprocessor_config.json where they do not. Number of heads and ε are in no shape.
 */
import { BiddenError } from "@bidden/runtime";
import type { Shape } from "@bidden/tensor";
import type { LlamaConfig } from "../../blocks/llama.ts";
import { countLayers } from "../../blocks/net.ts";
import { type VitConfig, vitConfig } from "../../blocks/vit.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Fields } from "../../checkpoint/json.ts";

/** Where the parts of the model stand in the checkpoint. */
export const BACKBONE = "vision_backbone";
export const PROJECTOR = "projector";
export const LANGUAGE = "language_model.model";
export const EMBEDDING = `${LANGUAGE}.embed_tokens.weight`;
export const HEAD = "language_model.lm_head";

/** The paths of the image towers; a fused backbone has both. */
export const TOWERS = [`${BACKBONE}.featurizer`, `${BACKBONE}.fused_featurizer`] as const;

/** Stored, and read by nothing: each tower's last block and norm, and SigLIP's pooling. */
export function unusedOf(config: OpenvlaConfig): RegExp[] {
  return [
    /^vision_backbone\.(fused_)?featurizer\.(norm|attn_pool|head|fc_norm)\./,
    ...config.towers.map(
      ({ depth }, i) => new RegExp(`^${(TOWERS[i] as string).replaceAll(".", "\\.")}\\.blocks\\.${depth - 1}\\.`),
    ),
    new RegExp(`^${EMBEDDING.replaceAll(".", "\\.")}$`),
    /\.rotary_emb\.inv_freq$/,
  ];
}

export type Pixels = {
  /** Side of the square image, pixels. */
  readonly side: number;
  /** By tower: what is subtracted from, and what divides, [0, 1] by channel. */
  readonly means: readonly (readonly number[])[];
  readonly stds: readonly (readonly number[])[];
};

/** "v02" is the published openvla-7b; "v01" its Vicuna-based predecessor, which has another prompt. */
export type PromptForm = "v01" | "v02";

export type OpenvlaConfig = {
  /** DINOv2 and SigLIP, or SigLIP alone. */
  readonly towers: readonly VitConfig[];
  readonly llama: LlamaConfig;
  /** Rows of the embedding and the head, padded for speed. */
  readonly vocabulary: number;
  /** Ids of the text vocabulary; the last `bins` of them are actions. */
  readonly baseVocabulary: number;
  readonly bins: number;
  /** Longest sequence, tokens. */
  readonly maxTokens: number;
  readonly pixels: Pixels;
  readonly prompt: PromptForm;
};

/** Tokens of one image. */
export function patchesOf(config: OpenvlaConfig): number {
  const { side } = config.towers[0] as VitConfig;
  return side * side;
}

/** @param checkpoint whose tensors are the whole model; a FiLM backbone's are merged in before */
export async function readConfig(checkpoint: Checkpoint, prompt?: string): Promise<OpenvlaConfig> {
  const { config } = checkpoint;
  const names = new Set(checkpoint.tensors.keys());
  const shapeOf = (name: string): Shape => checkpoint.info(name).shape;
  const towers = TOWERS.filter((name) => names.has(`${name}.pos_embed`)).map((name, i) =>
    vitConfig(names, shapeOf, name, towerHeads(config, i, shapeOf(`${name}.patch_embed.proj.weight`)[0] as number)),
  );
  const [first] = towers;
  if (first === undefined || towers.some(({ side }) => side !== first.side)) {
    throw new BiddenError(
      "bad-checkpoint",
      `${checkpoint.label}: expected image towers with patches of one grid; came ${towers.map(({ side }) => side).join(" and ") || "none"}.`,
    );
  }
  const [vocabulary] = shapeOf(EMBEDDING) as readonly [number];
  const padding = config.whole("pad_to_multiple_of", 64);
  return {
    towers,
    llama: llamaConfig(checkpoint, names, shapeOf),
    vocabulary,
    baseVocabulary: vocabulary - padding,
    bins: config.whole("n_action_bins", 256, 2),
    maxTokens: config.whole("llm_max_length", 2048, 1),
    pixels: await readPixels(checkpoint, first.side * first.patch, towers.length),
    prompt: promptForm(config, prompt),
  };
}

/**
 * Heads of tower i. `timm_model_args` says so where it is written; published files name timm's models only, whose heads are 64
 * wide, and 72 in the So400m.
 */
function towerHeads(config: Fields, index: number, width: number): number {
  if (config.has("timm_model_args")) {
    const stated = config.objects("timm_model_args")[index];
    if (stated?.has("num_heads") === true) return stated.whole("num_heads", undefined, 1);
  }
  const id = config.texts("timm_model_ids", [])[index] ?? "";
  const heads = width / (/so400m/.test(id) || (id === "" && width === 1152) ? 72 : 64);
  if (Number.isInteger(heads)) return heads;
  throw new BiddenError(
    "bad-checkpoint",
    `config.json, field "timm_model_args[${index}].num_heads": expected the number of heads of a tower ${width} wide, which "${id}" does not tell; came nothing.`,
    { file: "config.json", width, id },
  );
}

/** Llama 2's sizes; the fields that config.json leaves out have transformers' defaults. */
function llamaConfig(
  checkpoint: Checkpoint,
  names: ReadonlySet<string>,
  shapeOf: (name: string) => Shape,
): LlamaConfig {
  const text = checkpoint.config.object("text_config", true);
  const [queries, width] = shapeOf(`${LANGUAGE}.layers.0.self_attn.q_proj.weight`) as readonly [number, number];
  const [keys] = shapeOf(`${LANGUAGE}.layers.0.self_attn.k_proj.weight`) as readonly [number];
  const stated = text.has("head_dim") ? text.whole("head_dim", undefined, 2) : null;
  const heads = stated === null ? text.whole("num_attention_heads", queries / 128, 1) : queries / stated;
  const headWidth = queries / heads;
  const kvHeads = keys / headWidth;
  if (![headWidth / 2, kvHeads, heads / kvHeads].every(Number.isInteger)) {
    throw text.bad("num_attention_heads", `heads of an even width that cut ${queries} queries and ${keys} keys`);
  }
  return {
    width,
    heads,
    kvHeads,
    headWidth,
    mlpWidth: shapeOf(`${LANGUAGE}.layers.0.mlp.gate_proj.weight`)[0] as number,
    layers: countLayers(names, `${LANGUAGE}.layers`, "self_attn.q_proj.weight"),
    // Llama 2 itself has 1e-5; the published checkpoints are built with LlamaConfig's default.
    epsilon: text.number("rms_norm_eps", 1e-6),
  };
}

/** Base of the rotary angles. */
export function ropeBase(config: Fields): number {
  return config.object("text_config", true).number("rope_theta", 10_000);
}

const MEANS = [
  [0.484375, 0.455078125, 0.40625],
  [0.5, 0.5, 0.5],
];
const STDS = [
  [0.228515625, 0.2236328125, 0.224609375],
  [0.5, 0.5, 0.5],
];

async function readPixels(checkpoint: Checkpoint, side: number, towers: number): Promise<Pixels> {
  const fields = await checkpoint.json("preprocessor_config.json");
  const strategy = (fields ?? checkpoint.config).text("image_resize_strategy", "resize-naive");
  if (strategy !== "resize-naive") {
    throw new BiddenError(
      "unsupported",
      `preprocessor_config.json, field "image_resize_strategy": expected "resize-naive", as published; came "${strategy}".`,
      { file: "preprocessor_config.json", came: strategy },
    );
  }
  const lists = (key: string, fallback: readonly (readonly number[])[]): readonly (readonly number[])[] => {
    if (fields === null || !fields.has(key)) return towers === 1 ? fallback.slice(1) : fallback;
    const value = fields.raw(key);
    const triples = Array.isArray(value) ? (value as readonly unknown[]) : [];
    const valid = triples.length >= towers && triples.every((t) => Array.isArray(t) && t.length === 3);
    if (!valid) throw fields.bad(key, `three numbers for each of ${towers} towers`);
    return triples as readonly (readonly number[])[];
  };
  return { side, means: lists("means", MEANS), stds: lists("stds", STDS) };
}

function promptForm(config: Fields, given: string | undefined): PromptForm {
  if (given === "v01" || given === "v02") return given;
  if (given !== undefined) {
    throw new BiddenError("bad-argument", `Setting "prompt": expected v01 or v02; came "${given}".`, { given });
  }
  return config.text("llm_backbone_id", "").startsWith("vicuna") ? "v01" : "v02";
}
