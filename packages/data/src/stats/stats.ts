/**
 * Exact statistics of columns as LeRobot v3 keeps them: min, max, mean, std (population), count and quantiles. Quantiles are
 * those of all values (linear interpolation between order statistics, numpy's default), not LeRobot's aggregate of
 * per-episode quantiles, which are none.
 */

import type { NumberArray } from "../dataset/types.ts";
import { ExactValues } from "./exact.ts";

export const QUANTILES = { q01: 0.01, q10: 0.1, q50: 0.5, q90: 0.9, q99: 0.99 } as const;

/** One number for each element of the last axis (each channel for images). */
export type FeatureStats = {
  readonly min: number[];
  readonly max: number[];
  readonly mean: number[];
  readonly std: number[];
  /** Frames. */
  readonly count: number;
  readonly q01: number[];
  readonly q10: number[];
  readonly q50: number[];
  readonly q90: number[];
  readonly q99: number[];
};

/** Collects values; adding episodes one by one or all at once gives the same. Not-a-number and infinite values are left out. */
export interface StatsCollector {
  readonly frames: number;
  summary(): FeatureStats;
}

/** Numbers: `dims` is the length of the last axis; axes before it are pooled, as LeRobot does. */
export class NumberStats implements StatsCollector {
  frames = 0;
  /** Values that were not finite. */
  skipped = 0;
  readonly #dims: readonly ExactValues[];

  constructor(dims: number) {
    this.#dims = Array.from({ length: dims }, () => new ExactValues());
  }

  add(values: NumberArray, frames: number): void {
    this.frames += frames;
    for (const [d, kept] of this.#dims.entries()) this.skipped += kept.add(values, d, this.#dims.length);
  }

  summary(): FeatureStats {
    const { q01, q10, q50, q90, q99 } = QUANTILES;
    const quantiles = this.#dims.map((kept) => kept.quantiles([0, 1, q01, q10, q50, q90, q99]));
    const at = (i: number): number[] => quantiles.map((own) => own[i] as number);
    const moments = this.#dims.map((kept) => kept.moments());
    return {
      min: at(0),
      max: at(1),
      mean: moments.map((m) => m.mean),
      std: moments.map((m) => m.std),
      count: this.frames,
      q01: at(2),
      q10: at(3),
      q50: at(4),
      q90: at(5),
      q99: at(6),
    };
  }
}

/** uint8 pictures: exact through a histogram of 256 values a channel. Results are scaled to [0, 1]. */
export class ImageStats implements StatsCollector {
  frames = 0;
  readonly #histograms: Float64Array[];

  constructor(channels: number) {
    this.#histograms = Array.from({ length: channels }, () => new Float64Array(256));
  }

  /** @param pixels uint8[..., channels]. */
  add(pixels: Uint8Array): void {
    this.frames++;
    const channels = this.#histograms.length;
    for (let c = 0; c < channels; c++) {
      const histogram = this.#histograms[c] as Float64Array;
      for (let i = c; i < pixels.length; i += channels) {
        const value = pixels[i] as number;
        histogram[value] = (histogram[value] as number) + 1;
      }
    }
  }

  merge(other: ImageHistograms): void {
    this.frames += other.frames;
    for (const [c, counts] of other.counts.entries()) {
      const mine = this.#histograms[c];
      if (mine === undefined) continue;
      for (let v = 0; v < 256; v++) mine[v] = (mine[v] as number) + (counts[v] ?? 0);
    }
  }

  histograms(): ImageHistograms {
    return { frames: this.frames, counts: this.#histograms.map((h) => Array.from(h)) };
  }

  summary(): FeatureStats {
    const of = (read: (histogram: Float64Array) => number): number[] => this.#histograms.map((h) => read(h) / 255);
    const at = (q: number): number[] => of((h) => histogramQuantile(h, q));
    return {
      min: at(0),
      max: at(1),
      mean: of((h) => histogramMoments(h).mean),
      std: of((h) => histogramMoments(h).std),
      count: this.frames,
      q01: at(QUANTILES.q01),
      q10: at(QUANTILES.q10),
      q50: at(QUANTILES.q50),
      q90: at(QUANTILES.q90),
      q99: at(QUANTILES.q99),
    };
  }
}

/** Plain numbers, to keep beside a dataset so that more episodes can be added later without decoding the old ones. */
export type ImageHistograms = { readonly frames: number; readonly counts: readonly (readonly number[])[] };

function histogramMoments(histogram: Float64Array): { mean: number; std: number } {
  let n = 0;
  let sum = 0;
  for (let v = 0; v < 256; v++) {
    n += histogram[v] as number;
    sum += v * (histogram[v] as number);
  }
  if (n === 0) return { mean: 0, std: 0 };
  const mean = sum / n;
  let squares = 0;
  for (let v = 0; v < 256; v++) squares += (histogram[v] as number) * (v - mean) ** 2;
  return { mean, std: Math.sqrt(squares / n) };
}

function histogramQuantile(histogram: Float64Array, q: number): number {
  const n = histogram.reduce((sum, count) => sum + count, 0);
  if (n === 0) return 0;
  const position = (n - 1) * q;
  const low = nthValue(histogram, Math.floor(position));
  const high = nthValue(histogram, Math.ceil(position));
  return low + (high - low) * (position - Math.floor(position));
}

/** The value at a place in the sorted list, counted from 0. */
function nthValue(histogram: Float64Array, place: number): number {
  let seen = 0;
  for (let v = 0; v < 256; v++) {
    seen += histogram[v] as number;
    if (seen > place) return v;
  }
  return 255;
}
