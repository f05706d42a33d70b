/** Statistics as LeRobot keeps them for an episode: read, joined over episodes, written. */

import type { Feature } from "../dataset/types.ts";
import type { FeatureStats } from "../stats/stats.ts";
import { STAT_NAMES, type StatsByFeature } from "./encode.ts";
import { listEpisodeFiles } from "./episodes.ts";
import { openTable } from "./parquet.ts";
import type { LeRobotReader } from "./reader.ts";
import { EPISODES_STATS_JSONL, readJsonLines } from "./v21.ts";

export type StatName = (typeof STAT_NAMES)[number];

/** One number a channel; what a source does not keep is absent (v2.1 knows no quantiles). */
export type StatsRow = Readonly<Partial<Record<StatName, readonly number[]>>>;

export function summaryRows(stats: StatsByFeature): Record<string, StatsRow> {
  const row = ({ count, ...others }: FeatureStats): StatsRow => ({ ...others, count: [count] });
  return Object.fromEntries(Object.entries(stats).map(([name, own]) => [name, row(own)]));
}

/** By episode and feature, what the dataset keeps of `names`. */
export async function readEpisodeStats(
  reader: LeRobotReader,
  names: readonly string[],
): Promise<Record<string, StatsRow>[]> {
  const out: Record<string, StatsRow>[] = Array.from({ length: reader.episodeCount }, () => ({}));
  if (reader.info.codebase_version.startsWith("v2")) {
    if ((await reader.store.read(EPISODES_STATS_JSONL)) === null) return out;
    for (const line of await readJsonLines(reader.store, EPISODES_STATS_JSONL)) {
      const stats = (line["stats"] ?? {}) as Record<string, Record<string, unknown> | undefined>;
      for (const name of names) {
        const row = rowOf((stat) => stats[name]?.[stat]);
        const own = out[Number(line["episode_index"])];
        if (own !== undefined && row !== null) own[name] = row;
      }
    }
    return out;
  }
  let episode = 0;
  for (const path of await listEpisodeFiles(reader.store)) {
    const table = await openTable(await reader.store.open(path), `${reader.path}/${path}`);
    try {
      for (const name of names) {
        const columns = new Map<StatName, ArrayLike<unknown>>();
        for (const stat of STAT_NAMES) {
          const column = `stats/${name}/${stat}`;
          if (table.columns.includes(column)) columns.set(stat, await table.read(column));
        }
        for (let i = 0; i < table.rows; i++) {
          const row = rowOf((stat) => columns.get(stat)?.[i]);
          const own = out[episode + i];
          if (own !== undefined && row !== null) own[name] = row;
        }
      }
      episode += table.rows;
    } finally {
      await table.close();
    }
  }
  return out;
}

/** Null unless min, max, mean, std and count are there. */
function rowOf(value: (stat: StatName) => unknown): StatsRow | null {
  const row: Partial<Record<StatName, number[]>> = {};
  for (const stat of STAT_NAMES) {
    const numbers = flat(value(stat));
    if (numbers.length > 0 && numbers.every(Number.isFinite)) row[stat] = numbers;
  }
  const whole = (["min", "max", "mean", "std", "count"] as const).every((stat) => row[stat] !== undefined);
  return whole ? row : null;
}

function flat(value: unknown): number[] {
  if (typeof value === "number") return [value];
  if (typeof value === "bigint") return [Number(value)];
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as Iterable<unknown>).flatMap(flat);
  return [];
}

/**
 * Statistics of all episodes from those of each: min, max, mean and std are exact; quantiles are LeRobot's envelope (least for q01 to
 * q50, greatest above), which bounds the true ones. Null when an episode has none.
 */
export function joinStats(rows: readonly (StatsRow | undefined)[]): StatsRow | null {
  const present = rows.flatMap((row) => row ?? []);
  const dims = present[0]?.mean?.length ?? 0;
  if (present.length < rows.length || dims === 0 || present.some((row) => row.mean?.length !== dims)) return null;
  const counts = present.map((row) => row.count?.[0] ?? 0);
  const count = counts.reduce((sum, n) => sum + n, 0);
  const of = (stat: StatName, d: number): number[] => present.map((row) => row[stat]?.[d] ?? Number.NaN);
  const each = (value: (d: number) => number): number[] => Array.from({ length: dims }, (_, d) => value(d));
  const weighted = (values: readonly number[]): number =>
    values.reduce((sum, value, i) => sum + value * (counts[i] as number), 0) / Math.max(1, count);
  const mean = each((d) => weighted(of("mean", d)));
  const std = each((d) => {
    const spreads = of("std", d).map((own, i) => own ** 2 + ((of("mean", d)[i] as number) - (mean[d] as number)) ** 2);
    return Math.sqrt(weighted(spreads));
  });
  const quantiles: Partial<Record<StatName, number[]>> = {};
  for (const q of ["q01", "q10", "q50", "q90", "q99"] as const) {
    if (present.some((row) => row[q] === undefined)) continue;
    const pick = q === "q90" || q === "q99" ? Math.max : Math.min;
    quantiles[q] = each((d) => of(q, d).reduce((a, b) => pick(a, b)));
  }
  return {
    min: each((d) => of("min", d).reduce((a, b) => Math.min(a, b))),
    max: each((d) => of("max", d).reduce((a, b) => Math.max(a, b))),
    mean,
    std,
    count: [count],
    ...quantiles,
  };
}

/** As it stands in JSON and parquet: pictures are [3][1][1], one number a channel. */
export function statCell(feature: Feature, row: StatsRow, stat: StatName): unknown {
  const picture = feature.dtype === "image" || feature.dtype === "video";
  const values = row[stat] ?? [];
  return picture && stat !== "count" ? values.map((value) => [[value]]) : [...values];
}

/** One feature's statistics as JSON. */
export function statsJson(feature: Feature, row: StatsRow): Record<string, unknown> {
  const present = STAT_NAMES.filter((stat) => row[stat] !== undefined);
  return Object.fromEntries(present.map((stat) => [stat, statCell(feature, row, stat)]));
}
