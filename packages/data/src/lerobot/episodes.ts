/** The list of episodes: where each one's frames lie. Columns as LeRobot v3.0 names them, half-open ranges. */

import { BiddenError } from "@bidden/runtime";
import type { FileStore } from "../files/store.ts";
import { fillTemplate } from "./info.ts";
import { openTable, type Table } from "./parquet.ts";

export const EPISODES_FOLDER = "meta/episodes";
/** Our own column: JSON of whatever the recorder was told about the episode. LeRobot ignores it. */
export const EXTRA_COLUMN = "bidden/extra";

export type VideoPlace = { readonly path: string; readonly fromSeconds: number };

export type EpisodePlace = {
  readonly index: number;
  readonly length: number;
  readonly tasks: readonly string[];
  readonly extra: Readonly<Record<string, unknown>>;
  /** Data file, and the row in it where the episode begins. */
  readonly path: string;
  readonly row: number;
  /** Global index of the first frame. */
  readonly from: number;
  /** By camera. */
  readonly videos: Readonly<Record<string, VideoPlace>>;
};

/** Paths of all episode files, in order. */
export async function listEpisodeFiles(store: FileStore): Promise<string[]> {
  const paths: string[] = [];
  for (const chunk of await store.list(EPISODES_FOLDER)) {
    if (!/^chunk-\d+\/$/.test(chunk)) continue;
    for (const file of await store.list(`${EPISODES_FOLDER}/${chunk}`)) {
      if (file.endsWith(".parquet") && !file.startsWith(".")) paths.push(`${EPISODES_FOLDER}/${chunk}${file}`);
    }
  }
  return paths;
}

type Templates = { readonly dataPath: string; readonly videoPath: string | null; readonly cameras: readonly string[] };

/** Reads all episodes of a v3.0 dataset, without their statistics. */
export async function readEpisodes(store: FileStore, templates: Templates): Promise<EpisodePlace[]> {
  const rows: RawEpisode[] = [];
  for (const path of await listEpisodeFiles(store)) {
    const table = await openTable(await store.open(path), `${store.root}/${path}`);
    try {
      await readFile(table, path, templates.cameras, rows);
    } finally {
      await table.close();
    }
  }
  return placeEpisodes(rows, templates, store.root);
}

type RawEpisode = {
  file: string;
  index: number;
  length: number;
  chunkIndex: number;
  fileIndex: number;
  from: number;
  tasks: string[];
  extra: Record<string, unknown>;
  videos: Record<string, { chunkIndex: number; fileIndex: number; from: number }>;
};

async function readFile(table: Table, path: string, cameras: readonly string[], out: RawEpisode[]): Promise<void> {
  const numbers = async (name: string): Promise<number[]> => {
    const data = await table.read(name);
    return Array.from(data, (value, row) => {
      const number = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
      if (Number.isFinite(number) && number >= 0) return number;
      throw new BiddenError(
        "bad-dataset",
        `${path}: column "${name}", row ${row}: expected a number from 0, found ${String(value)}.`,
      );
    });
  };
  const index = await numbers("episode_index");
  const length = await numbers("length");
  const chunkIndex = await numbers("data/chunk_index");
  const fileIndex = await numbers("data/file_index");
  const from = await numbers("dataset_from_index");
  const tasks = table.columns.includes("tasks") ? await table.read("tasks") : [];
  const extra = table.columns.includes(EXTRA_COLUMN) ? await table.read(EXTRA_COLUMN) : [];
  const videos: Record<string, { chunk: number[]; file: number[]; from: number[] }> = {};
  for (const camera of cameras) {
    videos[camera] = {
      chunk: await numbers(`videos/${camera}/chunk_index`),
      file: await numbers(`videos/${camera}/file_index`),
      from: await numbers(`videos/${camera}/from_timestamp`),
    };
  }
  for (let i = 0; i < table.rows; i++) {
    const byCamera: RawEpisode["videos"] = {};
    for (const [camera, video] of Object.entries(videos)) {
      byCamera[camera] = {
        chunkIndex: video.chunk[i] as number,
        fileIndex: video.file[i] as number,
        from: video.from[i] as number,
      };
    }
    out.push({
      file: path,
      index: index[i] as number,
      length: length[i] as number,
      chunkIndex: chunkIndex[i] as number,
      fileIndex: fileIndex[i] as number,
      from: from[i] as number,
      tasks: Array.isArray(tasks[i]) ? (tasks[i] as unknown[]).map(asText) : [],
      extra: parseExtra(extra[i]),
      videos: byCamera,
    });
  }
}

function asText(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}

function parseExtra(value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  try {
    const json: unknown = JSON.parse(asText(value));
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Lookup is positional in LeRobot: a gap would silently point at another episode, so it is refused. */
function placeEpisodes(rows: readonly RawEpisode[], templates: Templates, root: string): EpisodePlace[] {
  const firstOfFile = new Map<string, number>();
  const paths = rows.map((row) =>
    fillTemplate(templates.dataPath, { chunk_index: row.chunkIndex, file_index: row.fileIndex }),
  );
  for (const [i, row] of rows.entries()) {
    const path = paths[i] as string;
    firstOfFile.set(path, Math.min(firstOfFile.get(path) ?? Number.POSITIVE_INFINITY, row.from));
    if (row.index !== i) {
      throw new BiddenError(
        "bad-dataset",
        `${root}/${row.file}: expected episode_index ${i}, found ${row.index}; episodes must be numbered without gaps.`,
        { file: row.file, rule: "episode-index-gap", episode: i },
      );
    }
  }
  return rows.map((row, i) => {
    const path = paths[i] as string;
    const videos: Record<string, VideoPlace> = {};
    for (const [camera, video] of Object.entries(row.videos)) {
      videos[camera] = {
        path: fillTemplate(templates.videoPath ?? "", {
          video_key: camera,
          chunk_index: video.chunkIndex,
          file_index: video.fileIndex,
        }),
        fromSeconds: video.from,
      };
    }
    const { index, length, tasks, extra, from } = row;
    return { index, length, tasks, extra, path, row: from - (firstOfFile.get(path) as number), from, videos };
  });
}
