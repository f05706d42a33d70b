/** Statistics that are kept against those of the values. */

import { NumberStats } from "../stats/stats.ts";
import type { Finding, RawDataset } from "./types.ts";

const COMPARED = ["min", "max", "mean", "std"] as const;
/** float32 sums of many values differ in the last digits. */
const TOLERANCE = 1e-3;

export function featureStatsDiffer(raw: RawDataset): Finding[] {
  if (raw.findings.length > 0) return [];
  const out: Finding[] = [];
  for (const token of raw.statsTokens) {
    out.push({
      rule: "stats-non-finite",
      severity: "error",
      evidence: `meta/stats.json holds ${token}, which is not JSON`,
      fix: "recompute_stats",
    });
  }
  const frames = [...raw.frames.values()].reduce((sum, own) => sum + own.length, 0);
  for (const [name, feature] of Object.entries(raw.features)) {
    const kept = raw.stats?.[name];
    // Of features with several axes LeRobot keeps numbers of different shapes.
    if (kept === undefined || feature.shape.length > 1 || feature.dtype === "string") continue;
    const count = Number((kept["count"] as number[] | undefined)?.[0]);
    if (feature.dtype !== "image" && feature.dtype !== "video" && Number.isFinite(count) && count !== frames) {
      out.push(stale(name, `count is ${count}, there are ${frames} frames`));
      continue;
    }
    const difference = differs(raw, name, kept, null);
    if (difference !== null) out.push(stale(name, difference));
  }
  for (const episode of raw.episodes) out.push(...episodeStats(raw, episode.index, episode.stats));
  return out;
}

/** LeRobot's own edits leave these behind; nothing is normalised by them. */
const BOOKKEEPING = ["index", "episode_index", "task_index", "frame_index", "timestamp"];

function stale(column: string, what: string, episode?: number): Finding {
  return {
    rule: "stats-stale",
    severity: BOOKKEEPING.includes(column) ? "warning" : "error",
    column,
    ...(episode === undefined ? {} : { episode }),
    evidence: `${episode === undefined ? "meta/stats.json" : "meta/episodes_stats.jsonl"}, ${column}: ${what}`,
    fix: "recompute_stats",
  };
}

function episodeStats(raw: RawDataset, episode: number, stats: unknown): Finding[] {
  if (typeof stats !== "object" || stats === null) return [];
  for (const [name, kept] of Object.entries(stats as Record<string, Record<string, unknown>>)) {
    if ((raw.features[name]?.shape.length ?? 2) > 1) continue;
    const difference = differs(raw, name, kept, episode);
    if (difference !== null) return [stale(name, difference, episode)];
  }
  return [];
}

/** @param episode null: all. */
function differs(
  raw: RawDataset,
  name: string,
  kept: Readonly<Record<string, unknown>>,
  episode: number | null,
): string | null {
  const collector = new NumberStats(raw.features[name]?.shape.at(-1) ?? 1);
  for (const [index, frames] of raw.frames) {
    const column = frames.numbers.get(name);
    if (column !== undefined && (episode === null || episode === index)) collector.add(column.values, frames.length);
  }
  // Not-a-number is another rule's.
  if (collector.frames === 0 || collector.skipped > 0) return null;
  const truth = collector.summary();
  for (const stat of COMPARED) {
    const values = kept[stat];
    if (!Array.isArray(values)) continue;
    for (const [d, value] of values.entries()) {
      const right = truth[stat][d] ?? 0;
      // Sums of squares of large numbers lose their last digits.
      if (stat === "std" && Math.abs(truth.mean[d] ?? 0) > 1e6 * right) continue;
      const scale = Math.max(truth.std[d] ?? 0, Math.abs(right), 1e-3);
      if (typeof value === "number" && Math.abs(value - right) > TOLERANCE * scale) {
        return `${stat}[${d}] is ${value}, the values give ${right}`;
      }
    }
  }
  return null;
}
