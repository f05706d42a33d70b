/** Reads LeRobotDataset v3.0 and v2.1 as a `Dataset`. */

import { BiddenError } from "@bidden/runtime";
import type { Column, Dataset, EpisodeData, EpisodeInfo, Feature, Features, ReadOptions } from "../dataset/types.ts";
import type { SchemaElement } from "hyparquet";
import type { FileStore } from "../files/store.ts";
import { type Capture, readCapture } from "./capture.ts";
import { columnFrom, textFrom } from "./convert.ts";
import { EPISODES_FOLDER, type EpisodePlace, readEpisodes } from "./episodes.ts";
import { DATA_TEMPLATE, INFO_PATH, type LeRobotInfo, parseInfo, TASKS_PATH, VIDEO_TEMPLATE } from "./info.ts";
import { openTable, type Table } from "./parquet.ts";
import type { VideoDecoder } from "../video/decoder.ts";
import { readEpisodesV21, readTasksV21 } from "./v21.ts";

/** How many data files stay open. */
const OPEN_TABLES = 8;

export async function openLeRobot(store: FileStore, options: { videos?: VideoDecoder } = {}): Promise<LeRobotReader> {
  const bytes = await store.read(INFO_PATH);
  if (bytes === null) {
    throw new BiddenError("not-found", `${store.root} holds no LeRobot dataset: ${INFO_PATH} is missing.`, {
      path: store.root,
    });
  }
  const info = parseInfo(bytes, store.root);
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(info.codebase_version) ?? [];
  if (major === "3") {
    const foreign = info.rest["storage_format"];
    if (foreign !== undefined && foreign !== null && foreign !== "parquet") {
      throw new BiddenError(
        "unsupported",
        `${store.root} keeps its frames as "${JSON.stringify(foreign)}"; bidden reads parquet.`,
        { path: store.root },
      );
    }
    const places = await readEpisodes(store, {
      dataPath: info.data_path === "" ? DATA_TEMPLATE : info.data_path,
      videoPath: info.video_path ?? VIDEO_TEMPLATE,
      cameras: Object.keys(info.features).filter((name) => info.features[name]?.dtype === "video"),
    });
    if (places.length === 0 && info.total_episodes > 0) {
      throw new BiddenError(
        "bad-dataset",
        `${store.root}/${EPISODES_FOLDER} holds no episodes; ${INFO_PATH} says ${info.total_episodes}.`,
        { file: EPISODES_FOLDER, rule: "missing-file" },
      );
    }
    return new LeRobotReader(store, info, places, await readTasks(store), options.videos);
  }
  if (major === "2" && minor === "1") {
    return new LeRobotReader(
      store,
      info,
      await readEpisodesV21(store, info),
      await readTasksV21(store),
      options.videos,
    );
  }
  throw new BiddenError(
    "unsupported",
    `${store.root} is LeRobot ${info.codebase_version}; bidden reads v3.0 and v2.1. Convert it with LeRobot's own tools first.`,
    { version: info.codebase_version },
  );
}

/** tasks.parquet; LeRobot looks tasks up by position, so the rows must be in order. */
export async function readTasks(store: FileStore): Promise<string[]> {
  const table = await openTable(await store.open(TASKS_PATH), `${store.root}/${TASKS_PATH}`);
  try {
    const indices = await table.read("task_index");
    // pandas names an index without a name so.
    const name = table.columns.includes("task") ? "task" : "__index_level_0__";
    const texts = await table.read(name);
    return Array.from(texts, (text, i) => {
      if (Number(indices[i]) !== i) {
        throw new BiddenError(
          "bad-dataset",
          `${store.root}/${TASKS_PATH}: expected task_index ${i} in row ${i}, found ${String(indices[i])}.`,
          {
            file: TASKS_PATH,
            rule: "task-index",
          },
        );
      }
      return textFrom(text, `${TASKS_PATH}, row ${i}`);
    });
  } finally {
    await table.close();
  }
}

export class LeRobotReader implements Dataset {
  readonly format: string;
  readonly path: string;
  readonly robotType: string | null;
  readonly fps: number;
  readonly features: Features;
  readonly episodeCount: number;
  readonly frameCount: number;
  readonly tasks: readonly string[];
  readonly info: LeRobotInfo;
  readonly store: FileStore;
  readonly places: readonly EpisodePlace[];
  readonly #videos: VideoDecoder | undefined;
  readonly #tables = new Map<string, Promise<Table>>();
  #reading = 0;

  constructor(
    store: FileStore,
    info: LeRobotInfo,
    places: readonly EpisodePlace[],
    tasks: readonly string[],
    videos: VideoDecoder | undefined,
  ) {
    this.format = `lerobot-${info.codebase_version}`;
    this.path = store.root;
    this.robotType = info.robot_type;
    this.fps = info.fps;
    this.features = info.features;
    this.episodeCount = places.length;
    this.frameCount = places.reduce((sum, place) => sum + place.length, 0);
    this.tasks = tasks;
    this.info = info;
    this.store = store;
    this.places = places;
    this.#videos = videos;
  }

  #place(index: number): EpisodePlace {
    const place = this.places[index];
    if (place !== undefined) return place;
    throw new BiddenError("not-found", `Episode ${index} does not exist; ${this.path} holds ${this.episodeCount}.`);
  }

  episode(index: number): Promise<EpisodeInfo> {
    return Promise.resolve().then(() => this.#place(index));
  }

  /** When the frames were really captured, and sensors with rates of their own; null where the recorder kept neither. */
  async capture(index: number): Promise<Capture | null> {
    return readCapture(this.store, this.#place(index).index);
  }

  async read(index: number, options: ReadOptions = {}): Promise<EpisodeData> {
    this.#reading++;
    try {
      return await this.#read(index, options);
    } finally {
      this.#reading--;
      await this.#closeOldTables();
    }
  }

  async #read(index: number, { columns, from = 0, to }: ReadOptions): Promise<EpisodeData> {
    const place = this.#place(index);
    const end = Math.min(to ?? place.length, place.length);
    const length = Math.max(0, end - from);
    const table = await this.#table(place.path);
    const rowFrom = place.row + from;
    const rowTo = rowFrom + length;
    if (rowTo > table.rows) {
      throw this.#bad(
        place,
        `episode ${index} should end at row ${place.row + place.length}, the file has ${table.rows} rows`,
      );
    }
    await this.#checkEpisode(table, place, rowFrom, rowTo);
    const out: Record<string, Column> = {};
    for (const name of columns ?? Object.keys(this.features)) {
      const feature = this.features[name];
      if (feature === undefined) {
        throw new BiddenError(
          "bad-argument",
          `No feature "${name}"; there are ${Object.keys(this.features).join(", ")}.`,
        );
      }
      if (feature.dtype === "video") out[name] = this.#videoColumn(name, feature, place, from, length);
      else {
        this.#checkColumn(table, place, name);
        const where = `${this.path}/${place.path}: column "${name}"`;
        out[name] = columnFrom(feature, await table.read(name, rowFrom, rowTo), where);
      }
    }
    return { index, from, length, columns: out, tasks: await this.#taskTexts(table, place, rowFrom, rowTo) };
  }

  /** How the data files lay out a column. */
  async columnSchema(name: string): Promise<readonly SchemaElement[]> {
    const place = this.#place(0);
    const table = await this.#table(place.path);
    this.#checkColumn(table, place, name);
    return table.schemaOf(name);
  }

  #bad(place: EpisodePlace, what: string): BiddenError {
    return new BiddenError("bad-dataset", `${this.path}/${place.path}: ${what}.`, {
      file: place.path,
      episode: place.index,
    });
  }

  #checkColumn(table: Table, place: EpisodePlace, name: string): void {
    if (!table.columns.includes(name)) throw this.#bad(place, `column "${name}" is missing`);
  }

  /** Rows are found by arithmetic: make sure that they are those of the episode. */
  async #checkEpisode(table: Table, place: EpisodePlace, from: number, to: number): Promise<void> {
    this.#checkColumn(table, place, "episode_index");
    const indices = await table.read("episode_index", from, to);
    for (let i = 0; i < indices.length; i++) {
      if (Number(indices[i]) !== place.index) {
        throw this.#bad(
          place,
          `row ${from + i} should belong to episode ${place.index}, it says ${String(indices[i])}`,
        );
      }
    }
  }

  async #taskTexts(table: Table, place: EpisodePlace, from: number, to: number): Promise<string[]> {
    this.#checkColumn(table, place, "task_index");
    const indices = await table.read("task_index", from, to);
    return Array.from(indices, (value, i) => {
      const task = this.tasks[Number(value)];
      if (task !== undefined) return task;
      throw this.#bad(place, `row ${from + i} has task_index ${String(value)}, there are ${this.tasks.length} tasks`);
    });
  }

  #videoColumn(name: string, feature: Feature, place: EpisodePlace, from: number, length: number): Column {
    const video = place.videos[name];
    return {
      kind: "images",
      length,
      encoded: () => null,
      image: (frame) => {
        if (this.#videos === undefined || video === undefined) {
          return Promise.reject(
            new BiddenError(
              "unsupported",
              `"${name}" of ${this.path} is a video (${JSON.stringify(feature.info?.["video.codec"] ?? "unknown codec")}); no video decoder is installed. Numbers, tasks and image features can be read without one.`,
              { feature: name },
            ),
          );
        }
        return this.#videos.frameAt(video.path, video.fromSeconds + (from + frame) / this.fps);
      },
    };
  }

  #table(path: string): Promise<Table> {
    const open = this.#tables.get(path);
    if (open !== undefined) return open;
    const table = this.store.open(path).then((file) => openTable(file, `${this.path}/${path}`));
    this.#tables.set(path, table);
    table.catch(() => this.#tables.delete(path));
    return table;
  }

  /** Closes the files opened longest ago, once nobody is reading. */
  async #closeOldTables(): Promise<void> {
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= OPEN_TABLES || this.#reading > 0) break;
      const table = this.#tables.get(oldest);
      this.#tables.delete(oldest);
      await (await table)?.close();
    }
  }

  async close(): Promise<void> {
    const tables = [...this.#tables.values()];
    this.#tables.clear();
    await this.#videos?.close();
    for (const table of await Promise.allSettled(tables)) {
      if (table.status === "fulfilled") await table.value.close();
    }
  }
}
