/**
 * All values of one dimension, for exact quantiles. They are kept as they come; an order statistic is found by counting the values
 * by their leading bits and sorting only the bucket in which it lies, so that adding costs nothing and asking two passes.
 */

import type { NumberArray } from "../dataset/types.ts";

/** Values a block: the most that is reserved and not used. */
const BLOCK = 1 << 14;
const FIRST_BLOCK = 64;
/** So many are sorted faster than counted. */
const FEW = 1 << 14;
/** Leading bits by which values are counted. */
const BUCKET_BITS = 16;

type Block = Float32Array | Float64Array;

/** 4 bytes a value where every value of its type fits float32, else 8. */
export class ExactValues {
  readonly #blocks: Block[] = [];
  /** Values in the last block; the others are full. */
  #used = 0;
  #length = 0;
  #mean = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;

  get length(): number {
    return this.#length;
  }

  /**
   * Copies every `step`-th value from `start`. Values that are not finite are left out.
   * @returns how many were left out.
   */
  add(values: NumberArray, start = 0, step = 1): number {
    const narrow = fitsFloat32(values);
    let block = this.#blockFor(narrow);
    const before = this.#length;
    let sum = 0;
    let skipped = 0;
    for (let i = start; i < values.length; i += step) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) {
        skipped++;
        continue;
      }
      if (this.#used === block.length) block = this.#blockFor(narrow);
      block[this.#used++] = value;
      sum += value;
      this.#length++;
    }
    this.#addMoments(values, start, step, sum, this.#length - before);
    return skipped;
  }

  /** The last block while it has room and the right width, else a new one. */
  #blockFor(narrow: boolean): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last instanceof Float32Array === narrow && this.#used < last.length) return last;
    // Blocks before the last are full: a last one that is not, but of the other width, is cut.
    if (last !== undefined && this.#used < last.length)
      this.#blocks[this.#blocks.length - 1] = last.slice(0, this.#used);
    const length = Math.min(BLOCK, Math.max(FIRST_BLOCK, (last?.length ?? 0) * 2));
    const block = narrow ? new Float32Array(length) : new Float64Array(length);
    this.#blocks.push(block);
    this.#used = 0;
    return block;
  }

  /** A second pass over the batch, then the parallel update of Chan, Golub and LeVeque (1979). */
  #addMoments(values: NumberArray, start: number, step: number, sum: number, count: number): void {
    if (count === 0) return;
    const mean = sum / count;
    let squares = 0;
    for (let i = start; i < values.length; i += step) {
      const value = Number(values[i]);
      if (Number.isFinite(value)) squares += (value - mean) * (value - mean);
    }
    const total = this.#length;
    const before = total - count;
    const delta = mean - this.#mean;
    this.#squares += squares + (delta * delta * before * count) / total;
    this.#mean += (delta * count) / total;
  }

  moments(): { mean: number; std: number } {
    if (this.#length === 0) return { mean: 0, std: 0 };
    return { mean: this.#mean, std: Math.sqrt(this.#squares / this.#length) };
  }

  /** Linear interpolation at (n - 1) q for each q; zeros when there are no values. */
  quantiles(qs: readonly number[]): number[] {
    if (this.#length === 0) return qs.map(() => 0);
    const places = qs.map((q) => (this.#length - 1) * q);
    const at = this.#orderStatistics(new Set(places.flatMap((place) => [Math.floor(place), Math.ceil(place)])));
    return places.map((place) => {
      const low = at.get(Math.floor(place)) as number;
      const high = at.get(Math.ceil(place)) as number;
      return low + (high - low) * (place - Math.floor(place));
    });
  }

  /** The values at places of the sorted list, counted from 0. */
  #orderStatistics(places: ReadonlySet<number>): Map<number, number> {
    if (this.#length <= FEW) {
      const all = this.#all().sort();
      return new Map([...places].map((place) => [place, all[place] as number]));
    }
    const counts = new Uint32Array(1 << BUCKET_BITS);
    this.#eachBucket((bucket) => {
      counts[bucket] = (counts[bucket] as number) + 1;
    });
    const wanted = new Map<number, { first: number; values: Float64Array; filled: number }>();
    const bucketOf = new Map<number, number>();
    const sorted = [...places].sort((a, b) => a - b);
    let first = 0;
    let next = 0;
    for (let bucket = 0; next < sorted.length; bucket++) {
      const count = counts[bucket] as number;
      for (; next < sorted.length && (sorted[next] as number) < first + count; next++) {
        bucketOf.set(sorted[next] as number, bucket);
        if (!wanted.has(bucket)) wanted.set(bucket, { first, values: new Float64Array(count), filled: 0 });
      }
      first += count;
    }
    // From here on a count says whether its bucket is wanted.
    for (let bucket = 0; bucket < counts.length; bucket++) counts[bucket] = wanted.has(bucket) ? 1 : 0;
    this.#eachBucket((bucket, value) => {
      if (counts[bucket] === 0) return;
      const own = wanted.get(bucket);
      if (own !== undefined) own.values[own.filled++] = value;
    });
    for (const own of wanted.values()) own.values.sort();
    return new Map(
      sorted.map((place) => {
        const own = wanted.get(bucketOf.get(place) as number) as { first: number; values: Float64Array };
        return [place, own.values[place - own.first] as number];
      }),
    );
  }

  #all(): Float64Array {
    const all = new Float64Array(this.#length);
    let at = 0;
    for (const block of this.#blocks) {
      const used = Math.min(block.length, this.#length - at);
      all.set(block.subarray(0, used), at);
      at += used;
    }
    return all;
  }

  /** Buckets are in the order of the values: a float's bits sort as its values do, once those of negative ones are flipped. */
  #eachBucket(visit: (bucket: number, value: number) => void): void {
    const rounded = new Float32Array(BLOCK);
    for (const [i, block] of this.#blocks.entries()) {
      const length = i === this.#blocks.length - 1 ? this.#used : block.length;
      // Rounding keeps the order, so float64 is counted by its float32.
      if (block instanceof Float64Array) rounded.set(block);
      const source = block instanceof Float64Array ? rounded : block;
      const bits = new Uint32Array(source.buffer, source.byteOffset, length);
      for (let j = 0; j < length; j++) {
        const own = bits[j] as number;
        const ordered = own >>> 31 === 1 ? ~own : own | 0x80000000;
        visit(ordered >>> (32 - BUCKET_BITS), block[j] as number);
      }
    }
  }
}

function fitsFloat32(values: NumberArray): boolean {
  return (
    values instanceof Float32Array ||
    values instanceof Uint8Array ||
    values instanceof Int8Array ||
    values instanceof Int16Array ||
    values instanceof Uint16Array
  );
}
