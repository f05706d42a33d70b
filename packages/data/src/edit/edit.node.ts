/**
 * Editing LeRobot datasets with pictures: episodes are copied, arrays exactly and pictures by their stored bytes, into a new
 * folder; the source stays as it is. Statistics, indices and totals come out right because they are made anew.
 */

import { BiddenError } from "@bidden/runtime";
import { convertEpisodes, type ConversionPlan, planConversion } from "../convert/to-lerobot.ts";
import type { Dataset, EpisodeData, EpisodeInfo, ReadOptions } from "../dataset/types.ts";
import { featureDifference } from "../lerobot/features.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { openDataset } from "../open.node.ts";

/** Which episodes of which datasets, in the order in which they shall stand. */
type Pick = { readonly dataset: Dataset; readonly episode: number };

export async function keepEpisodes(from: string, to: string, keep: (episode: number) => boolean): Promise<number> {
  return withDatasets([from], (datasets) =>
    write(
      picks(datasets).filter((pick) => keep(pick.episode)),
      to,
    ),
  );
}

/** Robot, rate and features must be the same; a difference is refused by name. */
export async function mergeDatasets(sources: readonly string[], to: string): Promise<number> {
  return withDatasets(sources, (datasets) => write(picks(datasets), to));
}

/** @param rename the new sentence; the old one where it stays. */
export async function retaskDataset(from: string, to: string, rename: (task: string) => string): Promise<number> {
  return withDatasets([from], (datasets) => write(picks(datasets), to, rename));
}

/** Drops motionless frames at the ends, or whatever `range` says: half-open frames of an episode that stay. */
export async function trimDataset(
  from: string,
  to: string,
  range: (episode: number, length: number) => readonly [from: number, to: number],
): Promise<number> {
  return withDatasets([from], (datasets) => write(picks(datasets), to, undefined, range));
}

async function withDatasets(
  paths: readonly string[],
  work: (datasets: readonly Dataset[]) => Promise<number>,
): Promise<number> {
  const open: Dataset[] = [];
  try {
    for (const path of paths) open.push(await openDataset(path));
    return await work(open);
  } finally {
    for (const dataset of open) await dataset.close();
  }
}

function picks(datasets: readonly Dataset[]): Pick[] {
  return datasets.flatMap((dataset) =>
    Array.from({ length: dataset.episodeCount }, (_, episode) => ({ dataset, episode })),
  );
}

async function write(
  chosen: readonly Pick[],
  to: string,
  rename: (task: string) => string = (task) => task,
  range: (episode: number, length: number) => readonly [number, number] = (_, length) => [0, length],
): Promise<number> {
  const [first] = chosen;
  if (first === undefined) throw new BiddenError("bad-argument", "No episode would be left.");
  for (const dataset of new Set(chosen.map((pick) => pick.dataset))) checkAlike(first.dataset, dataset);
  const source = new PickedDataset(chosen, rename, range);
  const plan: ConversionPlan = await planConversion(source);
  const recorder = await openRecorder(to, { robotType: plan.robotType, fps: plan.fps, features: plan.features });
  try {
    if (recorder.episodeCount > 0)
      throw new BiddenError("bad-argument", `${to} holds episodes already: edit into a new folder.`, { path: to });
    await convertEpisodes(source, plan, recorder);
    return recorder.episodeCount;
  } finally {
    if (recorder.recording) recorder.discard();
    await recorder.close();
  }
}

function checkAlike(a: Dataset, b: Dataset): void {
  const video = Object.entries(b.features).find(([, feature]) => feature.dtype === "video");
  if (video !== undefined) {
    throw new BiddenError(
      "unsupported",
      `"${video[0]}" of ${b.path} is a video: bidden edits datasets whose pictures are stored one by one.`,
      {
        column: video[0],
      },
    );
  }
  const what =
    a.fps !== b.fps
      ? `it has ${b.fps} frames a second, not ${a.fps}`
      : a.robotType !== b.robotType
        ? `its robot is "${b.robotType}", not "${a.robotType}"`
        : featureDifference(b.features, a.features);
  if (what !== null)
    throw new BiddenError("bad-argument", `${b.path} does not fit ${a.path}: ${what}.`, { path: b.path });
}

/** Chosen episodes as a dataset of their own. */
class PickedDataset implements Dataset {
  readonly format: string;
  readonly path: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly features: Dataset["features"];
  readonly episodeCount: number;
  readonly frameCount = null;
  readonly tasks: readonly string[] = [];
  readonly #chosen: readonly Pick[];
  readonly #rename: (task: string) => string;
  readonly #range: (episode: number, length: number) => readonly [number, number];

  constructor(
    chosen: readonly Pick[],
    rename: (task: string) => string,
    range: (episode: number, length: number) => readonly [number, number],
  ) {
    const { dataset } = chosen[0] as Pick;
    this.format = dataset.format;
    this.path = dataset.path;
    this.robotType = dataset.robotType;
    this.fps = dataset.fps;
    this.features = dataset.features;
    this.episodeCount = chosen.length;
    this.#chosen = chosen;
    this.#rename = rename;
    this.#range = range;
  }

  async episode(index: number): Promise<EpisodeInfo> {
    const { dataset, episode } = this.#chosen[index] as Pick;
    const info = await dataset.episode(episode);
    const [from, to] = this.#range(index, info.length);
    return { ...info, index, length: to - from, tasks: info.tasks.map(this.#rename) };
  }

  async read(index: number, options: ReadOptions = {}): Promise<EpisodeData> {
    const { dataset, episode } = this.#chosen[index] as Pick;
    const [start, end] = this.#range(index, (await dataset.episode(episode)).length);
    const from = start + (options.from ?? 0);
    const to = Math.min(end, start + (options.to ?? end));
    const data = await dataset.read(episode, { ...options, from, to });
    return { ...data, index, from: from - start, tasks: data.tasks.map(this.#rename) };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
