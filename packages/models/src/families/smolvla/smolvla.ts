/** SmolVLA (lerobot/smolvla_base): recognises, describes, opens, checks and makes its checkpoints. */
import { productsSaturate } from "../../blocks/quantised.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyInfo, FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import type { GoldenCheck } from "../../checkpoint/golden.ts";
import type { JsonObject } from "../../checkpoint/json.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { ACTION, lerobotFeatures, STATE } from "../lerobot/features.ts";
import { type Feature, lerobotNormalisations, type Normalisations } from "../lerobot/normalise.ts";
import { weightFacts } from "../lerobot/weight-facts.ts";
import { readConfig, type SmolVlaConfig } from "./config.ts";
import { SmolVlaEngine, type SmolVlaOptions } from "./engine.ts";
import { checkSmolVla } from "./golden.ts";
import { makeSmolVla } from "./make.ts";
import { UNUSED } from "./names.ts";
import { checkAloha, SmolVlaPolicy, type SmolVlaParts } from "./policy.ts";
import { tokensPerImage } from "./prefix.ts";
import { trainSmolVla } from "./training.ts";

export const smolvla: PolicyFamily = {
  name: "smolvla",
  matches: (checkpoint) =>
    checkpoint.config.has("type")
      ? checkpoint.config.raw("type") === "smolvla"
      : [...checkpoint.tensors.keys()].some((name) => name.includes("vlm_with_expert.lm_expert.")),
  describe: async (checkpoint) =>
    describe(checkpoint, await readConfig(checkpoint), await normalisationsOf(checkpoint)),
  open: openSmolVla,
  checkGolden: (checkpoint: Checkpoint, engine: Engine, check: GoldenCheck) =>
    checkSmolVla(check, (changes) => openParts(checkpoint, engine, { inspect: true }, changes)),
  train: async (checkpoint, options) =>
    trainSmolVla(
      checkpoint,
      {
        config: await readConfig(checkpoint),
        normalisations: await normalisationsOf(checkpoint),
        words: await loadTokenizer(checkpoint),
      },
      options,
    ),
  make: makeSmolVla,
};

async function openSmolVla(
  checkpoint: Checkpoint,
  engine: Engine,
  options: FamilyOptions = {},
): Promise<SmolVlaPolicy> {
  const { precision = "fp32" } = options;
  const narrow = precision.startsWith("int") && (await productsSaturate(engine));
  const parts = await openParts(checkpoint, engine, { precision, narrow });
  const { config } = parts.engine;
  const info = describe(checkpoint, config, parts.normalisations);
  return new SmolVlaPolicy(info, parts, options.steps ?? config.steps);
}

async function openParts(
  checkpoint: Checkpoint,
  engine: Engine,
  options: SmolVlaOptions,
  changes: JsonObject = {},
): Promise<SmolVlaParts> {
  const normalisations = await normalisationsOf(checkpoint);
  const words = await loadTokenizer(checkpoint);
  const opened = await SmolVlaEngine.open(checkpoint, engine, options, changes);
  checkAloha(opened.config);
  return { engine: opened, normalisations, words };
}

/** Images are never normalised by statistics here: SigLIP wants [-1, 1]. */
function normalisationsOf(checkpoint: Checkpoint): Promise<Normalisations> {
  const { stateDim, actionDim } = lerobotFeatures(checkpoint.config);
  const features: Feature[] = [
    { name: STATE, kind: "STATE", size: stateDim },
    { name: ACTION, kind: "ACTION", size: actionDim },
  ];
  return lerobotNormalisations(checkpoint, features, { STATE: "MEAN_STD", ACTION: "MEAN_STD" });
}

function describe(checkpoint: Checkpoint, config: SmolVlaConfig, normalisations: Normalisations): FamilyInfo {
  const facts = weightFacts(checkpoint, [UNUSED[0] as RegExp]);
  const { cameras, emptyCameras, text, expert, imageSize } = config;
  const real = cameras.filter(({ name }) => !/\.empty_camera_\d+$/.test(name));
  const cost = costOf(config, real.length);
  return {
    family: "smolvla",
    variant: `${text.layers} layers, expert ${expert.layers}`,
    ...facts,
    // At least one has to be there; which one is the same to the network.
    cameras: cameras.map(({ name, width, height }) => ({
      name,
      ...(imageSize ?? { width, height }),
      recorded: { width, height },
      optional: cameras.length > 1,
    })),
    state: { dim: config.stateDim, names: [], normalisation: normalisations.inputs.get(STATE)?.label ?? "identity" },
    action: { dim: config.actionDim, names: [], normalisation: normalisations.action.label },
    chunk: config.chunk,
    executed: config.executed,
    steps: config.steps,
    rateHz: null,
    licence: checkpoint.config.has("license") ? checkpoint.config.text("license") : null,
    memoryBytes: 4 * facts.parameters + cost.activations,
    flops: cost.flops,
    notes: [
      ...(emptyCameras > 0 ? [`up to ${emptyCameras} absent cameras become masked slots`] : []),
      ...(config.imageSpecialTokens ? ["special tokens around every image"] : []),
      ...(config.aloha ? ["joints are converted between ALOHA's and π's"] : []),
    ],
  };
}

/** Multiplications and additions of a prediction with that many cameras, and the largest activations in bytes. */
function costOf(config: SmolVlaConfig, cameras: number): { readonly flops: number; readonly activations: number } {
  const { vision, text, expert, chunk, steps, shuffle } = config;
  const few = tokensPerImage(config);
  const patches = few * shuffle ** 2;
  const tower =
    2 *
    patches *
    vision.layers *
    (4 * vision.width ** 2 + 2 * vision.width * vision.mlpWidth + 2 * patches * vision.width);
  const connector = 2 * few * shuffle ** 2 * vision.width * text.width;
  const n = cameras * few + config.maxTokens / 2 + 1;
  const layer = ({ width, heads, kvHeads, headWidth, mlpWidth }: typeof text, keys: number): number =>
    2 * (2 * width * headWidth * (heads + kvHeads) + 3 * width * mlpWidth + 2 * keys * heads * headWidth);
  const language = n * text.layers * layer(text, n);
  const actions = steps * chunk * expert.layers * layer(expert, n + chunk);
  return {
    flops: Math.round(cameras * (tower + connector) + language + actions),
    activations: 4 * patches * (vision.heads * patches + 4 * vision.mlpWidth),
  };
}
