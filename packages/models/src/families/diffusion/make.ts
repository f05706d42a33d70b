/** Diffusion Policy checkpoints with random weights, in LeRobot's layout. */
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles, WrittenWeights } from "../../checkpoint/make.ts";
import { PUBLISHED_PLANES } from "../../blocks/resnet.ts";
import { backbonePlanes, chooseSizes, featureFields, json, madeStatistics, processorFiles } from "../lerobot/make.ts";
import { randomWeights } from "../random-weights.ts";
import { MODES } from "./checkpoint.ts";
import { diffusionConfig } from "./config.ts";
import { diffusionLossGraph } from "./graphs.ts";

const full = {
  cameras: 2,
  image: [480, 640],
  state_dim: 7,
  environment_dim: 0,
  action_dim: 7,
  backbone_planes: [...PUBLISHED_PLANES],
  n_obs_steps: 2,
  horizon: 64,
  n_action_steps: 32,
  spatial_softmax_num_keypoints: 32,
  down_dims: [512, 1024, 2048],
  kernel_size: 5,
  n_groups: 8,
  diffusion_step_embed_dim: 128,
  num_train_timesteps: 100,
  num_inference_steps: 10,
};

const tiny = {
  ...full,
  image: [64, 96],
  state_dim: 5,
  action_dim: 4,
  backbone_planes: [16, 16, 32, 32],
  horizon: 16,
  n_action_steps: 5,
  spatial_softmax_num_keypoints: 6,
  down_dims: [16, 24, 32],
  diffusion_step_embed_dim: 16,
};

/** `dims`: see `chooseSizes`. */
export function makeDiffusion({ size, dims, seed }: MakeOptions): WrittenFiles {
  const chosen = { ...(size === "tiny" ? tiny : full), ...dims } as JsonObject;
  const { own, features, shapes, rest } = chooseSizes(chosen);
  const config = {
    type: "diffusion",
    ...featureFields(features, shapes),
    normalization_mapping: MODES,
    vision_backbone: "resnet18",
    resize_shape: null,
    crop_ratio: 1,
    crop_shape: null,
    use_group_norm: false,
    use_separate_rgb_encoder_per_camera: true,
    use_film_scale_modulation: true,
    noise_scheduler_type: "DDIM",
    beta_schedule: "squaredcos_cap_v2",
    prediction_type: "epsilon",
    clip_sample: true,
    clip_sample_range: 1,
    ...rest,
  } as JsonObject;
  const parsed = diffusionConfig(new Fields(config, "config.json"), () => backbonePlanes(own));
  const weights = randomWeights([diffusionLossGraph(parsed, 1).graph], { seed });
  return {
    files: new Map([
      ["config.json", json(config)],
      ...processorFiles(features, shapes, MODES, madeStatistics(features, seed)),
    ]),
    weights: [withCounters(weights)],
  };
}

/** Batch normalisation's counter beside each of its statistics. */
function withCounters(weights: WrittenWeights): WrittenWeights {
  const counters = weights.tensors
    .filter(({ name }) => name.endsWith("running_var"))
    .map(
      ({ name }) => ({ name: name.replace("running_var", "num_batches_tracked"), dtype: "int64", shape: [] }) as const,
    );
  return {
    ...weights,
    tensors: [...weights.tensors, ...counters],
    fill: (name, shape) => (name.endsWith("num_batches_tracked") ? BigInt64Array.of(1n) : weights.fill(name, shape)),
  };
}
