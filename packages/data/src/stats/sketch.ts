/**
 * Quantiles of more values than fit into memory, merged across shards and machines: values kept in levels, each standing for twice
 * as many as the level below; a full level is sorted and every other value moves up (Manku, Rajagopalan and Lindsay, 1998; the
 * choice alternates, so errors cancel, and the same input gives the same sketch everywhere). Minimum, maximum, count, mean and
 * deviation stay exact. What was thrown away is counted: `rankError` bounds how far a quantile's rank can be off.
 */

import { BiddenError } from "@bidden/runtime";
import type { FeatureStats } from "./stats.ts";
import { QUANTILES } from "./stats.ts";

/** Values of a level. The bound on ranks is about log2(n / LEVEL) / (2 LEVEL) of all values: 0.1 % for a million. */
const LEVEL = 4096;

/** Plain JSON. */
export type SketchState = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Sum of squared distances from the mean. */
  readonly squares: number;
  /** Values by level; one of level k stands for 2^k. */
  readonly levels: readonly (readonly number[])[];
  readonly lost: number;
};

export class QuantileSketch {
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #mean = 0;
  #squares = 0;
  readonly #levels: number[][] = [[]];
  readonly #odd: boolean[] = [];
  /** Largest possible error of a rank so far, in values. */
  #lost = 0;

  get count(): number {
    return this.#count;
  }

  /** Ranks are off by at most this share of all values; 0 while all of them are kept. */
  get rankError(): number {
    return this.#count === 0 ? 0 : this.#lost / this.#count;
  }

  /** Values that are not finite are the caller's to leave out. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new BiddenError("bad-argument", `Expected a finite number, got ${value}.`);
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    const delta = value - this.#mean;
    this.#mean += delta / this.#count;
    this.#squares += delta * (value - this.#mean);
    (this.#levels[0] as number[]).push(value);
    if ((this.#levels[0] as number[]).length >= LEVEL) this.#compact(0);
  }

  /** As if its values had been added here, up to the stated error. */
  merge(other: QuantileSketch | SketchState): void {
    const state = other instanceof QuantileSketch ? other.state() : other;
    if (state.count === 0) return;
    const total = this.#count + state.count;
    const delta = state.mean - this.#mean;
    this.#squares += state.squares + (delta * delta * this.#count * state.count) / total;
    this.#mean += (delta * state.count) / total;
    this.#count = total;
    this.#min = Math.min(this.#min, state.min);
    this.#max = Math.max(this.#max, state.max);
    this.#lost += state.lost;
    for (const [k, values] of state.levels.entries()) {
      while (this.#levels.length <= k) this.#levels.push([]);
      const level = this.#levels[k] as number[];
      for (const value of values) level.push(value);
    }
    for (let k = 0; k < this.#levels.length; k++) if ((this.#levels[k] as number[]).length >= LEVEL) this.#compact(k);
  }

  /** Half of a level moves up; of an odd number one stays. */
  #compact(k: number): void {
    const level = (this.#levels[k] as number[]).sort((a, b) => a - b);
    const kept = level.length % 2 === 1 ? [level.pop() as number] : [];
    const first = this.#odd[k] === true ? 1 : 0;
    this.#odd[k] = first === 0;
    while (this.#levels.length <= k + 1) this.#levels.push([]);
    const above = this.#levels[k + 1] as number[];
    for (let i = first; i < level.length; i += 2) above.push(level[i] as number);
    this.#levels[k] = kept;
    // Between two neighbours one is forgotten: a rank may be off by the weight of one.
    this.#lost += 2 ** k;
    if (above.length >= LEVEL) this.#compact(k + 1);
  }

  quantile(q: number): number {
    if (this.#count === 0) return 0;
    if (q <= 0) return this.#min;
    if (q >= 1) return this.#max;
    const weighted = this.#levels.flatMap((level, k) => level.map((value): [number, number] => [value, 2 ** k]));
    weighted.sort((a, b) => a[0] - b[0]);
    const position = (this.#count - 1) * q;
    const at = (place: number): number => {
      let seen = 0;
      for (const [value, weight] of weighted) {
        seen += weight;
        if (seen > place) return value;
      }
      return this.#max;
    };
    const low = at(Math.floor(position));
    const high = at(Math.ceil(position));
    return low + (high - low) * (position - Math.floor(position));
  }

  moments(): { mean: number; std: number } {
    return { mean: this.#mean, std: this.#count === 0 ? 0 : Math.sqrt(Math.max(0, this.#squares) / this.#count) };
  }

  state(): SketchState {
    return {
      count: this.#count,
      min: this.#count === 0 ? 0 : this.#min,
      max: this.#count === 0 ? 0 : this.#max,
      mean: this.#mean,
      squares: this.#squares,
      levels: this.#levels.map((level) => [...level]),
      lost: this.#lost,
    };
  }
}

/** Statistics of one feature from a sketch for each of its dimensions. @param frames of all of them. */
export function statsFromSketches(sketches: readonly QuantileSketch[], frames: number): FeatureStats {
  const at = (q: number): number[] => sketches.map((sketch) => sketch.quantile(q));
  const { q01, q10, q50, q90, q99 } = QUANTILES;
  return {
    min: at(0),
    max: at(1),
    mean: sketches.map((sketch) => sketch.moments().mean),
    std: sketches.map((sketch) => sketch.moments().std),
    count: frames,
    q01: at(q01),
    q10: at(q10),
    q50: at(q50),
    q90: at(q90),
    q99: at(q99),
  };
}
