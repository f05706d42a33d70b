/** Takes a LeRobot dataset apart for the rules: whatever cannot be read becomes a finding, not an exception. */

import { BiddenError, messageOf } from "@bidden/runtime";
import { elementsOf, isNumberDtype } from "../dataset/columns.ts";
import type { Feature } from "../dataset/types.ts";
import type { FileStore } from "../files/store.ts";
import { columnFrom, textFrom } from "../lerobot/convert.ts";
import { EXTRA_COLUMN, listEpisodeFiles } from "../lerobot/episodes.ts";
import {
  fillTemplate,
  INFO_PATH,
  type LeRobotInfo,
  parseInfo,
  STATS_PATH,
  TASKS_PATH,
  VIDEO_TEMPLATE,
} from "../lerobot/info.ts";
import { openTable, type Table } from "../lerobot/parquet.ts";
import { EPISODES_JSONL, EPISODES_STATS_JSONL, parsePythonJson, readJsonLines, readTasksV21 } from "../lerobot/v21.ts";
import { readVideoTrack, type VideoTrack } from "../media/mp4.ts";
import type { Finding, RawDataset, RawEpisode, RawFrames, RawVideo } from "./types.ts";

/** @throws `not-found`, `bad-dataset` when not even meta/info.json can be read. */
export async function loadRaw(store: FileStore): Promise<RawDataset> {
  const bytes = await store.read(INFO_PATH);
  if (bytes === null) {
    throw new BiddenError(
      "not-found",
      `${store.root} holds no LeRobot dataset: ${INFO_PATH} is missing. Lint knows LeRobot; convert other formats first.`,
      { path: store.root },
    );
  }
  const info = parseInfo(bytes, store.root);
  const version = /^v?3/.test(info.codebase_version) ? 3 : 2;
  const findings: Finding[] = [];
  const cameras = Object.keys(info.features).filter((name) => info.features[name]?.dtype === "video");
  const attempt = async <T>(what: string, otherwise: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      findings.push({ rule: "file-unreadable", severity: "error", evidence: `${what}: ${messageOf(error)}` });
      return otherwise;
    }
  };
  const tasks = await attempt(TASKS_PATH, { rows: [], indexed: true }, () => readTasks(store, version));
  const episodes = await attempt("episodes", [], () =>
    version === 3 ? episodesV3(store, info, cameras) : episodesV21(store, info, cameras),
  );
  const frames = new Map<number, RawFrames>();
  const undeclared = new Map<string, string>();
  for (const path of await dataFiles(store)) {
    await attempt(path, undefined, () => loadFile(store, path, info.features, frames, undeclared, findings));
  }
  const statsText = new TextDecoder().decode((await store.read(STATS_PATH)) ?? new Uint8Array(0));
  const stats =
    statsText === "" ? null : await attempt(STATS_PATH, null, () => Promise.resolve(parsePythonJson(statsText)));
  return {
    store,
    info,
    version,
    features: info.features,
    cameras,
    tasks: tasks.rows,
    tasksIndexed: tasks.indexed,
    episodes,
    frames,
    undeclared,
    stats: stats as RawDataset["stats"],
    statsTokens: [...new Set(statsText.match(/\b(NaN|Infinity)\b/g) ?? [])],
    videos: await loadVideos(store, episodes),
    findings,
  };
}

/** Gives back what `loadRaw` keeps open. */
export async function closeRaw(raw: RawDataset): Promise<void> {
  for (const table of new Set([...raw.frames.values()].map((frames) => frames.table))) await table.close();
}

async function readTasks(
  store: FileStore,
  version: 3 | 2,
): Promise<{ rows: { index: number; text: string }[]; indexed: boolean }> {
  if (version === 2)
    return { rows: (await readTasksV21(store)).map((text, index) => ({ index, text })), indexed: true };
  const table = await openTable(await store.open(TASKS_PATH), TASKS_PATH);
  try {
    const indices = await table.read("task_index");
    const name = table.columns.find((column) => column !== "task_index") ?? "task";
    const texts = await table.read(name);
    const pandas = table.metadata.key_value_metadata?.find((entry) => entry.key === "pandas")?.value ?? "";
    const rows = Array.from(texts, (text, i) => ({ index: Number(indices[i]), text: textFrom(text, TASKS_PATH) }));
    return { rows, indexed: /"index_columns":\s*\[\s*"/.test(pandas) };
  } finally {
    await table.close();
  }
}

async function episodesV3(store: FileStore, info: LeRobotInfo, cameras: readonly string[]): Promise<RawEpisode[]> {
  const out: RawEpisode[] = [];
  for (const path of await listEpisodeFiles(store)) {
    const table = await openTable(await store.open(path), path);
    try {
      const column = async (name: string): Promise<ArrayLike<unknown>> =>
        table.columns.includes(name) ? table.read(name) : [];
      const numbers = async (name: string): Promise<number[]> => Array.from(await column(name), Number);
      const [index, length, from, to] = [
        await numbers("episode_index"),
        await numbers("length"),
        await numbers("dataset_from_index"),
        await numbers("dataset_to_index"),
      ];
      const tasks = await column("tasks");
      const extra = await column(EXTRA_COLUMN);
      const videos: Record<string, RawVideo[]> = {};
      for (const camera of cameras) videos[camera] = await videosOf(camera, info, numbers);
      for (let i = 0; i < table.rows; i++) {
        const own = Array.isArray(tasks[i]) ? (tasks[i] as unknown[]) : [];
        out.push({
          index: index[i] ?? Number.NaN,
          length: length[i] ?? Number.NaN,
          from: from[i] ?? Number.NaN,
          to: to[i] ?? Number.NaN,
          tasks: own.map((task) => textFrom(task, path)),
          extra:
            extra[i] === undefined || extra[i] === null
              ? {}
              : (JSON.parse(textFrom(extra[i], path)) as Record<string, unknown>),
          videos: Object.fromEntries(cameras.map((camera) => [camera, videos[camera]?.[i] as RawVideo])),
        });
      }
    } finally {
      await table.close();
    }
  }
  return out;
}

async function videosOf(
  camera: string,
  info: LeRobotInfo,
  numbers: (name: string) => Promise<number[]>,
): Promise<RawVideo[]> {
  const chunk = await numbers(`videos/${camera}/chunk_index`);
  const file = await numbers(`videos/${camera}/file_index`);
  const from = await numbers(`videos/${camera}/from_timestamp`);
  const to = await numbers(`videos/${camera}/to_timestamp`);
  const template = info.video_path ?? VIDEO_TEMPLATE;
  return chunk.map((chunkIndex, i) => ({
    path: fillTemplate(template, { video_key: camera, chunk_index: chunkIndex, file_index: file[i] ?? 0 }),
    from: from[i] ?? Number.NaN,
    to: to[i] ?? Number.NaN,
  }));
}

async function episodesV21(store: FileStore, info: LeRobotInfo, cameras: readonly string[]): Promise<RawEpisode[]> {
  const statsLines =
    (await store.read(EPISODES_STATS_JSONL)) === null ? [] : await readJsonLines(store, EPISODES_STATS_JSONL);
  const stats = new Map(statsLines.map((line) => [Number(line["episode_index"]), line["stats"]]));
  let from = 0;
  return (await readJsonLines(store, EPISODES_JSONL)).map((row): RawEpisode => {
    const index = Number(row["episode_index"]);
    const length = Number(row["length"]);
    const parts = { episode_chunk: Math.floor(index / info.chunks_size), episode_index: index };
    const videos = cameras.map((camera): [string, RawVideo] => [
      camera,
      { path: fillTemplate(info.video_path ?? "", { ...parts, video_key: camera }), from: 0, to: length / info.fps },
    ]);
    from += length;
    const tasks = Array.isArray(row["tasks"]) ? row["tasks"].map(String) : [];
    return {
      index,
      length,
      from: from - length,
      to: from,
      tasks,
      extra: {},
      videos: Object.fromEntries(videos),
      stats: stats.get(index),
    };
  });
}

/** In order of chunk and file; files that a writer staged are left out. */
async function dataFiles(store: FileStore): Promise<string[]> {
  const out: string[] = [];
  for (const chunk of await store.list("data")) {
    if (!chunk.endsWith("/")) continue;
    for (const file of await store.list(`data/${chunk}`))
      if (file.endsWith(".parquet")) out.push(`data/${chunk}${file}`);
  }
  return out;
}

async function loadFile(
  store: FileStore,
  path: string,
  features: Readonly<Record<string, Feature>>,
  frames: Map<number, RawFrames>,
  undeclared: Map<string, string>,
  findings: Finding[],
): Promise<void> {
  const table = await openTable(await store.open(path), path);
  try {
    const { numbers, texts } = await loadColumns(path, table, features, undeclared, findings);
    splitEpisodes(path, table, numbers, texts, frames);
  } finally {
    // Whoever has frames of it may read their pictures yet.
    if (![...frames.values()].some((own) => own.table === table)) await table.close();
  }
}

type RawColumns = {
  readonly numbers: ReadonlyMap<string, { dims: number; values: Float64Array }>;
  readonly texts: ReadonlyMap<string, readonly string[]>;
};

async function loadColumns(
  path: string,
  table: Table,
  features: Readonly<Record<string, Feature>>,
  undeclared: Map<string, string>,
  findings: Finding[],
): Promise<RawColumns> {
  for (const column of table.columns) if (features[column] === undefined) undeclared.set(column, path);
  const numbers = new Map<string, { dims: number; values: Float64Array }>();
  const texts = new Map<string, readonly string[]>();
  for (const [name, feature] of Object.entries(features)) {
    if (feature.dtype === "video") continue;
    if (!table.columns.includes(name)) {
      findings.push({
        rule: "feature-mismatch",
        severity: "error",
        column: name,
        evidence: `${path} has no column "${name}", which info.json declares`,
      });
      continue;
    }
    if (!isNumberDtype(feature.dtype) && feature.dtype !== "string") continue;
    const column = columnFrom(feature, await table.read(name), `${path}: column "${name}"`);
    if (column.kind === "numbers") {
      numbers.set(name, {
        dims: elementsOf(feature.shape),
        values: Float64Array.from(column.values as ArrayLike<number | bigint>, Number),
      });
    } else if (column.kind === "text") texts.set(name, column.values);
  }
  return { numbers, texts };
}

/** Rows of one episode stand together; its number is taken from the rows themselves. */
function splitEpisodes(
  path: string,
  table: Table,
  numbers: ReadonlyMap<string, { dims: number; values: Float64Array }>,
  texts: ReadonlyMap<string, readonly string[]>,
  frames: Map<number, RawFrames>,
): void {
  const owner = numbers.get("episode_index")?.values ?? new Float64Array(0);
  for (let row = 0; row < owner.length; ) {
    let end = row + 1;
    while (end < owner.length && owner[end] === owner[row]) end++;
    const part = new Map(
      [...numbers].map(([name, { dims, values }]) => [name, { dims, values: values.subarray(row * dims, end * dims) }]),
    );
    const words = new Map([...texts].map(([name, values]) => [name, values.slice(row, end)]));
    frames.set(owner[row] as number, { path, table, row, length: end - row, numbers: part, texts: words });
    row = end;
  }
}

async function loadVideos(
  store: FileStore,
  episodes: readonly RawEpisode[],
): Promise<Map<string, VideoTrack | string>> {
  const out = new Map<string, VideoTrack | string>();
  for (const path of new Set(episodes.flatMap((episode) => Object.values(episode.videos).map((video) => video.path)))) {
    try {
      const file = await store.open(path);
      try {
        out.set(path, await readVideoTrack(file, path));
      } finally {
        await file.close();
      }
    } catch (error) {
      out.set(path, messageOf(error));
    }
  }
  return out;
}
