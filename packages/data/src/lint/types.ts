/** What lint says, and what its rules look at. */

import type { Feature } from "../dataset/types.ts";
import type { FileStore } from "../files/store.ts";
import type { LeRobotInfo } from "../lerobot/info.ts";
import type { Table } from "../lerobot/parquet.ts";
import type { VideoTrack } from "../media/mp4.ts";

export type Severity = "error" | "warning" | "info";

export type Finding = {
  readonly rule: string;
  readonly severity: Severity;
  readonly episode?: number;
  readonly frame?: number;
  readonly column?: string;
  /** A sentence with the numbers. */
  readonly evidence: string;
  /** What would mend it, where a safe way is known. */
  readonly fix?: string;
};

const ORDER: readonly Severity[] = ["error", "warning", "info"];

/** Worst first. */
export function bySeverity(a: Finding, b: Finding): number {
  return ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity);
}

/** Frames of one episode as the data files have them. */
export type RawFrames = {
  readonly path: string;
  readonly table: Table;
  /** First row in the file. */
  readonly row: number;
  readonly length: number;
  /** By column: float64[length, dims]. */
  readonly numbers: ReadonlyMap<string, { readonly dims: number; readonly values: Float64Array }>;
  readonly texts: ReadonlyMap<string, readonly string[]>;
};

export type RawVideo = { readonly path: string; readonly from: number; readonly to: number };

/** An episode as meta/ tells of it. */
export type RawEpisode = {
  readonly index: number;
  readonly length: number;
  readonly from: number;
  readonly to: number;
  readonly tasks: readonly string[];
  readonly extra: Readonly<Record<string, unknown>>;
  readonly videos: Readonly<Record<string, RawVideo>>;
  /** v2.1: statistics by feature. */
  readonly stats?: unknown;
};

/** A dataset taken apart without believing any of it. */
export type RawDataset = {
  readonly store: FileStore;
  readonly info: LeRobotInfo;
  readonly version: 3 | 2;
  readonly features: Readonly<Record<string, Feature>>;
  readonly cameras: readonly string[];
  /** In the order of the rows; `index` as written. */
  readonly tasks: readonly { readonly index: number; readonly text: string }[];
  /** False when tasks.parquet lacks what pandas needs to know its index. */
  readonly tasksIndexed: boolean;
  readonly episodes: readonly RawEpisode[];
  /** Episode index → frames, in the order of the files. */
  readonly frames: ReadonlyMap<number, RawFrames>;
  /** Columns of the data files that are not declared, with one file that has them. */
  readonly undeclared: ReadonlyMap<string, string>;
  readonly stats: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null;
  /** Facts about meta/stats.json that JSON.parse would have hidden. */
  readonly statsTokens: readonly string[];
  readonly videos: ReadonlyMap<string, VideoTrack | string>;
  /** Found while loading. */
  readonly findings: readonly Finding[];
};
