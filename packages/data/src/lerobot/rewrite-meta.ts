/** The files under meta/ of a rewritten dataset. meta/info.json comes last: before it there is no dataset. */

import type { Feature, Features } from "../dataset/types.ts";
import type { WritableStore } from "../files/store.ts";
import { encodeTasks, STAT_NAMES } from "./encode.ts";
import { EXTRA_COLUMN } from "./episodes.ts";
import {
  DATA_TEMPLATE,
  EPISODES_TEMPLATE,
  encodeInfo,
  encodeJson,
  fillTemplate,
  INFO_PATH,
  type LeRobotInfo,
  STATS_PATH,
  TASKS_PATH,
  VIDEO_TEMPLATE,
} from "./info.ts";
import { columnSchema, encodeTable, type TableColumn } from "./parquet.ts";
import type { LeRobotReader } from "./reader.ts";
import type { Named, RewriteOptions } from "./rewrite.ts";
import { DATA_TEMPLATE_V21, type DataPlace } from "./rewrite-data.ts";
import { VIDEO_TEMPLATE_V21, type VideoPlan, type VideoSpot } from "./rewrite-videos.ts";
import { statCell, statsJson, type StatsRow } from "./stats-rows.ts";
import { EPISODES_JSONL, EPISODES_STATS_JSONL, TASKS_JSONL } from "./v21.ts";

export type RewrittenEpisode = {
  readonly index: number;
  readonly length: number;
  /** Global index of its first frame. */
  readonly from: number;
  readonly tasks: readonly string[];
  readonly extra: Readonly<Record<string, unknown>>;
  readonly data: DataPlace;
  readonly stats: Readonly<Record<string, StatsRow>>;
};

export type MetaFacts = RewriteOptions & {
  /** What is said of the whole is taken from here. */
  readonly first: LeRobotReader;
  readonly features: Readonly<Record<string, Named>>;
  readonly tasks: readonly string[];
  readonly rows: readonly RewrittenEpisode[];
  /** Statistics of all frames. */
  readonly total: Readonly<Record<string, StatsRow>>;
  readonly videos: VideoPlan;
};

const ROWS_PER_FILE = 5000;
const CHUNK = 1000;

export async function writeMeta(store: WritableStore, facts: MetaFacts): Promise<void> {
  const features: Record<string, Feature> = {};
  for (const [name, named] of Object.entries(facts.features)) {
    const { source, ...feature } = named;
    if (source !== "") features[name] = feature;
  }
  if (facts.version === "v3.0") await writeV30(store, facts, features);
  else await writeV21Lists(store, facts, features);
  await store.write(`${INFO_PATH}.new`, encodeInfo(infoOf(facts, features)));
  await store.rename(`${INFO_PATH}.new`, INFO_PATH);
}

async function writeV30(store: WritableStore, facts: MetaFacts, features: Features): Promise<void> {
  const { rows, tasks, total } = facts;
  for (let start = 0, file = 0; start < rows.length; start += ROWS_PER_FILE, file++) {
    const place = { chunk_index: Math.floor(file / CHUNK), file_index: file % CHUNK };
    const part = rows.slice(start, start + ROWS_PER_FILE);
    const table = episodeColumns(part, facts, features, place);
    await store.write(fillTemplate(EPISODES_TEMPLATE, place), encodeTable(table, [], [part.length]));
  }
  await store.write(TASKS_PATH, encodeTasks(tasks));
  const stats = Object.entries(total).map(([name, row]) => [name, statsJson(features[name] ?? NUMBERS, row)]);
  await store.write(STATS_PATH, encodeJson(Object.fromEntries(stats)));
}

const NUMBERS = { dtype: "float32", shape: [1] } as const;

function episodeColumns(
  part: readonly RewrittenEpisode[],
  { videos, first, rows }: MetaFacts,
  features: Features,
  place: { chunk_index: number; file_index: number },
): TableColumn[] {
  const int = (name: string, value: (row: RewrittenEpisode) => number): TableColumn => ({
    name,
    schema: columnSchema(name, "int64", 0),
    data: part.map((row) => BigInt(value(row))),
  });
  const seconds = (name: string, value: (row: RewrittenEpisode) => number): TableColumn => ({
    name,
    schema: columnSchema(name, "float64", 0),
    data: part.map(value),
  });
  const spots = videos.cameras.flatMap(({ name, places }) => {
    const spot = ({ index }: RewrittenEpisode): VideoSpot => places[index] as VideoSpot;
    return [
      int(`videos/${name}/chunk_index`, (row) => spot(row).chunk),
      int(`videos/${name}/file_index`, (row) => spot(row).file),
      // On the grid of frames, never a sum of durations.
      seconds(`videos/${name}/from_timestamp`, (row) => spot(row).from / first.fps),
      seconds(`videos/${name}/to_timestamp`, (row) => (spot(row).from + spot(row).frames) / first.fps),
    ];
  });
  return [
    int("episode_index", (row) => row.index),
    { name: "tasks", schema: columnSchema("tasks", "string", 1), data: part.map((row) => [...row.tasks]) },
    int("length", (row) => row.length),
    int("data/chunk_index", (row) => row.data.chunk),
    int("data/file_index", (row) => row.data.file),
    int("dataset_from_index", (row) => row.from),
    int("dataset_to_index", (row) => row.from + row.length),
    ...spots,
    {
      name: EXTRA_COLUMN,
      schema: columnSchema(EXTRA_COLUMN, "string", 0),
      data: part.map((row) => JSON.stringify(row.extra)),
    },
    ...statColumns(part, rows, features),
    int("meta/episodes/chunk_index", () => place.chunk_index),
    int("meta/episodes/file_index", () => place.file_index),
  ];
}

/** All files have the same columns: those statistics that every episode has. */
function statColumns(
  part: readonly RewrittenEpisode[],
  all: readonly RewrittenEpisode[],
  features: Features,
): TableColumn[] {
  return Object.entries(features).flatMap(([name, feature]) =>
    STAT_NAMES.filter((stat) => all.every((row) => row.stats[name]?.[stat] !== undefined)).map((stat): TableColumn => {
      const column = `stats/${name}/${stat}`;
      const count = stat === "count";
      const picture = feature.dtype === "image" || feature.dtype === "video";
      const data = part.map((row) => statCell(feature, row.stats[name] ?? {}, stat));
      return {
        name: column,
        schema: columnSchema(column, count ? "int64" : "float64", picture && !count ? 3 : 1),
        data: count ? data.map((cell) => (cell as number[]).map((n) => BigInt(Math.round(n)))) : data,
      };
    }),
  );
}

async function writeV21Lists(store: WritableStore, { rows, tasks }: MetaFacts, features: Features): Promise<void> {
  const lines = (list: readonly unknown[]): Uint8Array =>
    new TextEncoder().encode(list.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const episodes = rows.map(({ index, tasks: own, length, extra }) => ({
    episode_index: index,
    tasks: own,
    length,
    ...(Object.keys(extra).length === 0 ? {} : { [EXTRA_COLUMN]: extra }),
  }));
  const stats = rows.map(({ index, stats: own }) => ({
    episode_index: index,
    stats: Object.fromEntries(
      Object.entries(own).map(([name, row]) => [name, statsJson(features[name] ?? NUMBERS, withoutQuantiles(row))]),
    ),
  }));
  await store.write(TASKS_JSONL, lines(tasks.map((task, task_index) => ({ task_index, task }))));
  await store.write(EPISODES_JSONL, lines(episodes));
  await store.write(EPISODES_STATS_JSONL, lines(stats));
}

/** v2.1 knows none. */
function withoutQuantiles({ min, max, mean, std, count }: StatsRow): StatsRow {
  return Object.fromEntries(
    Object.entries({ min, max, mean, std, count }).filter(([, values]) => values !== undefined),
  );
}

function infoOf({ version, first, robotType, rows, tasks, videos }: MetaFacts, features: Features): LeRobotInfo {
  const rest = Object.fromEntries(
    Object.entries(first.info.rest).filter(
      ([key]) => !/^(total_videos|total_chunks|(data|video)_files_size_in_mb)$/.test(key),
    ),
  );
  const old = version === "v2.1";
  const hasVideos = videos.cameras.length > 0;
  return {
    codebase_version: version,
    robot_type: robotType,
    fps: first.fps,
    total_episodes: rows.length,
    total_frames: rows.reduce((sum, row) => sum + row.length, 0),
    total_tasks: tasks.length,
    chunks_size: CHUNK,
    data_path: old ? DATA_TEMPLATE_V21 : DATA_TEMPLATE,
    video_path: hasVideos ? (old ? VIDEO_TEMPLATE_V21 : VIDEO_TEMPLATE) : null,
    splits: { train: `0:${rows.length}` },
    features,
    rest: old
      ? { total_videos: rows.length * videos.cameras.length, total_chunks: Math.ceil(rows.length / CHUNK), ...rest }
      : { data_files_size_in_mb: 100, video_files_size_in_mb: 200, ...rest },
  };
}
