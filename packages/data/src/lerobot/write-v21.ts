/**
 * Writes any dataset that `convertEpisodes` can write as LeRobotDataset v2.1, which openpi and GR00T still want: one parquet file an
 * episode, JSON lines for the rest (data.md 1.8). Made from a finished v3.0 dataset with pictures; meta/info.json comes last.
 */

import { BiddenError } from "@bidden/runtime";
import type { WritableStore } from "../files/store.ts";
import { encodeData, encodeStats } from "./encode.ts";
import { DatasetStats } from "./dataset-stats.ts";
import { EPISODES_JSONL, EPISODES_STATS_JSONL, TASKS_JSONL } from "./v21.ts";
import { encodeJson, fillTemplate, INFO_PATH } from "./info.ts";
import type { LeRobotReader } from "./reader.ts";
import { ImageStats } from "../stats/stats.ts";
import type { RecordedColumn } from "./running-episode.ts";
import { isDefaultFeature } from "./features.ts";
import type { Column, EpisodeData, NumberArray } from "../dataset/types.ts";
import { elementsOf } from "../dataset/columns.ts";

const DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet";
const CHUNK = 1000;

/** @returns how many episodes were written. */
export async function writeV21(source: LeRobotReader, store: WritableStore): Promise<number> {
  const video = Object.entries(source.features).find(
    ([, feature]) => feature.dtype === "video" || feature.dtype === "language",
  );
  if (video !== undefined) {
    throw new BiddenError(
      "unsupported",
      `"${video[0]}" is ${video[1].dtype}; bidden writes v2.1 with pictures, numbers and text.`,
      { column: video[0] },
    );
  }
  if ((await store.list(".")).length > 0)
    throw new BiddenError("bad-argument", `${store.root} is not empty.`, { path: store.root });
  const episodes: unknown[] = [];
  const stats: unknown[] = [];
  let frames = 0;
  for (let index = 0; index < source.episodeCount; index++) {
    const data = await source.read(index);
    const path = fillTemplate(DATA_PATH, { episode_chunk: Math.floor(index / CHUNK), episode_index: index });
    const own = new DatasetStats(source.features);
    await store.write(path, await encodeEpisode(source, data, own));
    const summary = new TextDecoder().decode(encodeStats(own.summary(), source.features));
    stats.push({
      episode_index: index,
      stats: withoutQuantiles(JSON.parse(summary) as Record<string, Record<string, unknown>>),
    });
    episodes.push({ episode_index: index, tasks: [...new Set(data.tasks)], length: data.length });
    frames += data.length;
  }
  const lines = (rows: readonly unknown[]): Uint8Array =>
    new TextEncoder().encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await store.write(TASKS_JSONL, lines(source.tasks.map((task, task_index) => ({ task_index, task }))));
  await store.write(EPISODES_JSONL, lines(episodes));
  await store.write(EPISODES_STATS_JSONL, lines(stats));
  await store.write(`${INFO_PATH}.new`, encodeJson(infoV21(source, frames)));
  await store.rename(`${INFO_PATH}.new`, INFO_PATH);
  return source.episodeCount;
}

function infoV21(source: LeRobotReader, frames: number): unknown {
  const count = source.episodeCount;
  return {
    codebase_version: "v2.1",
    robot_type: source.robotType,
    total_episodes: count,
    total_frames: frames,
    total_tasks: source.tasks.length,
    total_videos: 0,
    total_chunks: Math.ceil(count / CHUNK),
    chunks_size: CHUNK,
    fps: source.fps,
    splits: { train: `0:${count}` },
    data_path: DATA_PATH,
    video_path: null,
    features: source.features,
  };
}

/** v2.1 knows none. */
function withoutQuantiles(stats: Record<string, Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(stats).map(([feature, own]) => [
      feature,
      Object.fromEntries(Object.entries(own).filter(([name]) => !/^q\d/.test(name))),
    ]),
  );
}

async function encodeEpisode(source: LeRobotReader, data: EpisodeData, stats: DatasetStats): Promise<Uint8Array> {
  const recorded = new Map<string, RecordedColumn>();
  const defaults: Record<string, NumberArray> = {};
  for (const [name, column] of Object.entries(data.columns)) {
    if (column.kind === "numbers") stats.numbers.get(name)?.add(column.values, data.length);
    if (column.kind === "numbers" && isDefaultFeature(name)) defaults[name] = column.values;
    else recorded.set(name, await recordedColumn(column, stats.images.get(name)));
  }
  return encodeData(source.features, recorded, defaults, data.length);
}

async function recordedColumn(column: Column, images: ImageStats | undefined): Promise<RecordedColumn> {
  if (column.kind === "numbers") {
    return { kind: "numbers", dtype: column.dtype, size: elementsOf(column.shape), values: column.values };
  }
  if (column.kind === "text") return { kind: "text", values: [...column.values] };
  if (column.kind !== "images")
    throw new BiddenError("internal", "internal: a column of no fixed shape in a v2.1 dataset");
  const png: Uint8Array[] = [];
  for (let frame = 0; frame < column.length; frame++) {
    const bytes = column.encoded(frame);
    if (bytes === null) throw new BiddenError("internal", "internal: a picture without bytes");
    png.push(bytes);
    images?.add((await column.image(frame)).data);
  }
  return { kind: "images", png, stats: images ?? new ImageStats(3) };
}
