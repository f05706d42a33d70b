/**
 * Records episodes as a LeRobotDataset v3.0 with pictures (PNG in parquet) or videos, crash-safe: an episode is durable when `end`
 * resolves, and a kill at any moment loses at most the running one. While recording, every episode gets a data file (and
 * video files) of its own; LeRobot reads many small files as well as one large.
 */

import { BiddenError } from "@bidden/runtime";
import type { Feature, Features } from "../dataset/types.ts";
import { commitFiles, JOURNAL_FOLDER, type Recovery, recover } from "../files/journal.ts";
import { type ProcessTable, takeLock } from "../files/lock.ts";
import type { WritableStore } from "../files/store.ts";
import type { Deflate } from "../image/png.ts";
import { capturePath } from "./capture.ts";
import { collectStats, DatasetStats, HISTOGRAMS_PATH } from "./dataset-stats.ts";
import { defaultColumns, encodeData, encodeEpisodes, encodeStats, encodeTasks, type EpisodeRow } from "./encode.ts";
import { type EpisodePlace, EXTRA_COLUMN, listEpisodeFiles } from "./episodes.ts";
import { completeFeatures, featureDifference, videoFacts } from "./features.ts";
import {
  DATA_TEMPLATE,
  EPISODES_TEMPLATE,
  encodeInfo,
  fillTemplate,
  INFO_PATH,
  type LeRobotInfo,
  STATS_PATH,
  TASKS_PATH,
  VIDEO_TEMPLATE,
} from "./info.ts";
import { openTable } from "./parquet.ts";
import { openLeRobot } from "./reader.ts";
import { type FrameEncoders, type FrameValue, RunningEpisode } from "./running-episode.ts";
import type { VideoDecoder } from "../video/decoder.ts";
import {
  DEFAULT_VIDEO,
  type VideoCodec,
  type VideoEncoders,
  type VideoOptions,
  type VideoRecording,
} from "../video/picture-encoder.ts";

export type RecorderOptions = {
  /** Such as "panda". */
  readonly robotType: string;
  /** Frames a second; LeRobot wants an integer. */
  readonly fps: number;
  /** Without LeRobot's own (timestamp, frame_index, ...), which the recorder adds. */
  readonly features: Features;
  /** How features of dtype "video" are encoded: H.264 with keyframes two frames apart when absent. */
  readonly video?: VideoOptions;
};

export type Ended = { readonly episodeIndex: number; readonly frames: number };

export type EpisodeStart = {
  /** The sentence. */
  readonly task: string;
  /** Whatever else belongs to the episode: `policy`, `instruction`, `grant`, `expert`, `seed` ... Plain JSON. */
  readonly extra?: Readonly<Record<string, unknown>>;
};

/** How many episodes share one file of meta/episodes; the file is written anew for each of them. */
const ROWS_PER_EPISODES_FILE = 64;
const FILES_PER_CHUNK = 1000;

type Machine = {
  readonly deflate: Deflate;
  readonly processes: ProcessTable;
  /** Called where a feature is a video. */
  readonly encoders?: (codec: VideoCodec) => Promise<VideoEncoders>;
  /** For pictures of videos that are there already. */
  readonly decoder?: (store: WritableStore) => VideoDecoder;
};

type Position = { chunk: number; file: number };

function following({ chunk, file }: Position): Position {
  return file === FILES_PER_CHUNK - 1 ? { chunk: chunk + 1, file: 0 } : { chunk, file: file + 1 };
}

/** Opens or creates the dataset in `store`. */
export async function openStoreRecorder(
  store: WritableStore,
  options: RecorderOptions,
  machine: Machine,
): Promise<Recorder> {
  if (!Number.isInteger(options.fps) || options.fps < 1) {
    throw new BiddenError("bad-argument", `fps must be a positive integer; got ${options.fps}.`, { fps: options.fps });
  }
  completeFeatures(options.features);
  const startVideo = await videoStarter(options, machine);
  const giveBack = await takeLock(store, machine.processes);
  try {
    const recovery = await recover(store);
    const open = (): Promise<State> => openState(store, options, machine);
    return new Recorder(store, open, await open(), { deflate: machine.deflate, ...startVideo }, recovery, giveBack);
  } catch (error) {
    await giveBack().catch(() => undefined);
    throw error;
  }
}

/** Begins the video of a camera, where a feature is one. */
async function videoStarter(
  { features, fps, video = DEFAULT_VIDEO }: RecorderOptions,
  { encoders }: Machine,
): Promise<Pick<FrameEncoders, "startVideo">> {
  const videos = Object.values(features).filter((feature) => feature.dtype === "video");
  if (videos.length === 0) return {};
  if (encoders === undefined) throw new BiddenError("unsupported", "This recorder has no video encoder.");
  const loaded = await encoders(video.codec);
  const startVideo = ({ shape: [height = 0, width = 0] }: Feature): VideoRecording =>
    loaded.start({ width, height, fps }, video);
  // What cannot be encoded is refused before anything is written.
  for (const feature of videos) startVideo(feature).close();
  return { startVideo };
}

/** What the dataset holds, as far as a writer must know. */
type State = {
  info: LeRobotInfo;
  tasks: string[];
  stats: DatasetStats;
  data: Position;
  /** Of all cameras. */
  videos: Position;
  episodes: Position;
};

async function openState(store: WritableStore, options: RecorderOptions, machine: Machine): Promise<State> {
  const { fps, video = DEFAULT_VIDEO } = options;
  const features = Object.fromEntries(
    Object.entries(completeFeatures(options.features)).map(([name, feature]) => [
      name,
      feature.dtype === "video" ? { ...feature, info: videoFacts(feature, fps, video) } : feature,
    ]),
  );
  return (await openExisting(store, features, options, machine)) ?? (await createState(store, features, options));
}

async function createState(store: WritableStore, features: Features, options: RecorderOptions): Promise<State> {
  const here = await store.list(".");
  const half = here.find((name) => ["data/", "meta/", "videos/"].includes(name));
  if (half !== undefined) {
    throw new BiddenError(
      "bad-dataset",
      `${store.root} has a folder ${half} but no ${INFO_PATH}: it looks like half a dataset. Record to another folder.`,
      { path: store.root },
    );
  }
  const info: LeRobotInfo = {
    codebase_version: "v3.0",
    robot_type: options.robotType,
    fps: options.fps,
    total_episodes: 0,
    total_frames: 0,
    total_tasks: 0,
    chunks_size: FILES_PER_CHUNK,
    data_path: DATA_TEMPLATE,
    video_path: Object.values(features).some((feature) => feature.dtype === "video") ? VIDEO_TEMPLATE : null,
    splits: {},
    features,
    rest: { data_files_size_in_mb: 100, video_files_size_in_mb: 200 },
  };
  const first = { chunk: 0, file: 0 };
  const stats = new DatasetStats(features, { videos: true });
  return { info, tasks: [], stats, data: first, videos: first, episodes: first };
}

/** Null when there is no dataset yet. */
async function openExisting(
  store: WritableStore,
  features: Features,
  options: RecorderOptions,
  { decoder }: Machine,
): Promise<State | null> {
  if ((await store.read(INFO_PATH)) === null) return null;
  const dataset = await openLeRobot(store, decoder === undefined ? {} : { videos: decoder(store) });
  try {
    const { info } = dataset;
    const refuse = (what: string): BiddenError =>
      new BiddenError("bad-argument", `Cannot add episodes to ${store.root}: ${what}. Record to another folder.`, {
        path: store.root,
      });
    if (!info.codebase_version.startsWith("v3")) throw refuse(`it is LeRobot ${info.codebase_version}, not v3.0`);
    if (info.fps !== options.fps) throw refuse(`it has ${info.fps} frames a second, not ${options.fps}`);
    if (info.robot_type !== options.robotType) {
      throw refuse(`its robot_type is "${info.robot_type}", not "${options.robotType}"`);
    }
    const difference = featureDifference(info.features, features);
    if (difference !== null) throw refuse(difference);
    const files = await listEpisodeFiles(store);
    if (!(await hasExtraColumn(store, files.at(-1)))) {
      throw refuse(`it was not recorded by bidden (its episodes have no column "${EXTRA_COLUMN}")`);
    }
    const last = dataset.places.at(-1);
    const kept: unknown = JSON.parse(
      new TextDecoder().decode((await store.read(HISTOGRAMS_PATH)) ?? new Uint8Array([123, 125])),
    );
    return {
      info,
      tasks: [...dataset.tasks],
      stats: await collectStats(dataset, features, kept),
      data: last === undefined ? { chunk: 0, file: 0 } : following(positionOf(last.path)),
      videos: afterVideos(last),
      episodes: files.length === 0 ? { chunk: 0, file: 0 } : following(positionOf(files.at(-1) as string)),
    };
  } finally {
    await dataset.close();
  }
}

/** Where the next video goes: after the last of every camera. */
function afterVideos(last: EpisodePlace | undefined): Position {
  const positions = Object.values(last?.videos ?? {}).map((video) => positionOf(video.path));
  if (positions.length === 0) return { chunk: 0, file: 0 };
  return following(positions.reduce((a, b) => (b.chunk > a.chunk || (b.chunk === a.chunk && b.file > a.file) ? b : a)));
}

async function hasExtraColumn(store: WritableStore, path: string | undefined): Promise<boolean> {
  if (path === undefined) return true;
  const table = await openTable(await store.open(path), path);
  const has = table.columns.includes(EXTRA_COLUMN);
  await table.close();
  return has;
}

/** Chunk and file number of ".../chunk-000/file-012.parquet". */
function positionOf(path: string): Position {
  const [, chunk, file] = /chunk-(\d+)\/file-(\d+)/.exec(path) ?? [];
  if (chunk === undefined || file === undefined) {
    throw new BiddenError("unsupported", `"${path}" is not named as LeRobot v3.0 names files; cannot add to it.`);
  }
  return { chunk: Number(chunk), file: Number(file) };
}

export class Recorder {
  readonly path: string;
  /** What a recorder that was killed before had left: completed, discarded or nothing. */
  readonly recovery: Recovery;
  readonly #store: WritableStore;
  readonly #open: () => Promise<State>;
  readonly #encoders: FrameEncoders;
  readonly #giveBack: () => Promise<void>;
  #state: State;
  #rows: EpisodeRow[] = [];
  #episode: RunningEpisode | null = null;
  #busy = false;
  /** The last attempt to write failed: `#state` and the disk may differ. */
  #failed = false;
  #closed = false;

  constructor(
    store: WritableStore,
    open: () => Promise<State>,
    state: State,
    encoders: FrameEncoders,
    recovery: Recovery,
    giveBack: () => Promise<void>,
  ) {
    this.path = store.root;
    this.#open = open;
    this.recovery = recovery;
    this.#store = store;
    this.#state = state;
    this.#encoders = encoders;
    this.#giveBack = giveBack;
  }

  get episodeCount(): number {
    return this.#state.info.total_episodes;
  }

  get frameCount(): number {
    return this.#state.info.total_frames;
  }

  /** True between `begin` and `end` or `discard`. */
  get recording(): boolean {
    return this.#episode !== null;
  }

  /** Frames of the running episode. */
  get length(): number {
    return this.#episode?.length ?? 0;
  }

  begin({ task, extra = {} }: EpisodeStart): void {
    this.#checkIdle("begin an episode");
    if (this.#episode !== null) {
      throw new BiddenError("bad-argument", "An episode is running: end or discard it before the next begins.");
    }
    this.#episode = new RunningEpisode(this.#state.info.features, task, extra, this.#encoders);
  }

  /** The sentence of the frames from now on: a person corrected themselves. */
  setTask(task: string): void {
    this.#running("change the task").task = task;
  }

  /**
   * Copies everything; buffers may be reused afterwards.
   * @param timeNs when it was really captured; kept beside LeRobot's `timestamp`, which is always frame / fps.
   */
  addFrame(frame: Readonly<Record<string, FrameValue>>, { timeNs }: { readonly timeNs?: bigint } = {}): void {
    const episode = this.#running("add a frame");
    episode.capture.checkFrame(timeNs);
    episode.add(frame);
    episode.capture.addFrame(timeNs);
  }

  /** A sample of a sensor that runs at a rate of its own; always so many numbers. LeRobot does not see it. */
  addSample(sensor: string, timeNs: bigint, values: ArrayLike<number>): void {
    this.#running("add a sample").capture.addSample(sensor, timeNs, values);
  }

  /** Forgets the running episode. */
  discard(): void {
    this.#checkIdle("discard an episode");
    this.#episode?.close();
    this.#episode = null;
  }

  /**
   * Writes the running episode; durable when it resolves. If it rejects, the dataset is as it was before and the episode is
   * still there: free some space and call `end` again, or `discard`.
   */
  async end(): Promise<Ended> {
    const episode = this.#running("end an episode");
    this.#checkIdle("end an episode");
    if (episode.length === 0)
      throw new BiddenError("bad-argument", "An episode without frames cannot be ended: discard it.");
    this.#busy = true;
    try {
      const ended = (this.#failed ? await this.#afterFailure(episode) : null) ?? (await this.#write(episode));
      this.#episode = null;
      return ended;
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  /** The disk decides what became of the attempt that failed: an episode that was committed is not written twice. */
  async #afterFailure(episode: RunningEpisode): Promise<Ended | null> {
    const recovery = await recover(this.#store);
    this.#state = await this.#open();
    this.#rows = [];
    this.#failed = false;
    return recovery === "completed" ? { episodeIndex: this.episodeCount - 1, frames: episode.length } : null;
  }

  /** Discards a running episode and gives the dataset free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#checkIdle("close the recorder");
    this.#closed = true;
    this.#episode?.close();
    this.#episode = null;
    if (this.#failed) await recover(this.#store);
    await this.#giveBack();
    if ((await this.#store.list(JOURNAL_FOLDER)).every((name) => name === "staged/")) {
      // An empty folder that stays behind harms nobody.
      await this.#store.remove(JOURNAL_FOLDER).catch(() => undefined);
    }
  }

  #running(what: string): RunningEpisode {
    if (this.#episode !== null && !this.#closed) return this.#episode;
    throw new BiddenError("bad-argument", `Cannot ${what}: no episode was begun.`);
  }

  #checkIdle(what: string): void {
    if (this.#closed) throw new BiddenError("bad-argument", `Cannot ${what}: the recorder is closed.`);
    if (this.#busy) throw new BiddenError("bad-argument", `Cannot ${what}: the last episode is still being written.`);
  }

  async #write(episode: RunningEpisode): Promise<Ended> {
    const { info, stats, data, videos } = this.#state;
    const films = episode.finishVideos();
    const frames = episode.length;
    const tasks = [...this.#state.tasks];
    const taskIndices = taskIndicesOf(episode.tasks, tasks);
    const episodeIndex = info.total_episodes;
    const from = info.total_frames;
    const defaults = defaultColumns(info.fps, episodeIndex, from, taskIndices);
    const own = new DatasetStats(info.features, { videos: true });
    addEpisode(own, episode, defaults);
    const full = this.#rows.length >= ROWS_PER_EPISODES_FILE;
    const episodes = full ? following(this.#state.episodes) : this.#state.episodes;
    const row: EpisodeRow = {
      episodeIndex,
      tasks: [...new Set(episode.tasks)],
      length: frames,
      dataChunk: data.chunk,
      dataFile: data.file,
      from,
      to: from + frames,
      videos: Object.fromEntries([...films.keys()].map((name) => [name, { ...videos, seconds: frames / info.fps }])),
      stats: own.summary(),
      extra: episode.extra,
      episodesChunk: episodes.chunk,
      episodesFile: episodes.file,
    };
    const rows = full ? [row] : [...this.#rows, row];
    const next: LeRobotInfo = {
      ...info,
      total_episodes: episodeIndex + 1,
      total_frames: from + frames,
      total_tasks: tasks.length,
      splits: { train: `0:${episodeIndex + 1}` },
    };
    addEpisode(stats, episode, defaults);
    const files = new Map<string, Uint8Array>([
      ...[...films].map(([name, bytes]) => [pathAt(VIDEO_TEMPLATE, videos, name), bytes] as const),
      [pathAt(DATA_TEMPLATE, data), encodeData(info.features, episode.columns, defaults, frames)],
      [pathAt(EPISODES_TEMPLATE, episodes), encodeEpisodes(rows, info.features)],
      [STATS_PATH, encodeStats(stats.summary(), info.features)],
      [HISTOGRAMS_PATH, new TextEncoder().encode(JSON.stringify(stats.histograms()))],
      ...(tasks.length > this.#state.tasks.length ? [[TASKS_PATH, encodeTasks(tasks)] as const] : []),
      ...(episode.capture.empty ? [] : [[capturePath(episodeIndex), episode.capture.encode()] as const]),
      [INFO_PATH, encodeInfo(next)],
    ]);
    await commitFiles(this.#store, files);
    this.#state = { info: next, tasks, stats, data: following(data), videos: following(videos), episodes };
    this.#rows = rows;
    return { episodeIndex, frames };
  }
}

function pathAt(template: string, { chunk, file }: Position, camera = ""): string {
  return fillTemplate(template, { video_key: camera, chunk_index: chunk, file_index: file });
}

/** Looks sentences up in `tasks`, adding those that are new. */
function taskIndicesOf(sentences: readonly string[], tasks: string[]): number[] {
  const known = new Map(tasks.map((task, i) => [task, i]));
  return sentences.map((task) => {
    const index = known.get(task);
    if (index !== undefined) return index;
    known.set(task, tasks.length);
    return tasks.push(task) - 1;
  });
}

function addEpisode(
  stats: DatasetStats,
  episode: RunningEpisode,
  defaults: Readonly<Record<string, Float32Array | BigInt64Array>>,
): void {
  for (const [name, values] of Object.entries(defaults)) stats.numbers.get(name)?.add(values, episode.length);
  for (const [name, video] of episode.videos) stats.images.get(name)?.merge(video.stats.histograms());
  for (const [name, column] of episode.columns) {
    if (column.kind === "images") stats.images.get(name)?.merge(column.stats.histograms());
    if (column.kind === "numbers") {
      stats.numbers.get(name)?.add(column.values.subarray(0, episode.length * column.size), episode.length);
    }
  }
}
