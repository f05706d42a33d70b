/** Statistics of a whole dataset while it grows. */

import { isNumberDtype } from "../dataset/columns.ts";
import type { Column, Dataset, Feature, Features } from "../dataset/types.ts";
import { type ImageHistograms, ImageStats, NumberStats } from "../stats/stats.ts";
import type { StatsByFeature } from "./encode.ts";

/** How many numbers a feature's statistics have: the last axis, or the channels. */
export function statDims(feature: Feature): number {
  return feature.shape.at(-1) ?? 1;
}

export class DatasetStats {
  readonly numbers = new Map<string, NumberStats>();
  readonly images = new Map<string, ImageStats>();

  /** @param videos whether their pictures count too: where they are copied unseen, they cannot. */
  constructor(features: Features, { videos = false }: { videos?: boolean } = {}) {
    for (const [name, feature] of Object.entries(features)) {
      if (feature.dtype === "image" || (videos && feature.dtype === "video"))
        this.images.set(name, new ImageStats(statDims(feature)));
      else if (isNumberDtype(feature.dtype)) this.numbers.set(name, new NumberStats(statDims(feature)));
    }
  }

  summary(): StatsByFeature {
    const out: Record<string, ReturnType<NumberStats["summary"]>> = {};
    for (const [name, stats] of this.numbers) out[name] = stats.summary();
    for (const [name, stats] of this.images) out[name] = stats.summary();
    return out;
  }

  /** For the side file by which later episodes are added without decoding the earlier pictures. */
  histograms(): Record<string, ImageHistograms> {
    return Object.fromEntries([...this.images].map(([name, stats]) => [name, stats.histograms()]));
  }
}

/** Where `histograms()` is kept. LeRobot ignores the folder. */
export const HISTOGRAMS_PATH = "meta/bidden/image-histograms.json";

/** Statistics of what a dataset holds already. Pictures are decoded only where `kept` does not cover them. */
export async function collectStats(dataset: Dataset, features: Features, kept: unknown): Promise<DatasetStats> {
  const stats = new DatasetStats(features, { videos: true });
  const known = (kept ?? {}) as Record<string, ImageHistograms | undefined>;
  const decode = new Set<string>();
  for (const [name, images] of stats.images) {
    const histograms = known[name];
    if (histograms?.frames === dataset.frameCount) images.merge(histograms);
    else decode.add(name);
  }
  const columns = [...stats.numbers.keys(), ...decode];
  for (let index = 0; index < dataset.episodeCount; index++) {
    const episode = await dataset.read(index, { columns });
    for (const [name, column] of Object.entries(episode.columns)) await addColumn(stats, name, column, episode.length);
  }
  return stats;
}

async function addColumn(stats: DatasetStats, name: string, column: Column, frames: number): Promise<void> {
  if (column.kind === "numbers") stats.numbers.get(name)?.add(column.values, frames);
  if (column.kind !== "images") return;
  for (let frame = 0; frame < frames; frame++) stats.images.get(name)?.add((await column.image(frame)).data);
}
