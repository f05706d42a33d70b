/**
 * GR00T N1.5 (NVIDIA Isaac-GR00T, arXiv:2503.14734) as its `config.json` says it, with sizes from the tensors. A published
 * configuration leaves the vision-language model's (Eagle 2.5) to the code: what shapes do not tell is as in that code, unless
 * `eagle_config` says it.
 */
import type { LlamaConfig } from "../../blocks/llama.ts";
import { countLayers, type ShapeOf } from "../../blocks/net.ts";
import { type SiglipConfig, siglipConfig } from "../../blocks/siglip.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { MOST_LAYERS, MOST_WIDE, sizeField } from "../lerobot/features.ts";

export const VISION = "backbone.eagle_model.vision_model.vision_model";
export const CONNECTOR = "backbone.eagle_model.mlp1.0";
export const LANGUAGE = "backbone.eagle_model.language_model.model";
export const PROJECTION = "backbone.eagle_linear";
export const HEAD = "action_head";

/** Qwen3 (arXiv:2505.09388); `layers` are those that are run: `select_layer`. */
export type QwenConfig = LlamaConfig & { readonly ropeBase: number; readonly vocabulary: number };

export type TransformerConfig = { readonly heads: number; readonly headWidth: number; readonly layers: number };

export type GrootConfig = {
  readonly vision: SiglipConfig;
  readonly language: QwenConfig;
  /** Id that stands for one image token, and pixels along the side of an image. */
  readonly imageToken: number;
  readonly side: number;
  /** Width of what the action head sees of vision and language, and whether a projection brings it there. */
  readonly seenWidth: number;
  readonly projected: boolean;
  /** Norm and self-attention over vision and language; null: left out. */
  readonly seen: TransformerConfig | null;
  readonly dit: TransformerConfig & {
    readonly width: number;
    /** Whether every second block attends to itself. */
    readonly interleaved: boolean;
    readonly outputWidth: number;
  };
  /** Hidden width of the per-embodiment encoders, and of the decoder. */
  readonly encoderWidth: number;
  readonly decoderWidth: number;
  readonly stateDim: number;
  readonly actionDim: number;
  readonly horizon: number;
  readonly futureTokens: number;
  /** Embodiments that have weights of their own. */
  readonly slots: number;
  /** Rows of the table of action positions; 0: none are added. */
  readonly positions: number;
  readonly steps: number;
  readonly buckets: number;
};

const DEFAULTS = { imageToken: 151_669, visionHead: 72, ropeBase: 1_000_000, epsilon: 1e-6 };

export function grootConfig(fields: Fields, names: readonly string[], shapeOf: ShapeOf): GrootConfig {
  const head = fields.object("action_head_cfg");
  const dit = head.object("diffusion_model_cfg");
  const eagle = fields.object("eagle_config", true);
  checkSwitches(fields, head, dit, eagle);
  const [inner] = shapeOf(`${HEAD}.model.transformer_blocks.0.attn1.to_q.weight`) as readonly [number];
  const width = head.whole("input_embedding_dim", undefined, 1);
  const ditSizes = transformer(dit);
  if (ditSizes.heads * ditSizes.headWidth !== inner || width !== inner || inner % 2 !== 0) {
    throw dit.bad("num_attention_heads", `heads that make an even width of ${inner}, as input_embedding_dim ${width}`);
  }
  const [slots, stateDim, encoderWidth] = shapeOf(`${HEAD}.state_encoder.layer1.W`) as readonly [
    number,
    number,
    number,
  ];
  const [, actionDim] = shapeOf(`${HEAD}.action_encoder.W1.W`) as readonly [number, number];
  const [, outputWidth, decoderWidth] = shapeOf(`${HEAD}.action_decoder.layer1.W`) as readonly [number, number, number];
  const positions = head.flag("add_pos_embed", true) ? (shapeOf(`${HEAD}.position_embedding.weight`)[0] as number) : 0;
  const config: GrootConfig = {
    ...eagleSizes(fields, eagle, names, shapeOf),
    seen: head.flag("use_vlln", true) ? transformer(head.object("vl_self_attention_cfg")) : null,
    dit: { ...ditSizes, width, interleaved: dit.flag("interleave_self_attention", false), outputWidth },
    encoderWidth,
    decoderWidth,
    stateDim,
    actionDim,
    horizon: sizeField(fields, "action_horizon", MOST_LAYERS, head.whole("action_horizon", 16, 1)),
    futureTokens: shapeOf(`${HEAD}.future_tokens.weight`)[0] as number,
    slots,
    positions,
    steps: sizeField(head, "num_inference_timesteps", MOST_LAYERS, 4),
    buckets: sizeField(head, "num_timestep_buckets", 1_000_000, 1000),
  };
  if (positions > 0 && config.horizon > positions) throw fields.bad("action_horizon", `at most ${positions} positions`);
  return config;
}

function transformer(fields: Fields): TransformerConfig {
  return {
    heads: sizeField(fields, "num_attention_heads", MOST_WIDE),
    headWidth: sizeField(fields, "attention_head_dim", MOST_WIDE),
    layers: sizeField(fields, "num_layers", MOST_LAYERS),
  };
}

/** What other configurations of the same code would need and this does not have is refused. */
function checkSwitches(fields: Fields, head: Fields, dit: Fields, eagle: Fields): void {
  if (dit.text("norm_type", "ada_norm") !== "ada_norm") throw dit.bad("norm_type", "ada_norm");
  const seen = head.object("vl_self_attention_cfg", true);
  for (const part of [dit, seen])
    if (part.has("positional_embeddings")) throw part.bad("positional_embeddings", "null");
  if (eagle.flag("use_pixel_shuffle", false)) throw eagle.bad("use_pixel_shuffle", "false, as in N1.5");
  if (eagle.whole("mlp_connector_layers", 1) !== 1) throw eagle.bad("mlp_connector_layers", "1, as in N1.5");
  if (!fields.has("backbone_cfg")) throw fields.bad("backbone_cfg", "an object");
}

type EagleSizes = Pick<GrootConfig, "vision" | "language" | "imageToken" | "side" | "seenWidth" | "projected">;

function eagleSizes(fields: Fields, eagle: Fields, names: readonly string[], shapeOf: ShapeOf): EagleSizes {
  const seen = eagle.object("vision_config", true);
  const text = eagle.object("text_config", true);
  const [visionWidth] = shapeOf(`${VISION}.embeddings.patch_embedding.weight`) as readonly [number];
  const vision = siglipConfig(names, shapeOf, VISION, {
    heads: seen.whole("num_attention_heads", Math.max(1, Math.round(visionWidth / DEFAULTS.visionHead)), 1),
    epsilon: seen.number("layer_norm_eps", DEFAULTS.epsilon),
  });
  const first = `${LANGUAGE}.layers.0`;
  const [queries, width] = shapeOf(`${first}.self_attn.q_proj.weight`) as readonly [number, number];
  const [keys] = shapeOf(`${first}.self_attn.k_proj.weight`) as readonly [number];
  const [headWidth] = shapeOf(`${first}.self_attn.q_norm.weight`) as readonly [number];
  const stored = countLayers(names, `${LANGUAGE}.layers`, "self_attn.q_proj.weight");
  const backbone = fields.object("backbone_cfg");
  const layers = backbone.whole("select_layer", 12);
  if (layers > stored || layers < 1) throw backbone.bad("select_layer", `1 to the ${stored} layers of the checkpoint`);
  const projected = names.includes(`${PROJECTION}.weight`);
  const language = {
    width,
    heads: queries / headWidth,
    kvHeads: keys / headWidth,
    headWidth,
    mlpWidth: shapeOf(`${first}.mlp.gate_proj.weight`)[0] as number,
    layers,
    epsilon: text.number("rms_norm_eps", DEFAULTS.epsilon),
    ropeBase: text.number("rope_theta", DEFAULTS.ropeBase),
    vocabulary: shapeOf(`${LANGUAGE}.embed_tokens.weight`)[0] as number,
  };
  const whole = Number.isInteger(language.heads) && Number.isInteger(language.heads / language.kvHeads);
  if (!whole || headWidth % 2 !== 0)
    throw text.bad("head_dim", `an even number that ${queries} and ${keys} hold whole`);
  return {
    vision,
    language,
    imageToken: eagle.whole("image_token_index", DEFAULTS.imageToken),
    side: vision.side * vision.patch,
    seenWidth: projected ? (shapeOf(`${PROJECTION}.weight`)[0] as number) : width,
    projected,
  };
}
