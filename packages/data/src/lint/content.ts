/** Rules about what the numbers say: not finite, constant, idle, spikes, lag, odd episodes, copies. */

import type { Finding, RawDataset, RawFrames } from "./types.ts";

export const STATE = "observation.state";
export const ACTION = "action";
/** Motionless frames at an end that are worth trimming. */
const IDLE_FRAMES = 12;

export type Series = { readonly dims: number; readonly values: Float64Array };

export function seriesOf(frames: RawFrames, column: string): Series | null {
  return frames.numbers.get(column) ?? null;
}

export function checkContent(raw: RawDataset): Finding[] {
  const finite = notFinite(raw);
  // Other rules would only echo it.
  const clean = new Set(
    [...raw.frames.keys()].filter((episode) => !finite.some((finding) => finding.episode === episode)),
  );
  return [
    ...finite,
    ...constantDimensions(raw),
    ...[...raw.frames].flatMap(([episode, frames]) => (clean.has(episode) ? idleEnds(raw, episode, frames) : [])),
    ...[...raw.frames].flatMap(([episode, frames]) => (clean.has(episode) ? spikes(episode, frames) : [])),
    ...shortEpisodes(raw),
  ];
}

function notFinite(raw: RawDataset): Finding[] {
  const out: Finding[] = [];
  for (const [episode, frames] of raw.frames) {
    for (const [column, { dims, values }] of frames.numbers) {
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at < 0) continue;
      const count = values.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
      out.push({
        rule: "non-finite",
        severity: "error",
        episode,
        frame: Math.floor(at / dims),
        column,
        evidence: `${count} values of ${column} are not finite, the first is number ${at % dims} of frame ${Math.floor(at / dims)}`,
      });
    }
  }
  return out;
}

function constantDimensions(raw: RawDataset): Finding[] {
  if (raw.frames.size < 2) return [];
  return [STATE, ACTION].flatMap((column) => {
    const all = [...raw.frames.values()].flatMap((frames) => seriesOf(frames, column) ?? []);
    const dims = all[0]?.dims ?? 0;
    return Array.from({ length: dims }, (_, d) => d).flatMap((d): Finding[] => {
      const first = all[0]?.values[d];
      const constant = all.every(({ values }) => everyOf(values, dims, d, (value) => value === first));
      if (!constant || dims < 2) return [];
      return [
        {
          rule: "constant-dimension",
          severity: "warning",
          column,
          evidence: `number ${d} of ${column} is ${first} in every frame: its standard deviation is 0`,
        },
      ];
    });
  });
}

function everyOf(values: Float64Array, dims: number, d: number, test: (value: number) => boolean): boolean {
  for (let i = d; i < values.length; i += dims) if (!test(values[i] as number)) return false;
  return true;
}

/** Frames from `start` in direction `step` in which nothing changes. */
function stillFrames({ dims, values }: Series, start: number, step: 1 | -1): number {
  const frames = values.length / dims;
  let count = 0;
  for (let frame = start + step; frame >= 0 && frame < frames; frame += step, count++) {
    for (let d = 0; d < dims; d++) {
      const change = Math.abs((values[frame * dims + d] as number) - (values[start * dims + d] as number));
      if (change > 1e-6) return count === 0 ? 0 : count + 1;
    }
  }
  return count === 0 ? 0 : count + 1;
}

function idleEnds(raw: RawDataset, episode: number, frames: RawFrames): Finding[] {
  const both = [seriesOf(frames, STATE), seriesOf(frames, ACTION)].filter((series) => series !== null);
  const least = Math.max(IDLE_FRAMES, Math.round(0.4 * raw.info.fps));
  const still = (start: number, step: 1 | -1): number =>
    Math.min(...both.map((series) => stillFrames(series, start, step)));
  if (both.length === 0) return [];
  const head = still(0, 1);
  const tail = still(frames.length - 1, -1);
  const out: Finding[] = [];
  if (head >= least) {
    out.push({
      rule: "idle-head",
      severity: "info",
      episode,
      frame: 0,
      evidence: `${head} motionless frames at the start`,
      fix: "trim",
    });
  }
  if (tail >= least && head < frames.length) {
    out.push({
      rule: "idle-tail",
      severity: "info",
      episode,
      frame: frames.length - tail,
      evidence: `${tail} motionless frames at the end`,
      fix: "trim",
    });
  }
  return out;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Mean distance from the mean, one number a dimension. */
export function spread({ dims, values }: Series): number[] {
  const count = values.length / dims;
  return Array.from({ length: dims }, (_, d) => {
    let mean = 0;
    for (let i = d; i < values.length; i += dims) mean += (values[i] as number) / count;
    let sum = 0;
    for (let i = d; i < values.length; i += dims) sum += Math.abs((values[i] as number) - mean);
    return sum / count;
  });
}

/** One value that leaves its neighbours and comes back at once, far beyond what the column ever does between frames. */
function spikes(episode: number, frames: RawFrames): Finding[] {
  const out: Finding[] = [];
  for (const column of [STATE, ACTION]) {
    const series = seriesOf(frames, column);
    if (series === null) continue;
    const { dims, values } = series;
    const count = values.length / dims;
    const reach = spread(series);
    for (let d = 0; d < dims; d++) {
      const at = (frame: number): number => values[frame * dims + d] as number;
      const off = Array.from({ length: Math.max(0, count - 2) }, (_, i) => at(i + 1) - (at(i) + at(i + 2)) / 2);
      const sizes = off.map(Math.abs);
      const usual = medianOf(sizes);
      const sorted = [...sizes].sort((a, b) => a - b);
      // A spike itself is three of them: it and its two neighbours.
      const high = sorted[Math.max(0, Math.min(Math.floor(sorted.length * 0.9), sorted.length - 4))] ?? 0;
      for (const [i, deviation] of off.entries()) {
        const back = Math.abs(at(i + 2) - at(i)) < 0.3 * Math.abs(deviation);
        if (!back || Math.abs(deviation) < Math.max(30 * usual, 8 * high, 0.7 * (reach[d] as number))) continue;
        if (isSwitch(series, d)) continue;
        out.push({
          rule: "outlier",
          severity: "warning",
          episode,
          frame: i + 1,
          column,
          evidence: `number ${d} of ${column} is ${at(i + 1).toFixed(4)} between ${at(i).toFixed(4)} and ${at(i + 2).toFixed(4)}; it usually strays ${usual.toFixed(4)}`,
        });
      }
    }
  }
  return out;
}

/** Commands of only a few levels (a gripper) may jump. */
function isSwitch({ dims, values }: Series, d: number): boolean {
  const levels = new Set<number>();
  for (let i = d; i < values.length && levels.size <= 4; i += dims) levels.add(values[i] as number);
  return levels.size <= 4;
}

function shortEpisodes(raw: RawDataset): Finding[] {
  const lengths = [...raw.frames.values()].map((frames) => frames.length);
  if (lengths.length < 4) return [];
  const median = medianOf(lengths);
  return [...raw.frames].flatMap(([episode, frames]): Finding[] =>
    frames.length >= 0.15 * median
      ? []
      : [
          {
            rule: "short-episode",
            severity: "warning",
            episode,
            evidence: `${frames.length} frames; the median episode has ${median}`,
          },
        ],
  );
}
