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

/** Values in order, as many as are used of `values`. */
type Level = { readonly values: Float64Array; used: number };

const createLevel = (): Level => ({ values: new Float64Array(2 * LEVEL), used: 0 });

export class QuantileSketch {
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #mean = 0;
  #squares = 0;
  /** The lowest is in the order of arrival; those above are sorted. */
  readonly #levels: Level[] = [createLevel()];
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
    this.addAll(Float64Array.of(value));
  }

  /** Every `step`-th value from `start`: one column of a table. */
  addAll(values: Float32Array | Float64Array, start = 0, step = 1): void {
    const level = this.#levels[0] as Level;
    for (let i = start; i < values.length; i += step) {
      if (!Number.isFinite(values[i]))
        throw new BiddenError("bad-argument", `Expected a finite number, got ${values[i]}.`);
    }
    let [mean, squares, count] = [this.#mean, this.#squares, this.#count];
    for (let i = start; i < values.length; i += step) {
      const value = values[i] as number;
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
      // Welford, 1962.
      const delta = value - mean;
      mean += delta / ++count;
      squares += delta * (value - mean);
      level.values[level.used++] = value;
      if (level.used >= LEVEL) this.#compact(0);
    }
    [this.#mean, this.#squares, this.#count] = [mean, squares, count];
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
    for (const [k, values] of state.levels.entries()) this.#insert(k, Float64Array.from(values).sort());
  }

  /** Adds sorted values to a level, a full level at most at a time. */
  #insert(k: number, sorted: Float64Array): void {
    for (let from = 0; from < sorted.length; from += LEVEL) {
      while (this.#levels.length <= k) this.#levels.push(createLevel());
      const level = this.#levels[k] as Level;
      mergeInto(level, sorted.subarray(from, from + LEVEL));
      if (level.used >= LEVEL) this.#compact(k);
    }
  }

  /** Half of a level moves up; of an odd number one stays. */
  #compact(k: number): void {
    const level = this.#levels[k] as Level;
    const values = level.values.subarray(0, level.used);
    if (k === 0) values.sort();
    const odd = values.length % 2;
    const first = this.#odd[k] === true ? 1 : 0;
    this.#odd[k] = first === 0;
    const half = new Float64Array((values.length - odd) / 2);
    for (let i = 0; i < half.length; i++) half[i] = values[2 * i + first] as number;
    if (odd === 1) values[0] = values.at(-1) as number;
    level.used = odd;
    // Between two neighbours one is forgotten: a rank may be off by the weight of one.
    this.#lost += 2 ** k;
    this.#insert(k + 1, half);
  }

  quantile(q: number): number {
    if (this.#count === 0) return 0;
    if (q <= 0) return this.#min;
    if (q >= 1) return this.#max;
    const weighted = this.#levels.flatMap((level, k) =>
      valuesOf(level).map((value): [number, number] => [value, 2 ** k]),
    );
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
      levels: this.#levels.map(valuesOf),
      lost: this.#lost,
    };
  }
}

function valuesOf(level: Level): number[] {
  return Array.from(level.values.subarray(0, level.used));
}

/** From the back, so that nothing is overwritten before it is read. */
function mergeInto(level: Level, sorted: Float64Array): void {
  const { values } = level;
  let a = level.used - 1;
  let to = level.used + sorted.length;
  level.used = to--;
  for (let b = sorted.length - 1; b >= 0; to--) {
    const next = sorted[b] as number;
    if (a >= 0 && (values[a] as number) > next) {
      values[to] = values[a--] as number;
    } else {
      values[to] = next;
      b--;
    }
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
