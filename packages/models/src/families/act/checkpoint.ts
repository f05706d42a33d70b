/** What a checkpoint of ACT says beside its weights. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { resnetPlanes } from "../../blocks/resnet.ts";
import { lerobotNormalisations, NORM_BUFFERS, type Normalisations, type NormMode } from "../lerobot/normalise.ts";
import { normalisedFeatures } from "../lerobot/observe.ts";
import { type ActConfig, actConfig } from "./config.ts";

/** LeRobot's defaults for ACT: an environment's state is taken as it comes. */
export const MODES: Readonly<Record<"VISUAL" | "STATE" | "ENV" | "ACTION", NormMode>> = {
  VISUAL: "MEAN_STD",
  STATE: "MEAN_STD",
  ENV: "IDENTITY",
  ACTION: "MEAN_STD",
};

/** What acting does not need: the VAE's encoder, and old files' statistics. */
export const UNUSED = [/^model\.vae_encoder/, NORM_BUFFERS];

export type ActCheckpoint = { readonly config: ActConfig; readonly normalisations: Normalisations };

export async function readAct(checkpoint: Checkpoint): Promise<ActCheckpoint> {
  const config = actConfig(checkpoint.config, () =>
    resnetPlanes((name) => checkpoint.info(name).shape, "model.backbone", "torchvision"),
  );
  return { config, normalisations: await lerobotNormalisations(checkpoint, normalisedFeatures(config), MODES) };
}
