/**
 * Writes chosen episodes of LeRobot datasets as a new one, v3.0 or v2.1, without loss: arrays and pictures keep their bytes, videos
 * are copied packet by packet. Indices, totals and statistics are made anew. Nothing here decodes video, so the statistics of videos
 * are joined from those that the sources keep for each episode.
 */

import { BiddenError } from "@bidden/runtime";
import { isNumberDtype } from "../dataset/columns.ts";
import type { Column, EpisodeData, Feature, Features } from "../dataset/types.ts";
import type { WritableStore } from "../files/store.ts";
import { CaptureLog, capturePath } from "./capture.ts";
import { DatasetStats } from "./dataset-stats.ts";
import { defaultColumns } from "./encode.ts";
import { isDefaultFeature } from "./features.ts";
import type { LeRobotReader } from "./reader.ts";
import { DataFiles } from "./rewrite-data.ts";
import { type RewrittenEpisode, writeMeta } from "./rewrite-meta.ts";
import { planVideos, type Restart, type VideoPlan, writeVideos, writeWhole } from "./rewrite-videos.ts";
import type { StretchTools } from "../video/stretch.ts";
import { joinStats, readEpisodeStats, type StatsRow, summaryRows } from "./stats-rows.ts";

/** Frames [from, to) of an episode. */
export type EpisodePick = {
  readonly source: LeRobotReader;
  readonly episode: number;
  readonly from: number;
  readonly to: number;
};

export type LeRobotVersion = "v3.0" | "v2.1";

export type RewriteOptions = {
  readonly version: LeRobotVersion;
  readonly robotType: string | null;
  /** The new sentence; the old one where it stays. */
  readonly task?: (task: string) => string;
  /** The new name of a feature. */
  readonly feature?: (name: string) => string;
  /** Sizes at which the next file begins, bytes. LeRobot's own by default. */
  readonly dataFileBytes?: number;
  readonly videoFileBytes?: number;
  /** Codecs for videos that would begin within a group of pictures; without, the packets before come along, hidden. */
  readonly stretch?: () => Promise<StretchTools | null>;
  readonly report?: (progress: { readonly done: number; readonly total: number }) => void;
};

/** Whole episodes of a dataset, those that `keep` names. */
export function pickEpisodes(source: LeRobotReader, keep: (episode: number) => boolean = () => true): EpisodePick[] {
  return source.places
    .filter((place) => keep(place.index))
    .map((place) => ({ source, episode: place.index, from: 0, to: place.length }));
}

/** The datasets must be alike in rate and features. @returns remarks for a person. */
export async function rewriteLeRobot(
  picks: readonly EpisodePick[],
  store: WritableStore,
  options: RewriteOptions,
): Promise<string[]> {
  const first = picks[0];
  if (first === undefined) throw new BiddenError("bad-argument", "No episode would be left.");
  const features = renamed(first.source.features, options.feature ?? ((name) => name));
  const videos = await planVideos(picks, features, options, restarter(store, options.stretch));
  await writeVideos(videos, store);
  const tasks = taskTable(picks, options);
  const { episodes, stats } = await writeFrames(picks, store, features, tasks, options);
  const videoStats = await statsOfVideos(picks, features);
  const rows = episodes.map(
    (episode, i): RewrittenEpisode => ({ ...episode, stats: { ...episode.stats, ...videoStats[i] } }),
  );
  const total = { ...summaryRows(stats.summary()), ...joinVideos(features, rows) };
  await writeMeta(store, { first: first.source, features, tasks, rows, total, videos, ...options });
  return remarks(videos);
}

function renamed(features: Features, rename: (name: string) => string): Record<string, Named> {
  const out: Record<string, Named> = {};
  for (const [source, feature] of Object.entries(features)) {
    const name = isDefaultFeature(source) ? source : rename(source);
    const clash = name in out || (name !== source && isDefaultFeature(name));
    if (clash || name === "" || name === "task" || /[/\\\0:]|^\.+$/.test(name)) {
      throw new BiddenError(
        "bad-argument",
        `"${source}" cannot be called "${name}": ${clash ? "that name is taken" : 'a name must not be empty, "task" or hold "/", "\\" or ":"'}.`,
        { feature: source },
      );
    }
    out[name] = { ...feature, source };
  }
  return out;
}

/** A feature under its new name, with the one that it has in the sources. */
export type Named = Feature & { readonly source: string };

/** All sentences where all episodes stay, else those that are used, in the order of the sources. */
function taskTable(picks: readonly EpisodePick[], { task = (text) => text }: RewriteOptions): string[] {
  const sources = [...new Set(picks.map((pick) => pick.source))];
  const used = new Set(picks.flatMap(({ source, episode }) => source.places[episode]?.tasks ?? []));
  const whole = sources.every(
    (source) => picks.filter((pick) => pick.source === source).length === source.episodeCount,
  );
  const known = sources.flatMap((source) => source.tasks).filter((text) => whole || used.has(text));
  return [...new Set(known.map(task))];
}

async function writeFrames(
  picks: readonly EpisodePick[],
  store: WritableStore,
  features: Readonly<Record<string, Named>>,
  tasks: string[],
  options: RewriteOptions,
): Promise<{ episodes: RewrittenEpisode[]; stats: DatasetStats }> {
  const stats = new DatasetStats(features);
  const files = new DataFiles(store, features, options, await languageSchemas(picks, features));
  const read = Object.values(features).filter((feature) => feature.dtype !== "video" && !isRenumbered(feature.source));
  const columns = read.map((feature) => feature.source);
  const episodes: RewrittenEpisode[] = [];
  let from = 0;
  for (const [index, pick] of picks.entries()) {
    const { source, episode } = pick;
    const data = await source.read(episode, { columns, from: pick.from, to: pick.to });
    if (data.length === 0)
      throw new BiddenError("bad-dataset", `Episode ${episode} of ${source.path} has no frames.`, { episode });
    const taskIndices = lookUp(data, tasks, options.task ?? ((text) => text));
    const numbers = defaultColumns(source.fps, index, from, taskIndices);
    const table = tableOf(features, data, numbers, isTrimmed(pick));
    const own = new DatasetStats(features);
    await collect(table, data.length, own, stats);
    await copyCapture(pick, store, index);
    episodes.push({
      index,
      length: data.length,
      from,
      tasks: [...new Set(taskIndices)].map((task) => tasks[task] as string),
      extra: source.places[episode]?.extra ?? {},
      data: await files.add(table, data.length),
      stats: summaryRows(own.summary()),
    });
    from += data.length;
    options.report?.({ done: index + 1, total: picks.length });
  }
  await files.flush();
  return { episodes, stats };
}

/** Real capture times and sensors go along; of a trimmed episode those of its frames. */
async function copyCapture(pick: EpisodePick, store: WritableStore, index: number): Promise<void> {
  const { source, episode, from, to } = pick;
  const bytes = await source.store.read(capturePath(episode));
  if (bytes === null) return;
  if (!isTrimmed(pick)) return store.write(capturePath(index), bytes);
  const capture = await source.capture(episode);
  if (capture === null) return;
  const log = new CaptureLog();
  const times = capture.frameTimesNs;
  const [start, end] = [times?.[from], times?.[to]];
  for (let frame = from; frame < to; frame++) log.addFrame(times?.[frame]);
  for (const [sensor, { timesNs, size, values }] of Object.entries(capture.sensors)) {
    for (const [i, time] of timesNs.entries()) {
      const within = (start === undefined || time >= start) && (end === undefined || time < end);
      if (within) log.addSample(sensor, time, values.subarray(i * size, (i + 1) * size));
    }
  }
  await store.write(capturePath(index), log.encode());
}

/** The columns of one episode under their new names. */
function tableOf(
  features: Readonly<Record<string, Named>>,
  data: EpisodeData,
  numbers: ReturnType<typeof defaultColumns>,
  trimmed: boolean,
): Map<string, Column> {
  const out = new Map<string, Column>();
  for (const [name, { dtype, shape, source }] of Object.entries(features)) {
    const anew = isRenumbered(name) || (name === "timestamp" && trimmed);
    const values = anew ? numbers[name] : undefined;
    const column = data.columns[source];
    if (values !== undefined && isNumberDtype(dtype)) out.set(name, { kind: "numbers", dtype, shape, values });
    else if (column !== undefined) out.set(name, column);
  }
  return out;
}

async function collect(
  table: ReadonlyMap<string, Column>,
  frames: number,
  own: DatasetStats,
  total: DatasetStats,
): Promise<void> {
  for (const [name, column] of table) {
    if (column.kind === "numbers") {
      own.numbers.get(name)?.add(column.values, frames);
      total.numbers.get(name)?.add(column.values, frames);
    }
    const images = own.images.get(name);
    if (column.kind !== "images" || images === undefined) continue;
    for (let frame = 0; frame < frames; frame++) images.add((await column.image(frame)).data);
    total.images.get(name)?.merge(images.histograms());
  }
}

/** Written anew; the timestamp is kept where the episode is whole. */
function isRenumbered(name: string): boolean {
  return isDefaultFeature(name) && name !== "timestamp";
}

function isTrimmed({ source, episode, from, to }: EpisodePick): boolean {
  return from !== 0 || to !== source.places[episode]?.length;
}

function lookUp(data: EpisodeData, tasks: string[], rename: (task: string) => string): number[] {
  return data.tasks.map((sentence) => {
    const task = rename(sentence);
    const index = tasks.indexOf(task);
    return index >= 0 ? index : tasks.push(task) - 1;
  });
}

async function languageSchemas(
  picks: readonly EpisodePick[],
  features: Readonly<Record<string, Named>>,
): Promise<ReadonlyMap<string, Awaited<ReturnType<LeRobotReader["columnSchema"]>>>> {
  const out = new Map<string, Awaited<ReturnType<LeRobotReader["columnSchema"]>>>();
  for (const [name, { dtype, source }] of Object.entries(features)) {
    if (dtype !== "language") continue;
    for (const reader of new Set(picks.map((pick) => pick.source))) {
      const schema = await reader.columnSchema(source);
      const known = out.get(name);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema))
        throw new BiddenError(
          "unsupported",
          `"${source}" of ${reader.path} is laid out otherwise than in the other datasets.`,
        );
      out.set(name, schema);
    }
  }
  return out;
}

async function statsOfVideos(
  picks: readonly EpisodePick[],
  features: Readonly<Record<string, Named>>,
): Promise<Record<string, StatsRow>[]> {
  const cameras = Object.entries(features).filter(([, feature]) => feature.dtype === "video");
  const bySource = new Map<LeRobotReader, Awaited<ReturnType<typeof readEpisodeStats>>>();
  for (const { source } of picks) {
    if (cameras.length > 0 && !bySource.has(source))
      bySource.set(
        source,
        await readEpisodeStats(
          source,
          cameras.map(([, feature]) => feature.source),
        ),
      );
  }
  return picks.map(({ source, episode }) => {
    const rows: Record<string, StatsRow> = {};
    for (const [name, feature] of cameras) {
      const row = bySource.get(source)?.[episode]?.[feature.source];
      if (row !== undefined) rows[name] = row;
    }
    return rows;
  });
}

function joinVideos(features: Features, rows: readonly RewrittenEpisode[]): Record<string, StatsRow> {
  const out: Record<string, StatsRow> = {};
  for (const [name, { dtype }] of Object.entries(features)) {
    if (dtype !== "video") continue;
    const joined = joinStats(rows.map((row) => row.stats[name]));
    if (joined !== null) out[name] = joined;
  }
  return out;
}

function restarter(store: WritableStore, load: RewriteOptions["stretch"]): Restart {
  let loading: Promise<StretchTools | null> | undefined;
  return async (piece, fps, from, to) => {
    loading ??= load?.();
    const tools = (await loading) ?? null;
    if (tools === null) return null;
    const { beginAtKeyframe, pieceOfFile } = await import("../video/stretch.ts");
    const bytes = await beginAtKeyframe(piece, fps, from, tools);
    if (bytes === null) return null;
    await writeWhole(store, to, bytes);
    return pieceOfFile(() => store.open(to), piece.frames, to);
  };
}

function remarks(videos: VideoPlan): string[] {
  const spots = videos.cameras.flatMap(({ name, places }) =>
    places.map((place, episode) => ({ name, episode, place })),
  );
  const first = (some: typeof spots): string => `(first: ${some[0]?.name}, episode ${some[0]?.episode})`;
  const encoded = spots.filter(({ place }) => place.encoded);
  const kept = spots.filter(({ place }) => place.lead + place.tail > 0);
  const most = kept.reduce((hidden, { place }) => Math.max(hidden, place.lead + place.tail), 0);
  const out: string[] = [];
  if (encoded.length > 0)
    out.push(
      `${encoded.length} videos began within a group of pictures: their pictures up to the next keyframe were encoded anew and compared, the rest was copied ${first(encoded)}.`,
    );
  if (kept.length > 0)
    out.push(
      `${kept.length} videos begin or end within a group of pictures: up to ${most} neighbouring pictures each stay in their files, hidden by an edit list ${first(kept)}.`,
    );
  return out;
}
