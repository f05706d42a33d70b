/** A finished evaluation as one JSON document: what was run, how, and what came of it. */
import type { PolicyInfo } from "@bidden/runtime";
import type { EpisodeRecord } from "../episode.ts";
import type { Summary } from "../summary.ts";

/** Enough to run the same evaluation again. */
export type Setting = {
  /** Such as "tabletop". */
  readonly suite: string;
  readonly command: string;
  readonly policy: Pick<PolicyInfo, "name" | "modelDigest">;
  /** Null: the policy's own default. */
  readonly head: string | null;
  readonly seed: number;
  readonly split: string;
  readonly maxSeconds: number;
  readonly inferDelayMs: number;
  /** Such as "AMD EPYC 9B14, 2 cores, Node 20.20.2, linux". */
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
  readonly wallSeconds: number;
};

export type Report = {
  readonly setting: Setting;
  readonly planned: number;
  /** Less than planned when the evaluation was ended early. */
  readonly measured: number;
  readonly summary: Summary;
  readonly episodes: readonly EpisodeRecord[];
};

/** Everything but paths and pictures. */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, (key, value: unknown) => (key === "replay" ? undefined : value), 1)}\n`;
}
