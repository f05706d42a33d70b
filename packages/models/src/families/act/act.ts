/** ACT (lerobot/act_*): recognises, describes, opens, checks and makes its checkpoints. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { type FamilyInfo, type FamilyOptions, onlyFloat32, type PolicyFamily } from "../../checkpoint/family.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { NORM_BUFFERS, type Normalisations } from "../lerobot/normalise.ts";
import { ENVIRONMENT, STATE } from "../lerobot/features.ts";
import { weightFacts } from "../lerobot/weight-facts.ts";
import { readAct, UNUSED } from "./checkpoint.ts";
import { type ActConfig, encoderTokens } from "./config.ts";
import { checkActGolden } from "./golden.ts";
import { actGraph } from "./graphs.ts";
import { makeAct } from "./make.ts";
import { ActPolicy } from "./policy.ts";
import { trainAct } from "./training.ts";

export const act: PolicyFamily = {
  name: "act",
  matches: (checkpoint) => checkpoint.config.has("type") && checkpoint.config.raw("type") === "act",
  describe: async (checkpoint) => {
    const { config, normalisations } = await readAct(checkpoint);
    return describe(checkpoint, config, normalisations);
  },
  open: openAct,
  checkGolden: (checkpoint, engine, check) => checkActGolden(checkpoint, engine, check),
  train: trainAct,
  make: makeAct,
};

async function openAct(checkpoint: Checkpoint, engine: Engine, options: FamilyOptions = {}): Promise<ActPolicy> {
  onlyFloat32("ACT", options);
  const { config, normalisations } = await readAct(checkpoint);
  const { graph, recipes } = actGraph(config);
  const weights = bindWeights(checkpoint, [graph], { source: (name) => recipes.get(name) ?? name, unused: UNUSED });
  const session = await weights.open(graph, engine, { outputs: ["actions"] });
  return new ActPolicy({ info: describe(checkpoint, config, normalisations), config, normalisations, session });
}

function describe(checkpoint: Checkpoint, config: ActConfig, normalisations: Normalisations): FamilyInfo {
  const { width, chunk, feedforward, encoderLayers, decoderLayers } = config;
  const facts = weightFacts(checkpoint, [NORM_BUFFERS, /running_(mean|var)$/, /vae_encoder_pos_enc$/]);
  const tokens = encoderTokens(config);
  const layer = (n: number, keys: number): number =>
    2 * n * (4 * width * width + 2 * width * feedforward + 2 * keys * width);
  // ResNet-18: 1.8 GFLOP twice (multiply and add) at 224x224 with the published widths.
  const pixels = config.cameras.reduce((sum, camera) => sum + camera.width * camera.height, 0);
  const eyes = 3.6e9 * (pixels / (224 * 224)) * ((config.planes[3] ?? 0) / 512) ** 2;
  const state = [STATE, ENVIRONMENT].flatMap((name) => normalisations.inputs.get(name)?.label ?? []);
  return {
    family: "act",
    variant: config.vae ? "with VAE" : "without VAE",
    ...facts,
    cameras: config.cameras.map((camera) => ({ ...camera, optional: false })),
    state: { dim: config.stateDim + config.environmentDim, names: [], normalisation: [...new Set(state)].join("; ") },
    action: { dim: config.actionDim, names: [], normalisation: normalisations.action.label },
    chunk: config.ensembleCoefficient === null ? chunk : 1,
    executed: config.actionSteps,
    steps: 1,
    rateHz: null,
    licence: null,
    memoryBytes: 4 * (2 * facts.parameters + pixels * 64 + tokens * tokens * config.heads),
    flops: Math.round(eyes + encoderLayers * layer(tokens, tokens) + decoderLayers * layer(chunk, tokens + chunk)),
    notes: [
      ...(config.environmentDim > 0 ? ["the state is followed by the environment's"] : []),
      ...(config.ensembleCoefficient === null ? [] : [`temporal ensembling with m = ${config.ensembleCoefficient}`]),
    ],
  };
}
