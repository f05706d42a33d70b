/**
 * What a dataset is to the rest of bidden, whatever format it lies in: episodes of frames, every frame with the same named
 * columns. Spelling of features is LeRobot's.
 */

import type { Image } from "@bidden/runtime";

export const NUMBER_DTYPES = [
  "float16",
  "float32",
  "float64",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
] as const;
export type NumberDtype = (typeof NUMBER_DTYPES)[number];

/** `json`: values of no fixed shape (language annotations, ragged sequences). */
export type Dtype = NumberDtype | "string" | "image" | "video" | "language" | "json";

export type Feature = {
  readonly dtype: Dtype;
  /** Of one frame. [1] is one number; images are [height, width, channels]. */
  readonly shape: readonly number[];
  /** Names of the elements: a list, or lists by axis or group. */
  readonly names?: readonly string[] | Readonly<Record<string, unknown>> | null;
  /** Facts about the encoding of videos. */
  readonly info?: Readonly<Record<string, unknown>> | null;
};

export type Features = Readonly<Record<string, Feature>>;

/** float16 is held as Float32Array, bool as Uint8Array of 0 and 1, 64-bit integers as bigints. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A column of consecutive frames. */
export type Column =
  | {
      readonly kind: "numbers";
      readonly dtype: NumberDtype;
      /** Of one frame. */
      readonly shape: readonly number[];
      /** Row-major [frames, ...shape]. */
      readonly values: NumberArray;
    }
  | { readonly kind: "text"; readonly values: readonly string[] }
  | { readonly kind: "json"; readonly values: readonly unknown[] }
  | ImageColumn;

export type ImageColumn = {
  readonly kind: "images";
  readonly length: number;
  /** The bytes as stored (PNG, JPEG), where frames are stored one by one; null for videos. */
  encoded(frame: number): Uint8Array | null;
  /** RGB. Throws `bad-dataset` for bytes that are no picture, `unsupported` where a codec is not installed. */
  image(frame: number): Promise<Image>;
};

export type EpisodeInfo = {
  readonly index: number;
  readonly length: number;
  /** Distinct task sentences, in order of appearance. */
  readonly tasks: readonly string[];
  /** Whatever the format keeps about the episode beside that (who asked, which policy, file it came from). */
  readonly extra: Readonly<Record<string, unknown>>;
};

export type EpisodeData = {
  readonly index: number;
  /** First frame within the episode, and how many follow. */
  readonly from: number;
  readonly length: number;
  readonly columns: Readonly<Record<string, Column>>;
  /** The task sentence of every frame. */
  readonly tasks: readonly string[];
};

export type ReadOptions = {
  /** Column names; all when absent. */
  readonly columns?: readonly string[];
  /** Frames [from, to) of the episode. */
  readonly from?: number;
  readonly to?: number;
};

/** One opened dataset. */
export interface Dataset {
  /** Such as "lerobot-v3.0", "rlds". */
  readonly format: string;
  /** Where it was opened. */
  readonly path: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly features: Features;
  readonly episodeCount: number;
  /** Null where it is known only after reading every episode. */
  readonly frameCount: number | null;
  readonly tasks: readonly string[];
  episode(index: number): Promise<EpisodeInfo>;
  read(index: number, options?: ReadOptions): Promise<EpisodeData>;
  close(): Promise<void>;
}
