/**
 * Real-time chunking: a new chunk that continues the one being executed. Guided (Black et al. 2025, arXiv:2506.07339) pulls the
 * velocity towards what is left of the old chunk, as LeRobot does it: without the Jacobian of the model. Trained
 * (arXiv:2512.05964) holds the actions that will be executed during inference and gives them time 0; only models trained so
 * may use it.
 */
import { BiddenError } from "@bidden/runtime";
import type { Steering } from "./flow.ts";

export const SCHEDULES = ["ZEROS", "ONES", "LINEAR", "EXP"] as const;
export type Schedule = (typeof SCHEDULES)[number];

/** Actions of the old chunk that are not executed yet, in the model's (normalised) units: float32[length, width]. */
export type Leftover = { readonly values: Float32Array; readonly length: number; readonly width: number };

export type GuidedOptions = {
  readonly leftover: Leftover;
  /** Steps that will be executed before the new chunk is ready. */
  readonly delay: number;
  /** Where the pull ends; cut to the leftover's length. */
  readonly executionHorizon: number;
  readonly schedule: Schedule;
  /** Largest pull. */
  readonly maxGuidance: number;
};

export type ChunkShape = { readonly horizon: number; readonly width: number };

/** How strongly each action of the new chunk is pulled, 0..1: float32[total]. */
export function prefixWeights(schedule: Schedule, delay: number, end: number, total: number): Float32Array {
  const start = Math.min(delay, end);
  const weights = new Float32Array(total);
  if (schedule === "ONES") return weights.fill(1, 0, end);
  weights.fill(1, 0, start);
  if (schedule === "ZEROS") return weights;
  const ramp = Math.min(end, total) - start;
  for (let i = 0; i < ramp; i++) {
    const linear = Math.fround(1 - (i + 1) / (ramp + 1));
    weights[start + i] = schedule === "LINEAR" ? linear : (linear * Math.expm1(linear)) / (Math.E - 1);
  }
  return weights;
}

/** min(max, ((1-τ)/τ)·((1-τ)² + τ²)/(1-τ)²) with τ = 1 - time; the largest at either end. */
export function guidanceWeight(time: number, max: number): number {
  const tau = 1 - time;
  const left = (1 - tau) ** 2;
  const factor = ((1 - tau) / tau) * ((left + tau ** 2) / left);
  return Number.isFinite(factor) ? Math.min(factor, max) : max;
}

export function guided(options: GuidedOptions, shape: ChunkShape): Steering {
  const { leftover, delay, schedule, maxGuidance } = options;
  const target = padded(leftover, shape);
  const end = Math.min(options.executionHorizon, leftover.length);
  const weights = prefixWeights(schedule, delay, end, shape.horizon);
  return {
    guide(x, velocity, time) {
      const pull = guidanceWeight(time, maxGuidance);
      const t = Math.fround(time);
      return velocity.map((v, i) => {
        const reached = Math.fround((x[i] as number) - Math.fround(t * v));
        const error = Math.fround((target[i] as number) - reached) * (weights[Math.floor(i / shape.width)] as number);
        return v - Math.fround(pull) * Math.fround(error);
      });
    },
  };
}

export type TrainedOptions = { readonly leftover: Leftover; readonly delay: number };

/** Keeps the first `delay` actions what they are; the model must be told their time is 0. */
export function trained({ leftover, delay }: TrainedOptions, shape: ChunkShape): Steering {
  if (delay > Math.min(leftover.length, shape.horizon)) {
    throw new BiddenError(
      "bad-argument",
      `Real-time chunking: expected a delay of at most ${Math.min(leftover.length, shape.horizon)} steps, what is left of the old chunk; came ${delay}.`,
      { delay, leftover: leftover.length },
    );
  }
  const fixed = padded(leftover, shape).subarray(0, delay * shape.width);
  const hold = (x: Float32Array): void => x.set(fixed);
  return { begin: hold, after: hold };
}

/** The leftover with zeros after it and beside it: float32[horizon · width]. */
function padded({ values, length, width }: Leftover, shape: ChunkShape): Float32Array {
  if (width > shape.width || values.length !== length * width) {
    throw new BiddenError(
      "bad-argument",
      `Real-time chunking: expected what is left of a chunk as [length, at most ${shape.width}]; came ${values.length} numbers for [${length}, ${width}].`,
    );
  }
  const out = new Float32Array(shape.horizon * shape.width);
  for (let row = 0; row < Math.min(length, shape.horizon); row++) {
    out.set(values.subarray(row * width, (row + 1) * width), row * shape.width);
  }
  return out;
}
