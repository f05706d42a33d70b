/**
 * Real-time chunking (Black et al. 2025, arXiv:2506.07339) as LeRobot does it: while a chunk is still being executed, the next
 * one is steered so that it begins as the old one goes on. LeRobot takes the guidance's Jacobian for the identity, so no
 * gradient of the network is needed.
 */
import { BiddenError } from "@bidden/runtime";

/** How the weight of the old chunk falls off after the steps that will be executed anyway. */
export const PREFIX_SCHEDULES = ["LINEAR", "EXP", "ONES", "ZEROS"] as const;
export type PrefixSchedule = (typeof PREFIX_SCHEDULES)[number];

export type RtcOptions = {
  /** What is left of the previous chunk, first row due now: rows of at most `dim` numbers in the network's own units. */
  readonly leftover: { readonly values: Float32Array; readonly dim: number };
  /** Steps that will have been executed before the new chunk arrives. */
  readonly delay: number;
  /** Steps of the old chunk that are looked at. */
  readonly executionHorizon: number;
  readonly schedule: PrefixSchedule;
  readonly maxGuidanceWeight: number;
};

/**
 * Weight of every step of the old chunk: 1 for the first `start`, falling to 0 at `end`.
 * @returns float32[total]
 */
export function prefixWeights(schedule: PrefixSchedule, start: number, end: number, total: number): Float32Array {
  const first = Math.min(start, end);
  const weights = new Float32Array(total);
  switch (schedule) {
    case "ZEROS":
      return weights.fill(1, 0, first);
    case "ONES":
      return weights.fill(1, 0, Math.max(0, end));
    case "LINEAR":
    case "EXP": {
      weights.fill(1, 0, Math.min(first, total));
      const steps = Math.min(end, total) - first;
      for (let i = 0; i < steps; i++) {
        const linear = Math.fround(1 - (i + 1) / (steps + 1));
        weights[first + i] = schedule === "LINEAR" ? linear : (linear * Math.expm1(linear)) / (Math.E - 1);
      }
      return weights;
    }
    default:
      return schedule satisfies never;
  }
}

/** min(c·(τ² + (1 - τ)²)/(1 - τ)², max) with c = (1 - τ)/τ and τ = 1 - time; the limit at τ = 0 is max. */
export function guidanceWeight(time: number, max: number): number {
  const tau = 1 - time;
  const inverseR2 = ((1 - tau) ** 2 + tau ** 2) / (1 - tau) ** 2;
  const c = tau === 0 ? max : (1 - tau) / tau;
  return Math.min(c * inverseR2, max);
}

/** Steers the velocity of a chunk float32[horizon, dim]. */
export class PrefixGuide {
  readonly weights: Float32Array;
  /** Steps of the old chunk that are looked at: no more than are left. */
  readonly executionHorizon: number;
  readonly #target: Float32Array;
  readonly #dim: number;
  readonly #max: number;

  constructor(options: RtcOptions, horizon: number, dim: number) {
    const { leftover, delay, schedule, maxGuidanceWeight } = options;
    const rows = leftover.values.length / leftover.dim;
    if (!Number.isInteger(rows) || rows > horizon || leftover.dim > dim) {
      throw new BiddenError(
        "bad-argument",
        `A leftover has at most ${horizon} rows of at most ${dim} numbers; came ${rows} of ${leftover.dim}.`,
        { rows, dim: leftover.dim },
      );
    }
    this.executionHorizon = Math.min(options.executionHorizon, rows);
    this.weights = prefixWeights(schedule, delay, this.executionHorizon, horizon);
    this.#target = new Float32Array(horizon * dim);
    for (let row = 0; row < rows; row++) {
      this.#target.set(leftover.values.subarray(row * leftover.dim, (row + 1) * leftover.dim), row * dim);
    }
    this.#dim = dim;
    this.#max = maxGuidanceWeight;
  }

  /** v - g·W·(Y - (x - t·v)): towards the old chunk Y. */
  steer(x: Float32Array, v: Float32Array, time: number): Float32Array {
    const g = Math.fround(guidanceWeight(time, this.#max));
    const t = Math.fround(time);
    return v.map((value, i) => {
      const weight = this.weights[Math.floor(i / this.#dim)] as number;
      const clean = Math.fround((x[i] as number) - Math.fround(t * value));
      const correction = Math.fround(Math.fround((this.#target[i] as number) - clean) * weight);
      return value - Math.fround(g * correction);
    });
  }
}

/**
 * Training-time real-time chunking (arXiv:2512.05964): the first `delay` actions stay those of the old chunk in every step, and
 * the network is told that their time is 0. Only for networks that were trained so.
 * @returns writes them into a chunk float32[horizon, dim]
 */
export function holdPrefix(
  leftover: RtcOptions["leftover"],
  delay: number,
  horizon: number,
  dim: number,
): (x: Float32Array) => void {
  const rows = Math.floor(leftover.values.length / leftover.dim);
  if (delay > Math.min(rows, horizon) || leftover.dim > dim) {
    throw new BiddenError(
      "bad-argument",
      `A delay of ${delay} steps needs as many actions of at most ${dim} numbers left over; came ${rows} of ${leftover.dim}.`,
      { delay, rows, dim: leftover.dim },
    );
  }
  const held = new Float32Array(delay * dim);
  for (let row = 0; row < delay; row++) {
    held.set(leftover.values.subarray(row * leftover.dim, (row + 1) * leftover.dim), row * dim);
  }
  return (x) => x.set(held);
}
