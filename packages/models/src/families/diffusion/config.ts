/** Diffusion Policy as LeRobot configures it (`config.json`), with the backbone's widths from the tensors. */
import { isResnet, resnetPlaces } from "../../blocks/resnet.ts";
import type { NoiseScheduleConfig } from "../../blocks/noise-schedule.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { type LerobotFeatures, lerobotFeatures, MOST_LAYERS, MOST_WIDE, sizeField } from "../lerobot/features.ts";

/** Height and width, pixels. */
export type Pixels = readonly [height: number, width: number];

export type DiffusionConfig = LerobotFeatures & {
  readonly observations: number;
  /** Actions that are denoised together, and how many of them are carried out. */
  readonly horizon: number;
  readonly actionSteps: number;
  readonly backbone: string;
  readonly planes: readonly number[];
  readonly groupNorm: boolean;
  readonly encoderPerCamera: boolean;
  /** Antialiased resize, then centre crop, of the normalised image; null: left out. */
  readonly resize: Pixels | null;
  readonly crop: Pixels | null;
  readonly keypoints: number;
  readonly downDims: readonly number[];
  readonly kernel: number;
  readonly groups: number;
  readonly stepWidth: number;
  /** Whether the condition scales channels beside shifting them. */
  readonly filmScale: boolean;
  readonly schedule: NoiseScheduleConfig;
  readonly steps: number;
  /** Whether the loss leaves padded steps out. */
  readonly maskLoss: boolean;
};

/** @param planes gives the backbone's widths, which `config.json` only implies by its name */
export function diffusionConfig(fields: Fields, planes: () => readonly number[]): DiffusionConfig {
  const features = lerobotFeatures(fields);
  const resize = pixels(fields, "resize_shape");
  const schedule = scheduleConfig(fields);
  const config: DiffusionConfig = {
    ...features,
    observations: sizeField(fields, "n_obs_steps", MOST_LAYERS, 2),
    horizon: sizeField(fields, "horizon", MOST_WIDE),
    actionSteps: sizeField(fields, "n_action_steps", MOST_WIDE),
    backbone: fields.text("vision_backbone", "resnet18"),
    planes: features.cameras.length === 0 ? [] : planes(),
    groupNorm: fields.flag("use_group_norm", false),
    encoderPerCamera: fields.flag("use_separate_rgb_encoder_per_camera", true),
    resize,
    crop: cropShape(fields, resize),
    keypoints: sizeField(fields, "spatial_softmax_num_keypoints", MOST_WIDE, 32),
    downDims: fields.numbers("down_dims"),
    kernel: sizeField(fields, "kernel_size", MOST_LAYERS, 5),
    groups: sizeField(fields, "n_groups", MOST_WIDE, 8),
    stepWidth: sizeField(fields, "diffusion_step_embed_dim", MOST_WIDE, 128),
    filmScale: fields.flag("use_film_scale_modulation", true),
    schedule,
    steps: fields.has("num_inference_steps") ? fields.whole("num_inference_steps", undefined, 1) : schedule.trainSteps,
    maskLoss: fields.flag("do_mask_loss_for_padding", false),
  };
  check(config, fields);
  return config;
}

function choice<T extends string>(fields: Fields, name: string, allowed: readonly T[], fallback: T): T {
  const value = fields.text(name, fallback);
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw fields.bad(name, `one of ${allowed.join(", ")}`);
}

function scheduleConfig(fields: Fields): NoiseScheduleConfig {
  return {
    kind: choice(fields, "noise_scheduler_type", ["DDPM", "DDIM"], "DDPM"),
    trainSteps: sizeField(fields, "num_train_timesteps", 1_000_000, 100),
    betas: choice(fields, "beta_schedule", ["squaredcos_cap_v2", "linear", "scaled_linear"], "squaredcos_cap_v2"),
    betaStart: fields.number("beta_start", 0.0001),
    betaEnd: fields.number("beta_end", 0.02),
    prediction: choice(fields, "prediction_type", ["epsilon", "sample"], "epsilon"),
    clip: fields.flag("clip_sample", true) ? fields.number("clip_sample_range", 1) : null,
  };
}

function pixels(fields: Fields, name: string): Pixels | null {
  if (!fields.has(name)) return null;
  const [height, width, ...rest] = fields.numbers(name);
  const valid = [height, width].every((n) => Number.isSafeInteger(n) && (n as number) >= 1 && (n as number) <= 65_536);
  if (!valid || rest.length > 0) throw fields.bad(name, "a height and a width in pixels");
  return [height as number, width as number];
}

/** With a resize, the crop is a share of it, or none; `crop_shape` counts without one only. */
function cropShape(fields: Fields, resize: Pixels | null): Pixels | null {
  if (resize === null) return pixels(fields, "crop_shape");
  const ratio = fields.number("crop_ratio", 1);
  if (ratio <= 0 || ratio > 1) throw fields.bad("crop_ratio", "more than 0 and at most 1");
  return ratio === 1 ? null : [Math.floor(resize[0] * ratio), Math.floor(resize[1] * ratio)];
}

function check(config: DiffusionConfig, fields: Fields): void {
  const { downDims, horizon, observations, actionSteps, cameras, crop } = config;
  if (!isResnet(config.backbone)) throw fields.bad("vision_backbone", "resnet18, 34, 50, 101 or 152");
  if (cameras.length === 0 && config.environmentDim === 0)
    throw fields.bad("input_features", "a camera or an environment state");
  if (config.stateDim === 0) throw fields.bad("input_features", "a robot state");
  if (new Set(cameras.map(({ height, width }) => `${height}x${width}`)).size > 1) {
    throw fields.bad("input_features", "cameras of one size");
  }
  const dims = downDims.every(
    (dim) => Number.isSafeInteger(dim) && dim >= 1 && dim <= MOST_WIDE && dim % config.groups === 0,
  );
  if (!dims || downDims.length < 1 || downDims.length > 16)
    throw fields.bad("down_dims", `multiples of n_groups ${config.groups}`);
  if (config.stepWidth % 2 !== 0 || config.stepWidth < 4)
    throw fields.bad("diffusion_step_embed_dim", "an even number from 4");
  if (config.kernel % 2 !== 1) throw fields.bad("kernel_size", "an odd number");
  if (horizon % 2 ** (downDims.length - 1) !== 0) {
    throw fields.bad("horizon", `a multiple of ${2 ** (downDims.length - 1)}, as the network halves it`);
  }
  if (actionSteps > horizon - observations + 1) {
    throw fields.bad("n_action_steps", `at most horizon - n_obs_steps + 1 = ${horizon - observations + 1}`);
  }
  if (config.steps > config.schedule.trainSteps) {
    throw fields.bad("num_inference_steps", `at most num_train_timesteps ${config.schedule.trainSteps}`);
  }
  const [height, width] = config.resize ?? [cameras[0]?.height ?? 0, cameras[0]?.width ?? 0];
  if (crop !== null && cameras.length > 0 && (crop[0] > height || crop[1] > width)) {
    throw fields.bad("crop_shape", `at most the image's ${height}x${width}`);
  }
}

/** Height and width of what the backbone sees, and of its last feature map. */
export function encodedPixels(config: DiffusionConfig): { readonly image: Pixels; readonly features: Pixels } {
  const [camera] = config.cameras;
  const image = config.crop ?? config.resize ?? [camera?.height ?? 0, camera?.width ?? 0];
  return { image, features: resnetPlaces(...image) };
}

/** Numbers that one observation is encoded to: state, keypoints of every camera, environment. */
export function frameWidth(config: DiffusionConfig): number {
  return config.stateDim + config.cameras.length * 2 * config.keypoints + config.environmentDim;
}
