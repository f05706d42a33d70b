/** A dataset whose episodes are known when it is opened and whose columns are read when asked for. */

import { BiddenError } from "@bidden/runtime";
import type { Column, Dataset, EpisodeData, EpisodeInfo, Feature, Features, ReadOptions } from "./types.ts";

export type SourceColumn = {
  readonly feature: Feature;
  /** Frames [from, to). */
  read(from: number, to: number): Promise<Column>;
};

export type SourceEpisode = {
  readonly length: number;
  readonly task: string;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly columns: ReadonlyMap<string, SourceColumn>;
};

export type ColumnarSource = {
  readonly format: string;
  readonly path: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly episodes: readonly SourceEpisode[];
  close(): Promise<void>;
};

export class ColumnarDataset implements Dataset {
  readonly format: string;
  readonly path: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly features: Features;
  readonly episodeCount: number;
  readonly frameCount: number;
  readonly tasks: readonly string[];
  readonly #source: ColumnarSource;

  constructor(source: ColumnarSource) {
    this.#source = source;
    this.format = source.format;
    this.path = source.path;
    this.robotType = source.robotType;
    this.fps = source.fps;
    this.episodeCount = source.episodes.length;
    this.frameCount = source.episodes.reduce((sum, episode) => sum + episode.length, 0);
    this.tasks = [...new Set(source.episodes.map((episode) => episode.task))];
    const features: Record<string, Feature> = {};
    for (const episode of source.episodes) {
      for (const [name, column] of episode.columns) features[name] ??= column.feature;
    }
    this.features = features;
  }

  #episode(index: number): SourceEpisode {
    const episode = this.#source.episodes[index];
    if (episode !== undefined) return episode;
    throw new BiddenError("not-found", `Episode ${index} does not exist; ${this.path} holds ${this.episodeCount}.`);
  }

  episode(index: number): Promise<EpisodeInfo> {
    return Promise.resolve().then(() => {
      const { length, task, extra } = this.#episode(index);
      return { index, length, tasks: [task], extra };
    });
  }

  async read(index: number, { columns, from = 0, to }: ReadOptions = {}): Promise<EpisodeData> {
    const episode = this.#episode(index);
    const end = Math.max(from, Math.min(to ?? episode.length, episode.length));
    const out: Record<string, Column> = {};
    for (const name of columns ?? episode.columns.keys()) {
      const column = episode.columns.get(name);
      if (column === undefined) {
        throw new BiddenError(
          "bad-argument",
          `No column "${name}"; there are ${[...episode.columns.keys()].join(", ")}.`,
        );
      }
      out[name] = await column.read(from, end);
    }
    const tasks = Array.from({ length: end - from }, () => episode.task);
    return { index, from, length: end - from, columns: out, tasks };
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
