/** GR00T N1.5 (nvidia/GR00T-N1.5-3B): recognises, describes, opens, checks and makes its checkpoints. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyInfo, FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { weightFacts } from "../lerobot/weight-facts.ts";
import { type GrootEmbodiment, readEmbodiment, readGroot } from "./checkpoint.ts";
import type { GrootConfig } from "./config.ts";
import { checkGrootGolden } from "./golden.ts";
import { makeGroot } from "./make.ts";
import { GrootPolicy } from "./policy.ts";
import { GrootRunner } from "./runner.ts";

export const groot: PolicyFamily = {
  name: "groot",
  matches: (checkpoint) => checkpoint.config.raw("model_type") === "gr00t_n1_5",
  describe: async (checkpoint, options) => {
    const config = readGroot(checkpoint);
    return describe(checkpoint, config, await readEmbodiment(checkpoint, config, options));
  },
  open: openGroot,
  checkGolden: checkGrootGolden,
  make: makeGroot,
};

async function openGroot(checkpoint: Checkpoint, engine: Engine, options: FamilyOptions = {}): Promise<GrootPolicy> {
  const read = readGroot(checkpoint);
  const config: GrootConfig = options.steps === undefined ? read : { ...read, steps: options.steps };
  const embodiment = await readEmbodiment(checkpoint, config, options);
  const tokenizer = await loadTokenizer(checkpoint);
  if (tokenizer.idOf("<IMG_CONTEXT>") !== config.imageToken) {
    throw new BiddenError(
      "bad-checkpoint",
      `${tokenizer.name}: expected "<IMG_CONTEXT>" to be token ${config.imageToken}, as the model takes it; it is ${tokenizer.idOf("<IMG_CONTEXT>") ?? "none"}.`,
      { file: tokenizer.name, expected: config.imageToken, came: tokenizer.idOf("<IMG_CONTEXT>") ?? null },
    );
  }
  const runner = await GrootRunner.open(checkpoint, engine, config, embodiment.slot, options.precision);
  return new GrootPolicy({ info: describe(checkpoint, config, embodiment), runner, embodiment, tokenizer });
}

/** Multiplications and additions of `n` tokens through layers of attention and MLP. */
function layers(count: number, n: number, weights: number, width: number): number {
  return 2 * count * (n * weights + 2 * n * n * width);
}

function flopsOf(config: GrootConfig, views: number): number {
  const { vision, language, dit } = config;
  const places = vision.side ** 2;
  const n = views * places + 40;
  const own = 1 + config.futureTokens + config.horizon;
  const { width, heads, kvHeads, headWidth, mlpWidth } = language;
  const qwen = width * headWidth * (2 * heads + 2 * kvHeads) + 3 * width * mlpWidth;
  const seen =
    views * layers(vision.layers, places, vision.width * (4 * vision.width + 2 * vision.mlpWidth), vision.width);
  const step = layers(dit.layers, own, 12 * dit.width ** 2, dit.width);
  const back = layers(config.seen?.layers ?? 0, n, 12 * config.seenWidth ** 2, config.seenWidth);
  return seen + layers(language.layers, n, qwen, width) + back + config.steps * step;
}

function describe(checkpoint: Checkpoint, config: GrootConfig, embodiment: GrootEmbodiment): FamilyInfo {
  const facts = weightFacts(checkpoint, []);
  const [width, height] = embodiment.size;
  const names = (parts: GrootEmbodiment["state"]): string[] =>
    parts.flatMap(({ name, dim }) => Array.from({ length: dim }, (_, i) => (dim === 1 ? name : `${name}.${i}`)));
  const forms = (parts: GrootEmbodiment["state"]): string => [...new Set(parts.map(({ form }) => form))].join(", ");
  const state = names(embodiment.state);
  const action = names(embodiment.action);
  return {
    family: "groot",
    variant: `N1.5, ${embodiment.tag} (slot ${embodiment.slot} of ${config.slots})`,
    ...facts,
    cameras: embodiment.cameras.map((name) => ({ name, width, height, optional: false })),
    state: {
      dim: state.length,
      names: state,
      normalisation: `${forms(embodiment.state)} of experiment_cfg/metadata.json`,
    },
    action: {
      dim: action.length,
      names: action,
      normalisation: `${forms(embodiment.action)} of experiment_cfg/metadata.json`,
    },
    chunk: config.horizon,
    executed: config.horizon,
    steps: config.steps,
    rateHz: embodiment.rateHz,
    licence: null,
    memoryBytes: 4 * facts.parameters,
    flops: Math.round(flopsOf(config, embodiment.cameras.length)),
    notes: [
      "the training code says how state and action are normalised; min_max unless the settings state and action say otherwise",
      `runs the first ${config.language.layers} layers of the language model`,
    ],
  };
}
