/**
 * Seeing before acting: what every patch shows and where its thing is, learned from pictures alone, three times as many a second
 * as with sentences and motion. The parameters have the names that they have in the whole policy, whose training begins with
 * them and leaves them as they are.
 */
import type { TabletopConfig } from "@bidden/models";
import type { TensorData } from "@bidden/tensor";
import type { BatchArrays, TabletopBatch } from "./batch.ts";
import { seeingObjective, seeingShapes } from "./objective.ts";
import type { TabletopSampler } from "./sampler.node.ts";
import { type StageOptions, trainStage } from "./stage.node.ts";

const INPUTS = ["windows", "rays", "proprio", "tool"] as const;
/** What is known of a place is explained to those who ask, and nobody asks here. */
const EXPLAINING = "see.explain";

/** @param batch pictures a step: those of the sampler's batches */
export function trainSeeing(
  config: TabletopConfig,
  sampler: TabletopSampler,
  { batch, ...options }: StageOptions & { readonly batch: number },
): Promise<Map<string, TensorData>> {
  const names = [...INPUTS, ...Object.keys(seeingShapes(config))] as readonly (keyof BatchArrays)[];
  const batches = {
    allocate: () => sampler.allocate(),
    fill: (into: TabletopBatch, step: number) => sampler.fill(into, step),
    feeds: ({ arrays }: TabletopBatch) => Object.fromEntries(names.map((name) => [name, arrays[name]])),
  };
  return trainStage(seeingObjective(config, batch), batches, { peakRate: 1e-3, ...options }, EXPLAINING);
}
