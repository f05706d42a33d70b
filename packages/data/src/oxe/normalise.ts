/**
 * Normalisation of actions and proprioception as openvla and Octo do it. The same names mean different things: Octo's BOUNDS
 * is between the 1st and the 99th percentile, openvla's between minimum and maximum; openvla sets constant numbers to zero
 * (not in NORMAL), Octo never does.
 */

import { BiddenError } from "@bidden/runtime";

export type Normalisation = "openvla-normal" | "openvla-bounds" | "openvla-bounds-q99" | "octo-normal" | "octo-bounds";

/** One number a dimension. */
export type NormalisationStats = {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  /** 1st and 99th percentile. */
  readonly q01: readonly number[];
  readonly q99: readonly number[];
  /** False: left as it is (the gripper). All true when absent. */
  readonly mask?: readonly boolean[];
};

const EPSILON = 1e-8;
const fround = Math.fround;

/** @param values float32[frames, dims], row-major. */
export function normalise(values: Float32Array, stats: NormalisationStats, kind: Normalisation): Float32Array {
  const dims = checkDims(values, stats);
  const forward = dimensions(stats, kind);
  return values.map((value, i) => {
    const { shift, scale, bounded, kept, zero } = forward[i % dims] as Dimension;
    if (zero) return 0;
    if (kept) return value;
    if (!bounded) return fround(fround(value - shift) / scale);
    const unit = fround(fround(2 * fround(value - shift)) / scale) - 1;
    return Math.min(1, Math.max(-1, fround(unit)));
  });
}

/** The way back, for what a policy says; clipped values stay at their bounds. */
export function denormalise(values: Float32Array, stats: NormalisationStats, kind: Normalisation): Float32Array {
  const dims = checkDims(values, stats);
  const forward = dimensions(stats, kind);
  return values.map((value, i) => {
    const { shift, scale, bounded, kept } = forward[i % dims] as Dimension;
    if (kept) return value;
    return bounded ? ((value + 1) / 2) * scale + shift : value * scale + shift;
  });
}

function checkDims(values: Float32Array, stats: NormalisationStats): number {
  const dims = stats.mean.length;
  if (dims > 0 && values.length % dims === 0) return dims;
  throw new BiddenError(
    "bad-shape",
    `${values.length} numbers are no whole rows of the ${dims} that the statistics have.`,
  );
}

type Dimension = {
  readonly shift: number;
  readonly scale: number;
  readonly bounded: boolean;
  readonly kept: boolean;
  readonly zero: boolean;
};

function dimensions(stats: NormalisationStats, kind: Normalisation): Dimension[] {
  return stats.mean.map((mean, d) => {
    const at = (list: readonly number[]): number => fround(list[d] ?? Number.NaN);
    const kept = stats.mask?.[d] === false;
    if (kind === "openvla-normal" || kind === "octo-normal") {
      return { shift: fround(mean), scale: fround(at(stats.std) + EPSILON), bounded: false, kept, zero: false };
    }
    const quantiles = kind === "openvla-bounds-q99" || kind === "octo-bounds";
    const low = at(quantiles ? stats.q01 : stats.min);
    const high = at(quantiles ? stats.q99 : stats.max);
    const zero = kind !== "octo-bounds" && at(stats.min) === at(stats.max);
    return { shift: low, scale: fround(fround(high - low) + EPSILON), bounded: true, kept, zero };
  });
}
