/** ACT checkpoints with random weights, in LeRobot's layout. */
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { PUBLISHED_PLANES } from "../../blocks/resnet.ts";
import { backbonePlanes, chooseSizes, featureFields, json, madeStatistics, processorFiles } from "../lerobot/make.ts";
import { randomWeights } from "../random-weights.ts";
import { MODES } from "./checkpoint.ts";
import { actConfig } from "./config.ts";
import { actLossGraph } from "./graphs.ts";

const full = {
  cameras: 2,
  image: [480, 640],
  state_dim: 14,
  environment_dim: 0,
  action_dim: 14,
  backbone_planes: [...PUBLISHED_PLANES],
  chunk_size: 100,
  n_action_steps: 100,
  dim_model: 512,
  n_heads: 8,
  dim_feedforward: 3200,
  n_encoder_layers: 4,
  n_decoder_layers: 1,
  latent_dim: 32,
  n_vae_encoder_layers: 4,
};

const tiny = {
  ...full,
  image: [64, 96],
  state_dim: 5,
  action_dim: 4,
  backbone_planes: [8, 12, 16, 24],
  chunk_size: 12,
  n_action_steps: 5,
  dim_model: 32,
  n_heads: 4,
  dim_feedforward: 48,
  n_encoder_layers: 2,
  latent_dim: 6,
  n_vae_encoder_layers: 2,
};

/** `dims`: see `chooseSizes`. */
export function makeAct({ size, dims, seed }: MakeOptions): WrittenFiles {
  const chosen = { ...(size === "tiny" ? tiny : full), ...dims } as JsonObject;
  const { own, features, shapes, rest } = chooseSizes(chosen);
  const config = {
    type: "act",
    n_obs_steps: 1,
    ...featureFields(features, shapes),
    normalization_mapping: MODES,
    vision_backbone: "resnet18",
    pretrained_backbone_weights: null,
    replace_final_stride_with_dilation: false,
    pre_norm: false,
    feedforward_activation: "relu",
    use_vae: true,
    temporal_ensemble_coeff: null,
    kl_weight: 10,
    ...rest,
  } as JsonObject;
  const parsed = actConfig(new Fields(config, "config.json"), () => backbonePlanes(own));
  const { graph } = actLossGraph(parsed, 1);
  return {
    files: new Map([
      ["config.json", json(config)],
      ...processorFiles(features, shapes, MODES, madeStatistics(features, seed)),
    ]),
    weights: [randomWeights([graph], { seed })],
  };
}
