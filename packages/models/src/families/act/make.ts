/** ACT checkpoints with random weights, in LeRobot's layout. */
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { PUBLISHED_PLANES } from "../../blocks/resnet.ts";
import { ACTION, ENVIRONMENT, STATE } from "../lerobot/features.ts";
import { backbonePlanes, featureFields, json, processorFiles, vector } from "../lerobot/make.ts";
import type { Feature } from "../lerobot/normalise.ts";
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

/** Sizes that are no fields of config.json. */
const OWN = ["cameras", "image", "state_dim", "environment_dim", "action_dim", "backbone_planes"];

/**
 * `dims` may hold any field of config.json, and: cameras (how many), image [height, width], state_dim, environment_dim,
 * action_dim, backbone_planes (four numbers, or {"64": .., "128": .., "256": .., "512": ..} as dims.json has them).
 */
export function makeAct({ size, dims, seed }: MakeOptions): WrittenFiles {
  const chosen = { ...(size === "tiny" ? tiny : full), ...dims } as JsonObject;
  const own = new Fields(chosen, "dims.json");
  const [height, width] = own.numbers("image") as readonly [number, number];
  const cameras = Array.from({ length: own.whole("cameras") }, (_, i) => `observation.images.cam${i}`);
  const sizes: readonly (readonly [Feature, readonly number[]])[] = [
    ...cameras.map((name) => [{ name, kind: "VISUAL", size: 3 }, [3, height, width]] as const),
    ...vector(STATE, "STATE", own.whole("state_dim")),
    ...vector(ENVIRONMENT, "ENV", own.whole("environment_dim")),
    ...vector(ACTION, "ACTION", own.whole("action_dim", undefined, 1)),
  ];
  const features = sizes.map(([feature]) => feature);
  const shapes = Object.fromEntries(sizes.map(([{ name }, shape]) => [name, shape]));
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
    ...Object.fromEntries(Object.entries(chosen).filter(([name]) => !OWN.includes(name))),
  } as JsonObject;
  const parsed = actConfig(new Fields(config, "config.json"), () => backbonePlanes(own));
  const { graph } = actLossGraph(parsed, 1);
  return {
    files: new Map([["config.json", json(config)], ...processorFiles(features, shapes, MODES, seed)]),
    weights: [randomWeights([graph], { seed })],
  };
}
