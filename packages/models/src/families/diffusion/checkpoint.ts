/** What a checkpoint of Diffusion Policy says beside its weights. */
import { resnetPlanes } from "../../blocks/resnet.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { lerobotNormalisations, NORM_BUFFERS, type Normalisations, type NormMode } from "../lerobot/normalise.ts";
import { normalisedFeatures } from "../lerobot/observe.ts";
import { type DiffusionConfig, diffusionConfig } from "./config.ts";

/** LeRobot's defaults for Diffusion Policy: an environment's state is taken as it comes. */
export const MODES: Readonly<Record<"VISUAL" | "STATE" | "ENV" | "ACTION", NormMode>> = {
  VISUAL: "MEAN_STD",
  STATE: "MIN_MAX",
  ENV: "IDENTITY",
  ACTION: "MIN_MAX",
};

/** Counters of batch normalisation, and old files' statistics. */
export const UNUSED = [/num_batches_tracked$/, NORM_BUFFERS];
/** What each of the two graphs leaves to the other. */
export const FRAMES_UNUSED = [...UNUSED, /^diffusion\.unet\./];
export const UNET_UNUSED = [...UNUSED, /^diffusion\.rgb_encoder\./];

export type DiffusionCheckpoint = { readonly config: DiffusionConfig; readonly normalisations: Normalisations };

export async function readDiffusion(checkpoint: Checkpoint): Promise<DiffusionCheckpoint> {
  const shared = checkpoint.tensors.has("diffusion.rgb_encoder.backbone.0.weight");
  const backbone = `diffusion.rgb_encoder${shared ? "" : ".0"}.backbone`;
  const config = diffusionConfig(checkpoint.config, () =>
    resnetPlanes((name) => checkpoint.info(name).shape, backbone, "sequential"),
  );
  return { config, normalisations: await lerobotNormalisations(checkpoint, normalisedFeatures(config), MODES) };
}
