/** What `bidden policy info` says of a π checkpoint. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { CameraSlot, FamilyInfo } from "../../checkpoint/family.ts";
import type { GemmaDims } from "../../blocks/gemma.ts";
import type { PiConfig } from "./config.ts";
import type { PiDims } from "./dims.ts";
import { EMBEDDING, HEAD, NORM_BUFFER } from "./names.ts";
import type { Scaling } from "./scaling.ts";
import { weightFacts } from "../lerobot/weight-facts.ts";
import type { PiTensors } from "./tensors.ts";

export type DescribeParts = {
  readonly checkpoint: Checkpoint;
  readonly config: PiConfig;
  readonly dims: PiDims;
  readonly tensors: PiTensors;
  readonly scaling: Scaling;
};

export function describePi({ checkpoint, config, dims, tensors, scaling }: DescribeParts): FamilyInfo {
  const { parameters, weightBytes } = weightFacts(checkpoint, [NORM_BUFFER]);
  const side = dims.vision.side * dims.vision.patch;
  const cameras = config.cameras.map((name): CameraSlot => {
    const known = config.features?.cameras.find((camera) => camera.name === name);
    const recorded = known === undefined ? {} : { recorded: { width: known.width, height: known.height } };
    return { name, width: side, height: side, ...recorded, optional: true };
  });
  const cost = piCost(dims, config, Math.max(1, cameras.length));
  return {
    family: dims.kind,
    variant: `${config.origin} files`,
    parameters,
    weightBytes,
    cameras,
    state: { dim: config.stateDim, names: [], normalisation: scaling.state },
    action: { dim: config.actionDim, names: [], normalisation: scaling.action },
    chunk: config.horizon,
    executed: config.executed,
    steps: config.steps,
    rateHz: null,
    licence: checkpoint.config.has("license") ? checkpoint.config.text("license") : null,
    memoryBytes: cost.bytes,
    flops: cost.flops,
    notes: notes(config, tensors),
  };
}

function notes(config: PiConfig, { stored, dead }: PiTensors): string[] {
  const forms = {
    plain: "the instruction and a line break",
    "state-action": "task, state in 256 bins, then the actions",
    state: "task and state in 256 bins; the model itself writes the actions as words",
  } as const;
  const tied = [stored.has(EMBEDDING), stored.has(HEAD)];
  const both = "both word matrices are stored: words are read with embed_tokens";
  return [
    `prompt: ${forms[config.prompt.form]}`,
    tied[0] === true && tied[1] === true
      ? both
      : `one word matrix (${tied[0] === true ? "embed_tokens" : "lm_head"}), read as the other too`,
    "at least one camera must be there; absent ones are left out",
    ...(dead.length > 0 ? [`${dead.length} stored tensors are read by nothing`] : []),
    ...(config.origin === "openpi"
      ? ["camera names are openpi's; the file names neither the robot's nor its rate"]
      : []),
  ];
}

/** Multiplications and additions of a prediction, and bytes of weights and activations in float32. */
function piCost(dims: PiDims, config: PiConfig, cameras: number): { readonly flops: number; readonly bytes: number } {
  const { text, expert, vision } = dims;
  const patches = vision.side ** 2;
  const visionWeights =
    vision.layers * (4 * vision.width ** 2 + 2 * vision.width * vision.mlpWidth) + vision.width * text.width;
  const textWeights = text.depth * layerWeights(text);
  const expertWeights = expert === null ? 0 : expert.depth * layerWeights(expert);
  const words = dims.vocabulary * text.width;
  const tokens = cameras * patches + config.maxTokens;
  const attention = 4 * text.depth * text.heads * text.headDim * tokens ** 2;
  const prefix = 2 * textWeights * tokens + attention;
  const perStep = expert === null ? 2 * (textWeights + words) : 2 * expertWeights * config.horizon;
  const cache = 2 * text.depth * text.kvHeads * text.headDim * tokens * 4;
  const activations = tokens * (4 * text.mlpWidth + 4 * text.heads * tokens) * 4;
  const head = expert === null ? words : 0;
  return {
    flops: 2 * visionWeights * patches * cameras + prefix + config.steps * perStep,
    bytes: 4 * (visionWeights + textWeights + expertWeights + head) + cache + activations,
  };
}

function layerWeights({ width, heads, kvHeads, headDim, mlpWidth }: GemmaDims): number {
  return 2 * width * heads * headDim + 2 * width * kvHeads * headDim + 3 * width * mlpWidth;
}
