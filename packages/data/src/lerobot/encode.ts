/** Files of a LeRobotDataset v3.0 as bytes: data, episodes, tasks, statistics. */

import { elementsOf } from "../dataset/columns.ts";
import type { Feature, Features, NumberArray } from "../dataset/types.ts";
import type { FeatureStats } from "../stats/stats.ts";
import { EXTRA_COLUMN } from "./episodes.ts";
import { isDefaultFeature } from "./features.ts";
import { encodeJson } from "./info.ts";
import { columnSchema, encodeTable, featureSchema, huggingFaceMetadata, type TableColumn } from "./parquet.ts";
import type { RecordedColumn } from "./running-episode.ts";

/** Statistics by feature; features of text have none. */
export type StatsByFeature = Readonly<Record<string, FeatureStats>>;

export const STAT_NAMES = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"] as const;

/** Numbers of LeRobot's own columns for one episode. */
export function defaultColumns(
  fps: number,
  episodeIndex: number,
  from: number,
  taskIndices: readonly number[],
): Record<string, Float32Array | BigInt64Array> {
  const length = taskIndices.length;
  const integers = (value: (frame: number) => number): BigInt64Array =>
    BigInt64Array.from({ length }, (_, frame) => BigInt(value(frame)));
  return {
    timestamp: Float32Array.from({ length }, (_, frame) => frame / fps),
    frame_index: integers((frame) => frame),
    episode_index: integers(() => episodeIndex),
    index: integers((frame) => from + frame),
    task_index: integers((frame) => taskIndices[frame] as number),
  };
}

/** One data file with one row group. */
export function encodeData(
  features: Features,
  recorded: ReadonlyMap<string, RecordedColumn>,
  defaults: Readonly<Record<string, NumberArray>>,
  frames: number,
): Uint8Array {
  const inTable = Object.entries(features).filter(([, feature]) => feature.dtype !== "video");
  const columns = inTable.map(([name, feature]): TableColumn => {
    const values = isDefaultFeature(name) ? defaults[name] : undefined;
    const data =
      values === undefined ? cells(feature, recorded.get(name) as RecordedColumn, frames) : Array.from<unknown>(values);
    return { name, schema: featureSchema(name, feature), data };
  });
  return encodeTable(columns, [huggingFaceMetadata(features)], [frames]);
}

/** A column as parquet wants it: one value a frame. */
export function cells(feature: Feature, column: RecordedColumn, frames: number): unknown[] {
  switch (column.kind) {
    case "text":
      return column.values;
    case "images":
      return column.png.map((bytes, frame) => ({ bytes, path: `frame-${String(frame).padStart(6, "0")}.png` }));
    case "numbers": {
      const bool = column.dtype === "bool";
      const cell = (at: number): unknown => (bool ? column.values[at] === 1 : column.values[at]);
      const nest = (shape: readonly number[], at: number): unknown => {
        const [first, ...rest] = shape;
        if (first === undefined) return cell(at);
        const step = elementsOf(rest);
        return Array.from({ length: first }, (_, i) => nest(rest, at + i * step));
      };
      const shape = feature.shape.length === 1 && column.size === 1 ? [] : feature.shape;
      return Array.from({ length: frames }, (_, frame) => nest(shape, frame * column.size));
    }
    default:
      return column satisfies never;
  }
}

/** One row of meta/episodes. */
export type EpisodeRow = {
  readonly episodeIndex: number;
  readonly tasks: readonly string[];
  readonly length: number;
  readonly dataChunk: number;
  readonly dataFile: number;
  readonly from: number;
  readonly to: number;
  /** By camera; each episode begins its own file. */
  readonly videos: Readonly<
    Record<string, { readonly chunk: number; readonly file: number; readonly seconds: number }>
  >;
  readonly stats: StatsByFeature;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly episodesChunk: number;
  readonly episodesFile: number;
};

export function encodeEpisodes(rows: readonly EpisodeRow[], features: Features): Uint8Array {
  const int = (name: string, value: (row: EpisodeRow) => number): TableColumn => ({
    name,
    schema: columnSchema(name, "int64", 0),
    data: rows.map((row) => BigInt(value(row))),
  });
  const columns: TableColumn[] = [
    int("episode_index", (row) => row.episodeIndex),
    { name: "tasks", schema: columnSchema("tasks", "string", 1), data: rows.map((row) => [...row.tasks]) },
    int("length", (row) => row.length),
    int("data/chunk_index", (row) => row.dataChunk),
    int("data/file_index", (row) => row.dataFile),
    int("dataset_from_index", (row) => row.from),
    int("dataset_to_index", (row) => row.to),
    ...videoColumns(rows),
    {
      name: EXTRA_COLUMN,
      schema: columnSchema(EXTRA_COLUMN, "string", 0),
      data: rows.map((row) => JSON.stringify(row.extra)),
    },
    ...statColumns(rows, features),
    int("meta/episodes/chunk_index", (row) => row.episodesChunk),
    int("meta/episodes/file_index", (row) => row.episodesFile),
  ];
  return encodeTable(columns, [], [rows.length]);
}

function videoColumns(rows: readonly EpisodeRow[]): TableColumn[] {
  return Object.keys(rows[0]?.videos ?? {}).flatMap((camera) => {
    const column = (name: string, type: "int64" | "float64", value: (row: EpisodeRow) => unknown): TableColumn => ({
      name: `videos/${camera}/${name}`,
      schema: columnSchema(`videos/${camera}/${name}`, type, 0),
      data: rows.map(value),
    });
    return [
      column("chunk_index", "int64", (row) => BigInt(row.videos[camera]?.chunk ?? 0)),
      column("file_index", "int64", (row) => BigInt(row.videos[camera]?.file ?? 0)),
      column("from_timestamp", "float64", () => 0),
      column("to_timestamp", "float64", (row) => row.videos[camera]?.seconds ?? 0),
    ];
  });
}

const isPicture = ({ dtype }: Feature): boolean => dtype === "image" || dtype === "video";

function statColumns(rows: readonly EpisodeRow[], features: Features): TableColumn[] {
  return Object.entries(features).flatMap(([name, feature]) => {
    if (rows.some((row) => row.stats[name] === undefined)) return [];
    return STAT_NAMES.map((stat): TableColumn => {
      const column = `stats/${name}/${stat}`;
      const count = stat === "count";
      const depth = isPicture(feature) && !count ? 3 : 1;
      const data = rows.map((row) => statValue(feature, row.stats[name] as FeatureStats, stat));
      return {
        name: column,
        schema: columnSchema(column, count ? "int64" : "float64", depth),
        data: count ? data.map(toBig) : data,
      };
    });
  });
}

function toBig(value: unknown): bigint[] {
  return (value as number[]).map(BigInt);
}

/** Pictures are [3][1][1], one number a channel. */
function statValue(feature: Feature, stats: FeatureStats, stat: (typeof STAT_NAMES)[number]): unknown {
  if (stat === "count") return [stats.count];
  return isPicture(feature) ? stats[stat].map((value) => [[value]]) : stats[stat];
}

/** meta/stats.json. */
export function encodeStats(stats: StatsByFeature, features: Features): Uint8Array {
  const json: Record<string, Record<string, unknown>> = {};
  for (const [name, feature] of Object.entries(features)) {
    const own = stats[name];
    if (own === undefined) continue;
    json[name] = Object.fromEntries(STAT_NAMES.map((stat) => [stat, statValue(feature, own, stat)]));
  }
  return encodeJson(json);
}

/** meta/tasks.parquet. Without the `pandas` key LeRobot would get row numbers for texts (data.md 0.1). */
export function encodeTasks(tasks: readonly string[]): Uint8Array {
  const describe = (name: string, pandas: string, numpy: string) => ({
    name,
    field_name: name,
    pandas_type: pandas,
    numpy_type: numpy,
    metadata: null,
  });
  const pandas = {
    index_columns: ["task"],
    column_indexes: [
      { ...describe("", "unicode", "object"), name: null, field_name: null, metadata: { encoding: "UTF-8" } },
    ],
    columns: [describe("task_index", "int64", "int64"), describe("task", "unicode", "object")],
    attributes: {},
    creator: { library: "bidden", version: "0.1.0" },
    pandas_version: "2.3.3",
  };
  return encodeTable(
    [
      { name: "task_index", schema: columnSchema("task_index", "int64", 0), data: tasks.map((_, i) => BigInt(i)) },
      { name: "task", schema: columnSchema("task", "string", 0), data: [...tasks] },
    ],
    [{ key: "pandas", value: JSON.stringify(pandas) }],
    [tasks.length],
  );
}
