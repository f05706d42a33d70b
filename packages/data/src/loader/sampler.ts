/**
 * Which frames make which batch: a pure function of lengths, seed, epoch and batch. Training needs them shuffled, files want to
 * be read in order; so a batch knows both orders.
 */

import { BiddenError } from "@bidden/runtime";
import { type Order, shuffledOrder } from "./shuffle.ts";

export type SamplerOptions = {
  readonly batchSize: number;
  readonly seed?: number;
  /** False: frames in the order of the dataset. True when absent. */
  readonly shuffle?: boolean;
  /**
   * Episodes that are mixed with each other at a time; all of them when absent. A few (say 64) make reading nearly sequential, for
   * videos with keyframes far apart or disks that are slow to seek.
   */
  readonly pool?: number;
  /** Leave out the last batch of an epoch when it is not full. False when absent. */
  readonly dropLast?: boolean;
};

/** Frames by episode and place in it, in the order of training. */
export type BatchPlan = {
  readonly epoch: number;
  readonly batch: number;
  readonly episodes: Uint32Array;
  readonly frames: Uint32Array;
  /** Rows of the batch in the order in which they are best read: by episode, then by frame, as files hold them. */
  readonly readOrder: Uint32Array;
};

export type Sampler = {
  readonly frames: number;
  readonly batches: number;
  plan(epoch: number, batch: number): BatchPlan;
};

/** @param lengths frames of each episode. */
export function createSampler(lengths: readonly number[] | Uint32Array, options: SamplerOptions): Sampler {
  const { batchSize, seed = 0, shuffle = true, pool, dropLast = false } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new BiddenError("bad-argument", `batchSize must be a whole number from 1, got ${batchSize}.`);
  }
  if (pool !== undefined && (!Number.isInteger(pool) || pool < 1)) {
    throw new BiddenError("bad-argument", `pool must be a whole number of episodes from 1, got ${pool}.`);
  }
  const starts = new Float64Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) starts[i + 1] = (starts[i] as number) + (lengths[i] as number);
  const total = starts[lengths.length] as number;
  const batches = dropLast ? Math.floor(total / batchSize) : Math.ceil(total / batchSize);
  let epochKnown = -1;
  let order: Order = (place) => place;
  const orderOf = (epoch: number): Order => {
    if (!shuffle || epoch === epochKnown) return order;
    epochKnown = epoch;
    order = pool === undefined ? shuffledOrder(total, seed, epoch) : pooledOrder(starts, pool, seed, epoch);
    return order;
  };
  return {
    frames: total,
    batches,
    plan: (epoch, batch) => {
      const size = Math.min(batchSize, total - batch * batchSize);
      if (!(batch >= 0 && batch < batches)) {
        throw new BiddenError("bad-argument", `Batch ${batch} does not exist; an epoch has ${batches}.`);
      }
      const item = orderOf(epoch);
      const indices = Float64Array.from({ length: size }, (_, i) => item(batch * batchSize + i));
      return placed(epoch, batch, indices, starts);
    },
  };
}

function placed(epoch: number, batch: number, indices: Float64Array, starts: Float64Array): BatchPlan {
  const episodes = new Uint32Array(indices.length);
  const frames = new Uint32Array(indices.length);
  for (const [row, index] of indices.entries()) {
    const episode = lastAtMost(starts, index);
    episodes[row] = episode;
    frames[row] = index - (starts[episode] as number);
  }
  const readOrder = Uint32Array.from(indices.keys()).sort((a, b) => (indices[a] as number) - (indices[b] as number));
  return { epoch, batch, episodes, frames, readOrder };
}

/** The last i with starts[i] <= value and frames in it. */
function lastAtMost(starts: Float64Array, value: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= value) low = middle;
    else high = middle;
  }
  return low;
}

/** Episodes in a shuffled order, `pool` at a time; the frames of those are shuffled among themselves. */
function pooledOrder(starts: Float64Array, pool: number, seed: number, epoch: number): Order {
  const episodes = starts.length - 1;
  const episodeAt = shuffledOrder(episodes, seed, epoch);
  const shuffledStarts = new Float64Array(episodes + 1);
  for (let place = 0; place < episodes; place++) {
    const episode = episodeAt(place);
    const length = (starts[episode + 1] as number) - (starts[episode] as number);
    shuffledStarts[place + 1] = (shuffledStarts[place] as number) + length;
  }
  let groupKnown = -1;
  let within: Order = (place) => place;
  return (place) => {
    const at = lastAtMost(shuffledStarts, place);
    const group = Math.floor(at / pool);
    const groupStart = shuffledStarts[group * pool] as number;
    const groupEnd = shuffledStarts[Math.min(episodes, (group + 1) * pool)] as number;
    if (group !== groupKnown) within = shuffledOrder(groupEnd - groupStart, mixedSeed(seed, group), epoch);
    groupKnown = group;
    const shuffled = groupStart + within(place - groupStart);
    const from = lastAtMost(shuffledStarts, shuffled);
    return (starts[episodeAt(from)] as number) + shuffled - (shuffledStarts[from] as number);
  };
}

function mixedSeed(seed: number, group: number): number {
  return (seed ^ Math.imul(group + 1, 0x85ebca6b)) | 0;
}
