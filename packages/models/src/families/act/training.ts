/** Fine-tuning of ACT: recorded frames to the inputs of LeRobot's loss. Images are not augmented, nothing is dropped out. */
import { BiddenError, type Rng } from "@bidden/runtime";
import type { Elements } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { type FamilyTraining, trainedOf, type TrainingOptions, type TrainingRow } from "../../checkpoint/training.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { ACTION } from "../lerobot/features.ts";
import { NORM_BUFFERS, type Normalisations } from "../lerobot/normalise.ts";
import { seeObservation } from "../lerobot/observe.ts";
import { readAct } from "./checkpoint.ts";
import type { ActConfig } from "./config.ts";
import { actLossGraph } from "./graphs.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** LeRobot's ACTConfig. */
const DEFAULTS = { rate: 1e-5, beta2: 0.999, weightDecay: 1e-4, clipNorm: 10 } as const;

export async function trainAct(checkpoint: Checkpoint, options: TrainingOptions): Promise<FamilyTraining> {
  if (options.lora !== undefined || options.what === "head") {
    throw new BiddenError("unsupported", "ACT is trained whole: it has no LoRA, and no head apart from the rest.");
  }
  const { config, normalisations } = await readAct(checkpoint);
  const { graph, loss } = actLossGraph(config, options.batch);
  const weights = bindWeights(checkpoint, [graph], { unused: [NORM_BUFFERS, /^model\.vae_encoder/] });
  const watched = ["l1_loss", "kld_loss"].flatMap((name) => {
    const value = graph.outputs.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    chunk: config.chunk,
    graph,
    loss,
    metrics: Object.fromEntries(watched),
    defaults: DEFAULTS,
    parameters: () => weights.values(),
    feeds: (rows, rng) => actFeeds(config, normalisations, rows, rng),
    tensors: (values) => trainedOf(graph, values),
  };
}

function actFeeds(
  config: ActConfig,
  normalisations: Normalisations,
  rows: readonly TrainingRow[],
  rng: Rng,
): Record<string, Elements> {
  const { cameras, stateDim, environmentDim, latentDim, vae } = config;
  const seen = rows.map((row) => seeObservation(row, config, normalisations));
  const normalise = normalisations.inputs.get(ACTION);
  const actions = joinRows(rows.map((row) => row.actions));
  return {
    ...Object.fromEntries(
      cameras.map((_, i) => [`image.${i}`, joinRows(seen.map(({ images }) => images[i] as Float32Array))]),
    ),
    ...(stateDim > 0 ? { state: joinRows(seen.map(({ state }) => state)) } : {}),
    ...(environmentDim > 0 ? { environment: joinRows(seen.map(({ environment }) => environment)) } : {}),
    action: normalise?.normalise(actions) ?? actions,
    action_is_pad: Uint8Array.from(rows.flatMap(({ isPad }) => [...isPad])),
    ...(vae ? { latent_noise: Float32Array.from({ length: rows.length * latentDim }, () => rng.normal()) } : {}),
  };
}
