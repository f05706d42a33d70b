/** OpenVLA (Kim et al. 2024, arXiv:2406.09246): recognises, describes, opens, checks and makes its checkpoints. */
import { sizeOf } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyInfo, FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import { type OpenvlaConfig, patchesOf, readConfig } from "./config.ts";
import { checkOpenvlaGolden } from "./golden.ts";
import { makeOpenvla } from "./make.ts";
import { checkSettings, openModel, statisticsOf } from "./open.ts";
import { imageForm } from "./pixels.ts";
import { CAMERA, OpenvlaPolicy } from "./policy.ts";

const SETTINGS = ["prompt", "images"];

export const openvla: PolicyFamily = {
  name: "openvla",
  matches: (checkpoint) => isPrismatic(checkpoint) && !hasOftParts(checkpoint),
  describe,
  open: openOpenvla,
  checkGolden: checkOpenvlaGolden,
  make: makeOpenvla,
};

/** Whether config.json and tensors are an OpenVLA's, fine-tuned or not. */
export function isPrismatic(checkpoint: Checkpoint): boolean {
  const kind = checkpoint.config.has("model_type") ? checkpoint.config.raw("model_type") : null;
  return kind === "openvla" || kind === "prismatic";
}

/** Whether files of OpenVLA-OFT lie beside the weights: heads, or statistics without `norm_stats`. */
export function hasOftParts(checkpoint: Checkpoint): boolean {
  const parts = /^(.*\/)?(action_head|proprio_projector|noisy_action_projector|vision_backbone)--[^/]*\.pt$/;
  return checkpoint.files.some((file) => parts.test(file));
}

async function openOpenvla(
  checkpoint: Checkpoint,
  engine: Engine,
  options: FamilyOptions = {},
): Promise<OpenvlaPolicy> {
  const settings = checkSettings(options, SETTINGS);
  const info = await describe(checkpoint, options);
  const statistics = await statisticsOf(checkpoint);
  const { model, tokenizer } = await openModel(checkpoint, engine, {
    prompt: settings.prompt,
    precision: options.precision,
  });
  const form = imageForm(settings.images);
  return new OpenvlaPolicy({ info, model, tokenizer, statistics, dataset: options.dataset, imageForm: form });
}

async function describe(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<FamilyInfo> {
  const config = await readConfig(checkpoint, options.settings?.prompt);
  const statistics = await statisticsOf(checkpoint);
  const keys = statistics.keys();
  const chosen = options.dataset ?? keys[0] ?? "";
  const dim = keys.includes(chosen) ? statistics.object(chosen).object("action").numbers("q01").length : 0;
  const facts = weightFacts(checkpoint);
  const whose = options.dataset ?? (keys.length === 1 ? chosen : `one of ${keys.length} data sets`);
  return {
    family: "openvla",
    variant: config.prompt,
    ...facts,
    cameras: [{ name: CAMERA, width: config.pixels.side, height: config.pixels.side, optional: false }],
    state: { dim: 0, names: [], normalisation: "none" },
    action: { dim, names: [], normalisation: `quantiles q01..q99 of ${whose}` },
    chunk: 1,
    executed: 1,
    steps: dim,
    rateHz: null,
    licence: null,
    memoryBytes: 4 * facts.parameters + memoryOfSequence(config, patchesOf(config) + 64),
    flops: visionFlops(config) + languageFlops(config, patchesOf(config) + 24 + dim),
    notes: [
      keys.length > 1
        ? `statistics of ${keys.length} data sets: say which with --dataset (${keys.slice(0, 6).join(", ")}${keys.length > 6 ? ", ..." : ""})`
        : `statistics of ${keys.join()}`,
      `prompt ${config.prompt}; --set prompt=v01|v02 and images=plain|evaluation`,
    ],
  };
}

export function weightFacts(checkpoint: Checkpoint): Pick<FamilyInfo, "parameters" | "weightBytes"> {
  const weightBytes: Record<string, number> = {};
  let parameters = 0;
  for (const { dtype, shape, bytes } of checkpoint.tensors.values()) {
    weightBytes[dtype] = (weightBytes[dtype] ?? 0) + bytes;
    parameters += sizeOf(shape);
  }
  return { parameters, weightBytes };
}

/** Multiplications and additions of one image through towers and projector. */
export function visionFlops({ towers, llama }: OpenvlaConfig): number {
  let flops = 0;
  for (const { side, width, mlpWidth, depth, registers, classToken } of towers) {
    const n = side * side + registers + (classToken ? 1 : 0);
    flops += 2 * (depth - 1) * n * (4 * width * width + 2 * width * mlpWidth + 2 * n * width);
  }
  const features = towers.reduce((sum, { width }) => sum + width, 0);
  const [first] = towers;
  const inner = towers.length === 1 ? llama.width : 4 * features;
  return flops + 2 * ((first?.side ?? 0) ** 2 * (features * inner + inner * llama.width + llama.width * llama.width));
}

/** Multiplications and additions of `n` tokens through the language model. */
export function languageFlops({ llama, vocabulary }: OpenvlaConfig, n: number): number {
  const { width, heads, kvHeads, headWidth, mlpWidth, layers } = llama;
  const layer = width * headWidth * (2 * heads + 2 * kvHeads) + 3 * width * mlpWidth + 2 * n * heads * headWidth;
  return 2 * (n * layers * layer + width * vocabulary);
}

/** Bytes of keys, values and the widest activations of `n` tokens. */
export function memoryOfSequence({ llama }: OpenvlaConfig, n: number): number {
  const kept = 2 * llama.layers * llama.kvHeads * llama.headWidth * n;
  return 4 * (kept + n * (4 * llama.mlpWidth + 8 * llama.width) + llama.heads * n * n);
}
