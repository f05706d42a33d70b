/** ACT as LeRobot configures it (`config.json`), with the sizes that only the checkpoint's own tensors tell. */
import type { Fields } from "../../checkpoint/json.ts";
import { isResnet, resnetPlaces } from "../../blocks/resnet.ts";
import {
  type CameraSize,
  type LerobotFeatures,
  lerobotFeatures,
  MOST_LAYERS,
  MOST_WIDE,
  sizeField,
} from "../lerobot/features.ts";

export type ActConfig = LerobotFeatures & {
  /** Actions in a chunk, and how many of them are carried out before the next one is asked for. */
  readonly chunk: number;
  readonly actionSteps: number;
  readonly backbone: string;
  /** Channels of the four stages of the backbone. */
  readonly planes: readonly number[];
  readonly width: number;
  readonly heads: number;
  readonly feedforward: number;
  readonly activation: "relu" | "gelu";
  readonly preNorm: boolean;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly vae: boolean;
  readonly vaeLayers: number;
  readonly latentDim: number;
  readonly klWeight: number;
  /** m of w_i = exp(-m·i), the oldest prediction first; null: no ensembling. */
  readonly ensembleCoefficient: number | null;
};

/** @param planes gives the backbone's widths, which `config.json` only implies by its name */
export function actConfig(fields: Fields, planes: () => readonly number[]): ActConfig {
  const features = lerobotFeatures(fields);
  const config: ActConfig = {
    ...features,
    chunk: sizeField(fields, "chunk_size", MOST_WIDE),
    actionSteps: sizeField(fields, "n_action_steps", MOST_WIDE),
    backbone: fields.text("vision_backbone", "resnet18"),
    planes: features.cameras.length === 0 ? [] : planes(),
    width: sizeField(fields, "dim_model", MOST_WIDE),
    heads: sizeField(fields, "n_heads", MOST_WIDE),
    feedforward: sizeField(fields, "dim_feedforward", MOST_WIDE),
    activation: activation(fields),
    preNorm: fields.flag("pre_norm", false),
    encoderLayers: sizeField(fields, "n_encoder_layers", MOST_LAYERS),
    decoderLayers: sizeField(fields, "n_decoder_layers", MOST_LAYERS),
    vae: fields.flag("use_vae", true),
    vaeLayers: sizeField(fields, "n_vae_encoder_layers", MOST_LAYERS, 4),
    latentDim: sizeField(fields, "latent_dim", MOST_WIDE),
    klWeight: fields.number("kl_weight", 10),
    ensembleCoefficient: fields.has("temporal_ensemble_coeff") ? fields.number("temporal_ensemble_coeff") : null,
  };
  check(config, fields);
  return config;
}

function activation(fields: Fields): "relu" | "gelu" {
  const kind = fields.text("feedforward_activation", "relu");
  if (kind === "relu" || kind === "gelu") return kind;
  throw fields.bad("feedforward_activation", "relu or gelu");
}

function check(config: ActConfig, fields: Fields): void {
  if (!isResnet(config.backbone)) throw fields.bad("vision_backbone", "resnet18, 34, 50, 101 or 152");
  const dilated = fields.raw("replace_final_stride_with_dilation");
  if (dilated !== null && dilated !== false && dilated !== 0) {
    throw fields.bad("replace_final_stride_with_dilation", "false (a dilated last stage is not supported)");
  }
  if (fields.whole("n_obs_steps", 1) !== 1) throw fields.bad("n_obs_steps", "1: ACT sees one observation");
  if (config.cameras.length === 0 && config.environmentDim === 0) {
    throw fields.bad("input_features", "a camera or an environment state");
  }
  if (config.actionSteps > config.chunk)
    throw fields.bad("n_action_steps", `at most the chunk_size of ${config.chunk}`);
  if (config.ensembleCoefficient !== null && config.actionSteps !== 1) {
    throw fields.bad("n_action_steps", "1, as every step predicts where temporal_ensemble_coeff is set");
  }
  if (config.width % config.heads !== 0 || config.width % 4 !== 0) {
    throw fields.bad("dim_model", `a multiple of 4 and of n_heads ${config.heads}`);
  }
}

/** Tokens that are no image places: latent, state, environment. */
export function oneTokens(config: ActConfig): number {
  return 1 + (config.stateDim > 0 ? 1 : 0) + (config.environmentDim > 0 ? 1 : 0);
}

/** Tokens that the encoder reads: the single ones, then the places of every camera. */
export function encoderTokens(config: ActConfig): number {
  const places = ({ height, width }: CameraSize): number => resnetPlaces(height, width).reduce((a, b) => a * b, 1);
  return oneTokens(config) + config.cameras.map(places).reduce((a, b) => a + b, 0);
}
