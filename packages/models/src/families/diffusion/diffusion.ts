/** Diffusion Policy (lerobot/diffusion_*): recognises, describes, opens, checks and makes its checkpoints. */
import { sizeOf } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { type FamilyInfo, type FamilyOptions, onlyFloat32, type PolicyFamily } from "../../checkpoint/family.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { ENVIRONMENT, STATE } from "../lerobot/features.ts";
import { NORM_BUFFERS } from "../lerobot/normalise.ts";
import { weightFacts } from "../lerobot/weight-facts.ts";
import { type DiffusionCheckpoint, FRAMES_UNUSED, readDiffusion, UNET_UNUSED } from "./checkpoint.ts";
import { type DiffusionConfig, encodedPixels } from "./config.ts";
import { checkDiffusionGolden } from "./golden.ts";
import { frameGraph, unetGraph } from "./graphs.ts";
import { makeDiffusion } from "./make.ts";
import { DiffusionPolicy } from "./policy.ts";

export const diffusion: PolicyFamily = {
  name: "diffusion",
  matches: (checkpoint) => checkpoint.config.raw("type") === "diffusion",
  describe: async (checkpoint) => describe(checkpoint, await readDiffusion(checkpoint)),
  open: openDiffusion,
  checkGolden: checkDiffusionGolden,
  make: makeDiffusion,
};

async function openDiffusion(
  checkpoint: Checkpoint,
  engine: Engine,
  options: FamilyOptions = {},
): Promise<DiffusionPolicy> {
  onlyFloat32("Diffusion Policy", options);
  const read = await readDiffusion(checkpoint);
  const config: DiffusionConfig = options.steps === undefined ? read.config : { ...read.config, steps: options.steps };
  const { graph, recipes } = frameGraph(config, 1);
  const denoiser = unetGraph(config, 1);
  const source = (name: string) => recipes.get(name) ?? name;
  const frames = bindWeights(checkpoint, [graph], { source, unused: FRAMES_UNUSED });
  const unet = bindWeights(checkpoint, [denoiser], { unused: UNET_UNUSED });
  return new DiffusionPolicy({
    ...read,
    config,
    info: describe(checkpoint, { ...read, config }),
    frames: await frames.open(graph, engine, { outputs: ["condition"] }),
    unet: await unet.open(denoiser, engine, { outputs: ["model_output"] }),
  });
}

function describe(checkpoint: Checkpoint, { config, normalisations }: DiffusionCheckpoint): FamilyInfo {
  const { schedule, steps } = config;
  const buffers = [NORM_BUFFERS, /running_(mean|var)$/, /num_batches_tracked$/, /pos_grid$/];
  const facts = weightFacts(checkpoint, buffers);
  const state = [STATE, ENVIRONMENT].flatMap((name) => normalisations.inputs.get(name)?.label ?? []);
  // Every weight of the U-Net meets each of its places; places halve with depth, where most weights are.
  const deep = config.horizon / 2 ** (config.downDims.length - 1);
  const weights = [...checkpoint.tensors.values()].filter(({ name }) => name.startsWith("diffusion.unet."));
  const unetFlops = 2 * deep * weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  // ResNet-18: 3.6 GFLOP (multiplications and additions) at 224x224 with the published widths.
  const [height, width] = encodedPixels(config).image;
  const eyes = 3.6e9 * ((height * width) / (224 * 224)) * ((config.planes[3] ?? 0) / 512) ** 2;
  return {
    family: "diffusion",
    variant: `${schedule.kind}, ${config.groupNorm ? "group" : "batch"} norm`,
    ...facts,
    cameras: config.cameras.map((camera) => ({ ...camera, optional: false })),
    state: { dim: config.stateDim + config.environmentDim, names: [], normalisation: [...new Set(state)].join("; ") },
    action: { dim: config.actionDim, names: [], normalisation: normalisations.action.label },
    chunk: config.actionSteps,
    executed: config.actionSteps,
    steps,
    rateHz: null,
    licence: null,
    memoryBytes: 4 * (2 * facts.parameters + config.cameras.length * height * width * 64),
    flops: Math.round(config.cameras.length * config.observations * eyes + steps * unetFlops),
    notes: [
      `looks at the last ${config.observations} observations: hand over those of every control step`,
      `denoises ${config.horizon} actions, of which ${config.actionSteps} are used`,
      ...(config.environmentDim > 0 ? ["the state is followed by the environment's"] : []),
    ],
  };
}
