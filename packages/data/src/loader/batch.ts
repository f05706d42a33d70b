/** Reads the frames of a batch out of any dataset into arrays that a training step takes as they are. */

import { BiddenError, type Image } from "@bidden/runtime";
import { createNumbers, elementsOf } from "../dataset/columns.ts";
import type { Column, Dataset, ImageColumn, NumberArray, NumberDtype } from "../dataset/types.ts";
import type { BatchPlan } from "./sampler.ts";

export type BatchOptions = {
  /** All of numbers and pictures when absent. */
  readonly columns?: readonly string[];
  /**
   * Frames around the one drawn, by column: `{ action: [0, 1, 2] }` gives three actions from it on. Beyond an episode's ends its
   * first or last frame stands, and `padded` says so.
   */
  readonly windows?: Readonly<Record<string, readonly number[]>>;
};

export type BatchColumn = {
  /** "uint8" for pictures. */
  readonly dtype: NumberDtype;
  /** [batch, ...shape], or [batch, window, ...shape] where a window was asked for; pictures are [height, width, 3]. */
  readonly shape: readonly number[];
  readonly values: NumberArray;
  /** uint8[batch, window]: 1 where the frame lies beyond the episode. */
  readonly padded: Uint8Array | null;
};

export type Batch = {
  readonly epoch: number;
  readonly batch: number;
  readonly episodes: Uint32Array;
  readonly frames: Uint32Array;
  /** Of each row. */
  readonly tasks: readonly string[];
  readonly columns: Readonly<Record<string, BatchColumn>>;
};

/** Numbers of an episode that stay in memory, because its other frames will be drawn too. */
const CACHED_BYTES = 256 << 20;

type CachedEpisode = {
  readonly length: number;
  readonly tasks: readonly string[];
  readonly columns: Readonly<Record<string, Column>>;
  readonly bytes: number;
};

export class BatchReader {
  readonly #dataset: Dataset;
  readonly #columns: readonly string[];
  readonly #windows: Readonly<Record<string, readonly number[]>>;
  readonly #episodes = new Map<number, CachedEpisode>();
  #bytes = 0;

  constructor(dataset: Dataset, { columns, windows = {} }: BatchOptions) {
    this.#dataset = dataset;
    this.#windows = windows;
    const usable = (name: string): boolean =>
      !["string", "language", "json"].includes(dataset.features[name]?.dtype ?? "json");
    this.#columns = columns ?? Object.keys(dataset.features).filter(usable);
    for (const name of [...this.#columns, ...Object.keys(windows)]) {
      if (usable(name) && this.#columns.includes(name)) continue;
      throw new BiddenError(
        "bad-argument",
        `"${name}" is no column of numbers or pictures that is read; there are ${Object.keys(dataset.features).filter(usable).join(", ")}.`,
      );
    }
  }

  async read(plan: BatchPlan): Promise<Batch> {
    const rows = plan.episodes.length;
    const tasks = Array.from({ length: rows }, () => "");
    const builders = new Map<string, ColumnBuilder>();
    for (const row of plan.readOrder) {
      const episode = await this.#episode(plan.episodes[row] as number);
      const frame = plan.frames[row] as number;
      tasks[row] = episode.tasks[frame] ?? "";
      for (const name of this.#columns) {
        const window = this.#windows[name] ?? null;
        let builder = builders.get(name);
        if (builder === undefined) builders.set(name, (builder = new ColumnBuilder(name, rows, window)));
        await builder.set(row, episode.columns[name] as Column, frame, episode.length);
      }
    }
    const columns: Record<string, BatchColumn> = {};
    for (const [name, builder] of builders) columns[name] = builder.finish();
    const { epoch, batch, episodes, frames } = plan;
    return { epoch, batch, episodes, frames, tasks, columns };
  }

  /** Columns of the whole episode; pictures are decoded when asked for. */
  async #episode(index: number): Promise<CachedEpisode> {
    const known = this.#episodes.get(index);
    if (known !== undefined) {
      // The one used last goes last.
      this.#episodes.delete(index);
      this.#episodes.set(index, known);
      return known;
    }
    const { columns, length, tasks } = await this.#dataset.read(index, { columns: this.#columns });
    const bytes = Object.values(columns).reduce((sum, column) => sum + bytesOf(column), 0);
    const episode = { length, tasks, columns, bytes };
    this.#episodes.set(index, episode);
    this.#bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.#episodes) {
      if (this.#bytes <= CACHED_BYTES || this.#episodes.size <= 1) break;
      this.#episodes.delete(oldest);
      this.#bytes -= freed;
    }
    return episode;
  }
}

/** Pictures count with their stored bytes; those of videos lie elsewhere. */
function bytesOf(column: Column): number {
  if (column.kind === "numbers") return column.values.byteLength;
  if (column.kind !== "images") return column.values.length * 64;
  let bytes = 0;
  for (let frame = 0; frame < column.length; frame++) bytes += column.encoded(frame)?.length ?? 64;
  return bytes;
}

class ColumnBuilder {
  readonly #name: string;
  readonly #rows: number;
  readonly #window: readonly number[] | null;
  readonly #padded: Uint8Array | null;
  #dtype: NumberDtype = "uint8";
  #shape: readonly number[] = [];
  #values: NumberArray | null = null;

  constructor(name: string, rows: number, window: readonly number[] | null) {
    this.#name = name;
    this.#rows = rows;
    this.#window = window;
    this.#padded = window === null ? null : new Uint8Array(rows * window.length);
  }

  async set(row: number, column: Column, frame: number, length: number): Promise<void> {
    const offsets = this.#window ?? [0];
    for (const [i, offset] of offsets.entries()) {
      const wanted = frame + offset;
      const at = Math.max(0, Math.min(length - 1, wanted));
      if (this.#padded !== null && at !== wanted) this.#padded[row * offsets.length + i] = 1;
      const place = row * offsets.length + i;
      if (column.kind === "numbers") this.#setNumbers(place, column, at);
      else if (column.kind === "images") this.#setImage(place, await this.#image(column, at));
    }
  }

  async #image(column: ImageColumn, frame: number): Promise<Image> {
    return column.image(frame);
  }

  #room(dtype: NumberDtype, shape: readonly number[]): NumberArray {
    if (this.#values === null) {
      this.#dtype = dtype;
      this.#shape = shape;
      this.#values = createNumbers(dtype, this.#rows * (this.#window?.length ?? 1) * elementsOf(shape));
    } else if (shape.join() !== this.#shape.join()) {
      throw new BiddenError(
        "bad-dataset",
        `"${this.#name}" is ${shape.join(" x ")} in one frame and ${this.#shape.join(" x ")} in another; a batch needs one size.`,
      );
    }
    return this.#values;
  }

  #setNumbers(place: number, column: Column & { kind: "numbers" }, frame: number): void {
    const room = this.#room(column.dtype, column.shape);
    const size = elementsOf(column.shape);
    const part = column.values.subarray(frame * size, (frame + 1) * size);
    // Both hold what the dtype says: bigints for 64 bits, else numbers.
    (room as { set(values: ArrayLike<unknown>, at: number): void }).set(part, place * size);
  }

  #setImage(place: number, { width, height, data }: Image): void {
    const room = this.#room("uint8", [height, width, 3]) as Uint8Array;
    room.set(data, place * data.length);
  }

  finish(): BatchColumn {
    const window = this.#window === null ? [] : [this.#window.length];
    const values = this.#values ?? new Uint8Array(0);
    return { dtype: this.#dtype, shape: [this.#rows, ...window, ...this.#shape], values, padded: this.#padded };
  }
}
