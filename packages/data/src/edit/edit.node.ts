/**
 * Editing datasets into a new folder; the source stays as it is, and the result appears whole or not at all. LeRobot datasets are
 * edited without loss: arrays and pictures keep their bytes, videos are copied packet by packet. Where an episode does not begin with a
 * keyframe, only its pictures up to the next one are encoded anew.
 */

import { BiddenError } from "@bidden/runtime";
import { convertEpisodes, planConversion, type Progress } from "../convert/to-lerobot.ts";
import type { Dataset, EpisodeData, EpisodeInfo, ReadOptions } from "../dataset/types.ts";
import { intoNewFolder } from "../files/new-folder.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { featureDifference } from "../lerobot/features.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { LeRobotReader } from "../lerobot/reader.ts";
import { rewriteLeRobot } from "../lerobot/rewrite.ts";
import { openDataset } from "../open.node.ts";
import { loadStretchTools } from "../video/codecs.node.ts";

export type EditOptions = {
  readonly report?: (progress: Progress) => void;
  /** What a person should know of the result. */
  readonly remark?: (sentence: string) => void;
  /** Frames a second, for sources that do not say it. */
  readonly fps?: number;
};

/** Which episodes of which datasets, in the order in which they shall stand; frames [from, to) of each. */
type Pick = { readonly dataset: Dataset; readonly episode: number; readonly from: number; readonly to: number };

type Changes = Partial<Record<"task" | "feature", (name: string) => string>> & { readonly robotType?: string };

export async function keepEpisodes(
  from: string,
  to: string,
  keep: (episode: number) => boolean,
  options: EditOptions = {},
): Promise<number> {
  return edit([from], to, {}, options, async (datasets) =>
    (await picksOf(datasets)).filter((pick) => keep(pick.episode)),
  );
}

/** Robot, rate and features must be the same; a difference is refused by name. */
export async function mergeDatasets(
  sources: readonly string[],
  to: string,
  options: EditOptions = {},
): Promise<number> {
  return edit(sources, to, {}, options, picksOf);
}

/** @param rename the new sentence; the old one where it stays. */
export async function retaskDataset(
  from: string,
  to: string,
  rename: (task: string) => string,
  options: EditOptions = {},
): Promise<number> {
  return edit([from], to, { task: rename }, options, picksOf);
}

/** New names for features (cameras too: their videos move along), and for the robot. */
export async function renameDataset(
  from: string,
  to: string,
  names: { readonly features?: ReadonlyMap<string, string>; readonly robotType?: string },
  options: EditOptions = {},
): Promise<number> {
  const { features = new Map<string, string>(), robotType } = names;
  const changes: Changes = {
    feature: (name) => features.get(name) ?? name,
    ...(robotType === undefined ? {} : { robotType }),
  };
  return edit([from], to, changes, options, async (datasets) => {
    const known = Object.keys(datasets[0]?.features ?? {});
    const unknown = [...features.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new BiddenError("bad-argument", `${from} has no feature "${unknown}"; it has ${known.join(", ")}.`, {
        feature: unknown,
      });
    }
    return picksOf(datasets);
  });
}

/** Drops motionless frames at the ends, or whatever `range` says: half-open frames of an episode that stay. */
export async function trimDataset(
  from: string,
  to: string,
  range: (episode: number, length: number) => readonly [from: number, to: number],
  options: EditOptions = {},
): Promise<number> {
  return edit([from], to, {}, options, async (datasets) =>
    (await picksOf(datasets)).map((pick) => {
      const [start, end] = range(pick.episode, pick.to);
      return { ...pick, from: start, to: end };
    }),
  );
}

async function edit(
  paths: readonly string[],
  to: string,
  changes: Changes,
  options: EditOptions,
  choose: (datasets: readonly Dataset[]) => Promise<readonly Pick[]>,
): Promise<number> {
  const open: Dataset[] = [];
  try {
    for (const path of paths) open.push(await openDataset(path));
    const picks = await choose(open);
    if (picks.length === 0) throw new BiddenError("bad-argument", "No episode would be left.");
    for (const dataset of open) checkAlike(open[0] as Dataset, dataset);
    await intoNewFolder(to, { edited: paths }, false, ({ folder }) => write(picks, folder, changes, options));
    return picks.length;
  } finally {
    for (const dataset of open) await dataset.close();
  }
}

async function picksOf(datasets: readonly Dataset[]): Promise<Pick[]> {
  const out: Pick[] = [];
  for (const dataset of datasets) {
    for (let episode = 0; episode < dataset.episodeCount; episode++)
      out.push({ dataset, episode, from: 0, to: (await dataset.episode(episode)).length });
  }
  return out;
}

/** LeRobot's datasets keep their version and lose nothing; others become v3.0 on the way. */
async function write(picks: readonly Pick[], folder: string, changes: Changes, options: EditOptions): Promise<void> {
  const chosen = picks.flatMap(({ dataset, ...rest }) =>
    dataset instanceof LeRobotReader ? [{ source: dataset, ...rest }] : [],
  );
  const { dataset } = picks[0] as Pick;
  const { robotType = dataset.robotType, ...renames } = changes;
  if (chosen.length === picks.length) {
    const version = dataset.format === "lerobot-v2.1" ? "v2.1" : "v3.0";
    const { report } = options;
    const remarks = await rewriteLeRobot(chosen, createFolderStore(folder), {
      version,
      robotType,
      ...renames,
      stretch: loadStretchTools,
      ...(report === undefined ? {} : { report }),
    });
    for (const remark of remarks) options.remark?.(remark);
    return;
  }
  if (changes.feature !== undefined)
    throw new BiddenError(
      "unsupported",
      `${dataset.path} is ${dataset.format}: convert it to LeRobot first, then rename.`,
    );
  const source = new PickedDataset(picks, changes.task ?? ((task) => task));
  const plan = await planConversion(source, options.fps === undefined ? {} : { fps: options.fps });
  const recorder = await openRecorder(folder, { robotType: plan.robotType, fps: plan.fps, features: plan.features });
  try {
    await convertEpisodes(source, plan, recorder, options.report);
  } finally {
    if (recorder.recording) recorder.discard();
    await recorder.close();
  }
}

function checkAlike(a: Dataset, b: Dataset): void {
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

  constructor(chosen: readonly Pick[], rename: (task: string) => string) {
    const { dataset } = chosen[0] as Pick;
    this.format = dataset.format;
    this.path = dataset.path;
    this.robotType = dataset.robotType;
    this.fps = dataset.fps;
    this.features = dataset.features;
    this.episodeCount = chosen.length;
    this.#chosen = chosen;
    this.#rename = rename;
  }

  async episode(index: number): Promise<EpisodeInfo> {
    const { dataset, episode, from, to } = this.#chosen[index] as Pick;
    const info = await dataset.episode(episode);
    return { ...info, index, length: to - from, tasks: info.tasks.map(this.#rename) };
  }

  async read(index: number, options: ReadOptions = {}): Promise<EpisodeData> {
    const pick = this.#chosen[index] as Pick;
    const from = pick.from + (options.from ?? 0);
    const to = Math.min(pick.to, pick.from + (options.to ?? pick.to));
    const data = await pick.dataset.read(pick.episode, { ...options, from, to });
    return { ...data, index, from: from - pick.from, tasks: data.tasks.map(this.#rename) };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
