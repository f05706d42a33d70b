/** The list of episodes: where each one's frames lie. Columns as LeRobot v3.0 names them, half-open ranges. */

import { BiddenError } from "@bidden/runtime";
import { readAhead } from "../files/read-ahead.ts";
import type { FileStore } from "../files/store.ts";
import { fillTemplate } from "./info.ts";
import { openTable } from "./parquet.ts";

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

/** Files of meta/episodes that are read at once. */
const AT_ONCE = 8;
/** Of one such file; the columns that are needed lie side by side. */
const WINDOW_BYTES = 1 << 17;

/** Reads all episodes of a v3.0 dataset, without their statistics. */
export async function readEpisodes(store: FileStore, templates: Templates): Promise<EpisodePlace[]> {
  const paths = await listEpisodeFiles(store);
  const parts: EpisodeColumns[] = [];
  for (let first = 0; first < paths.length; first += AT_ONCE) {
    const group = paths.slice(first, first + AT_ONCE);
    parts.push(...(await Promise.all(group.map((path) => readFile(store, path, templates.cameras)))));
  }
  return placeEpisodes(parts, templates, store.root);
}

/** One file's columns, a number a row. */
type EpisodeColumns = {
  readonly file: string;
  readonly rows: number;
  readonly index: Float64Array;
  readonly length: Float64Array;
  readonly data: FilePlaces;
  readonly from: Float64Array;
  readonly tasks: ArrayLike<unknown>;
  readonly extra: ArrayLike<unknown>;
  readonly videos: readonly { readonly camera: string; readonly file: FilePlaces; readonly from: Float64Array }[];
};

type FilePlaces = { readonly chunk: Float64Array; readonly file: Float64Array };

async function readFile(store: FileStore, path: string, cameras: readonly string[]): Promise<EpisodeColumns> {
  const table = await openTable(readAhead(await store.open(path), WINDOW_BYTES), `${store.root}/${path}`);
  try {
    // In the order in which LeRobot stores them.
    const numbers = async (name: string): Promise<Float64Array> => numbersOf(await table.read(name), path, name);
    const places = async (prefix: string): Promise<FilePlaces> => ({
      chunk: await numbers(`${prefix}/chunk_index`),
      file: await numbers(`${prefix}/file_index`),
    });
    const optional = (name: string): Promise<ArrayLike<unknown>> =>
      table.columns.includes(name) ? table.read(name) : Promise.resolve([]);
    const index = await numbers("episode_index");
    const tasks = await optional("tasks");
    const length = await numbers("length");
    const data = await places("data");
    const from = await numbers("dataset_from_index");
    const videos: EpisodeColumns["videos"][number][] = [];
    for (const camera of cameras) {
      const prefix = `videos/${camera}`;
      videos.push({ camera, file: await places(prefix), from: await numbers(`${prefix}/from_timestamp`) });
    }
    const extra = await optional(EXTRA_COLUMN);
    return { file: path, rows: table.rows, index, length, data, from, tasks, extra, videos };
  } finally {
    await table.close();
  }
}

function numbersOf(cells: ArrayLike<unknown>, path: string, name: string): Float64Array {
  const out = new Float64Array(cells.length);
  for (let row = 0; row < out.length; row++) {
    const value = cells[row];
    const number = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
    if (!(Number.isFinite(number) && number >= 0)) {
      throw new BiddenError(
        "bad-dataset",
        `${path}: column "${name}", row ${row}: expected a number from 0, found ${String(value)}.`,
      );
    }
    out[row] = number;
  }
  return out;
}

const utf8 = new TextDecoder();

function asText(value: unknown): string {
  return value instanceof Uint8Array ? utf8.decode(value) : String(value);
}

const NO_EXTRA = {};

function parseExtra(value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return NO_EXTRA;
  try {
    const json: unknown = JSON.parse(asText(value));
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : NO_EXTRA;
  } catch {
    return NO_EXTRA;
  }
}

/** Fills a template once for every file, however many episodes lie in it. */
function pathFiller(
  template: string,
  values: Readonly<Record<string, string>>,
): (at: FilePlaces, row: number) => string {
  const paths = new Map<number, Map<number, string>>();
  return ({ chunk, file }, row) => {
    const [chunkIndex, fileIndex] = [chunk[row] as number, file[row] as number];
    let ofChunk = paths.get(chunkIndex);
    if (ofChunk === undefined) paths.set(chunkIndex, (ofChunk = new Map<number, string>()));
    let path = ofChunk.get(fileIndex);
    if (path === undefined) {
      path = fillTemplate(template, { ...values, chunk_index: chunkIndex, file_index: fileIndex });
      ofChunk.set(fileIndex, path);
    }
    return path;
  };
}

/** Lookup is positional in LeRobot: a gap would silently point at another episode, so it is refused. */
function placeEpisodes(parts: readonly EpisodeColumns[], templates: Templates, root: string): EpisodePlace[] {
  const dataPath = pathFiller(templates.dataPath, {});
  const firstOfFile = new Map<string, number>();
  let expected = 0;
  for (const part of parts) {
    for (let row = 0; row < part.rows; row++, expected++) {
      const path = dataPath(part.data, row);
      firstOfFile.set(path, Math.min(firstOfFile.get(path) ?? Number.POSITIVE_INFINITY, part.from[row] as number));
      if (part.index[row] !== expected) {
        throw new BiddenError(
          "bad-dataset",
          `${root}/${part.file}: expected episode_index ${expected}, found ${part.index[row]}; episodes must be numbered without gaps.`,
          { file: part.file, rule: "episode-index-gap", episode: expected },
        );
      }
    }
  }
  const videoPaths = new Map(
    templates.cameras.map((camera) => [camera, pathFiller(templates.videoPath ?? "", { video_key: camera })]),
  );
  const places: EpisodePlace[] = [];
  for (const part of parts) {
    for (let row = 0; row < part.rows; row++) {
      const path = dataPath(part.data, row);
      const from = part.from[row] as number;
      const videos: Record<string, VideoPlace> = {};
      for (const video of part.videos) {
        const videoPath = videoPaths.get(video.camera)?.(video.file, row) ?? "";
        videos[video.camera] = { path: videoPath, fromSeconds: video.from[row] as number };
      }
      const tasks = part.tasks[row];
      places.push({
        index: part.index[row] as number,
        length: part.length[row] as number,
        tasks: Array.isArray(tasks) ? (tasks as unknown[]).map(asText) : [],
        extra: parseExtra(part.extra[row]),
        path,
        row: from - (firstOfFile.get(path) as number),
        from,
        videos,
      });
    }
  }
  return places;
}
