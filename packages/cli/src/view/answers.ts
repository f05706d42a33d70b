/** What the page that shows a dataset is told: the dataset, its episodes, pictures, videos and lint findings. */

import type { ViewCamera, ViewColumn, ViewDataset, ViewEpisode, ViewFindings } from "@bidden/console";
import { type Column, type Dataset, encodePng, type Feature } from "@bidden/data";
import { lintDataset } from "@bidden/data/look";
import { episodeVideo } from "@bidden/data/node";
import { BiddenError } from "@bidden/runtime";
import { deflateSync } from "node:zlib";

export type Blob = { readonly type: string; readonly body: Uint8Array };

/** Lines of a plot; what has more is shown in part. */
const MAX_LINES = 32;
const ASSUMED_FPS = 10;
const BOOKKEEPING = ["timestamp", "frame_index", "episode_index", "index", "task_index"];

export class ViewAnswers {
  readonly #dataset: Dataset;
  readonly #path: string;
  #described: Promise<ViewDataset> | null = null;
  #findings: Promise<ViewFindings> | null = null;
  #read: { readonly key: string; readonly column: Promise<Column | undefined> } | null = null;

  constructor(dataset: Dataset, path: string) {
    this.#dataset = dataset;
    this.#path = path;
  }

  describe(): Promise<ViewDataset> {
    return (this.#described ??= describe(this.#dataset));
  }

  findings(): Promise<ViewFindings> {
    const lerobot = this.#dataset.format.startsWith("lerobot");
    return (this.#findings ??= lerobot ? lintDataset(this.#path) : Promise.resolve(null));
  }

  async episode(index: number): Promise<ViewEpisode> {
    const { features } = this.#dataset;
    const names = Object.keys(features).filter((name) => isPlotted(name, features[name]));
    const data = await this.#dataset.read(index, { columns: names });
    const tasks: { from: number; text: string }[] = [];
    for (const [frame, text] of data.tasks.entries())
      if (text !== tasks.at(-1)?.text) tasks.push({ from: frame, text });
    const columns = names.flatMap((name) => columnOf(name, data.columns[name], features[name]));
    columns.sort((a, b) => rankOf(a.name) - rankOf(b.name));
    return { index, length: data.length, tasks, columns };
  }

  async video(index: number, camera: string): Promise<Blob> {
    const body = await episodeVideo(this.#dataset, index, camera);
    if (body === null) throw new BiddenError("not-found", `"${camera}" is no video of this dataset.`);
    return { type: "video/mp4", body };
  }

  /** As it is stored, where a browser shows that; else as PNG. */
  async picture(index: number, camera: string, frame: number): Promise<Blob> {
    const key = `${index}\n${camera}`;
    if (this.#read?.key !== key) {
      const column = this.#dataset.read(index, { columns: [camera] }).then((data) => data.columns[camera]);
      this.#read = { key, column };
      column.catch(() => undefined);
    }
    const column = await this.#read.column;
    if (column?.kind !== "images" || frame >= column.length)
      throw new BiddenError("not-found", `There is no picture ${frame} of "${camera}" in episode ${index}.`);
    const stored = column.encoded(frame);
    if (stored !== null && stored[0] === 0xff && stored[1] === 0xd8) return { type: "image/jpeg", body: stored };
    if (stored !== null && stored[0] === 0x89 && stored[1] === 0x50) return { type: "image/png", body: stored };
    return {
      type: "image/png",
      body: encodePng(await column.image(frame), (bytes) => deflateSync(bytes, { level: 1 })),
    };
  }
}

async function describe(dataset: Dataset): Promise<ViewDataset> {
  const known = new Map([...dataset.tasks].map((task, i) => [task, i]));
  const indexOf = (task: string): number => {
    const index = known.get(task) ?? known.size;
    known.set(task, index);
    return index;
  };
  const episodes: { length: number; tasks: number[] }[] = [];
  for (let i = 0; i < dataset.episodeCount; i++) {
    const episode = await dataset.episode(i);
    episodes.push({ length: episode.length, tasks: episode.tasks.map(indexOf) });
  }
  return {
    path: dataset.path,
    format: dataset.format,
    robot: dataset.robotType,
    fps: dataset.fps ?? ASSUMED_FPS,
    guessedFps: dataset.fps === null,
    cameras: Object.entries(dataset.features).flatMap(([name, feature]) => cameraOf(name, feature)),
    tasks: [...known.keys()],
    episodes,
  };
}

function cameraOf(name: string, { dtype, shape }: Feature): ViewCamera[] {
  if (dtype !== "image" && dtype !== "video") return [];
  return [{ name, height: shape[0] ?? 0, width: shape[1] ?? 0, kind: dtype === "video" ? "video" : "images" }];
}

function isPlotted(name: string, feature: Feature | undefined): boolean {
  const numeric = /^(u?int|float)\d+$|^bool$/.test(feature?.dtype ?? "");
  const size = (feature?.shape ?? []).reduce((product, n) => product * n, 1);
  return numeric && size <= 1024 && !BOOKKEEPING.includes(name);
}

/** State, then action, then the rest. */
function rankOf(name: string): number {
  return /state|qpos|joint/.test(name) ? 0 : /action/.test(name) ? 1 : 2;
}

function columnOf(name: string, column: Column | undefined, feature: Feature | undefined): ViewColumn[] {
  if (column?.kind !== "numbers") return [];
  const size = column.shape.reduce((product, n) => product * n, 1);
  const frames = column.values.length / size;
  const shown = Math.min(size, MAX_LINES);
  const given = feature?.names;
  const names = Array.isArray(given) ? given : Object.values(given ?? {}).flat();
  const value = (frame: number, line: number): number | null => {
    const number = Number(column.values[frame * size + line]);
    return Number.isFinite(number) ? Number(number.toPrecision(7)) : null;
  };
  const lines = Array.from({ length: shown }, (_, line) => String(names.length === size ? names[line] : line));
  const values = lines.map((_, line) => Array.from({ length: frames }, (_unused, frame) => value(frame, line)));
  return [{ name: size > shown ? `${name} (first ${shown} of ${size})` : name, lines, values }];
}
