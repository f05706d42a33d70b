/** Learning rates as a function of the step (from 0): stated once for a graph, which computes them in float64, and once in plain numbers. */
import type { Tensor } from "../graph/tensor.ts";
import { add, cast, div, less, mul, sub, where } from "../ops/core.ts";
import { pow } from "../ops/elementwise.ts";
import { clip, floor, sin } from "../ops/unary.ts";

export type Decay =
  | { readonly kind: "constant" }
  | { readonly kind: "linear" }
  | { readonly kind: "cosine" }
  | { readonly kind: "polynomial"; readonly power: number }
  | { readonly kind: "cosine-restarts"; readonly cycles: number };

/**
 * A straight rise from `warmupFrom`·peak at step 0 to the peak at step `warmupSteps`, then a decay from the peak at step
 * `decayFrom` to `final`·peak at step `totalSteps`, and constant from there.
 */
export type Schedule = {
  readonly peak: number;
  /** Default 0: no warm-up. */
  readonly warmupSteps?: number;
  /** Fraction of the peak at step 0. Default 1/(warmupSteps + 1). */
  readonly warmupFrom?: number;
  /** Default constant. */
  readonly decay?: Decay;
  /** Default warmupSteps. */
  readonly decayFrom?: number;
  /** Step at which the decay ends. */
  readonly totalSteps?: number;
  /** Fraction of the peak at the end. Default 0. */
  readonly final?: number;
};

/** The numbers that both forms need. */
function facts(schedule: Schedule): {
  readonly warmupSteps: number;
  readonly warmupFrom: number;
  readonly decayFrom: number;
  readonly decaySteps: number;
  readonly final: number;
  readonly decay: Decay;
} {
  const { warmupSteps = 0, decay = { kind: "constant" }, final = 0 } = schedule;
  const { warmupFrom = 1 / (warmupSteps + 1), decayFrom = warmupSteps, totalSteps = decayFrom + 1 } = schedule;
  return { warmupSteps, warmupFrom, decayFrom, decaySteps: Math.max(1, totalSteps - decayFrom), final, decay };
}

/** The learning rate at a step, in plain numbers. */
export function learningRateAt(schedule: Schedule, step: number): number {
  const { warmupSteps, warmupFrom, decayFrom, decaySteps, final, decay } = facts(schedule);
  if (step < warmupSteps) return schedule.peak * (warmupFrom + (1 - warmupFrom) * (step / warmupSteps));
  const progress = Math.min(Math.max((step - decayFrom) / decaySteps, 0), 1);
  return schedule.peak * (final + (1 - final) * shapeAt(decay, progress));
}

/** From 1 at progress 0 to 0 at progress 1. */
function shapeAt(decay: Decay, progress: number): number {
  switch (decay.kind) {
    case "constant":
      return 1;
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
    case "polynomial":
      return (1 - progress) ** decay.power;
    case "cosine-restarts":
      return progress >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * ((decay.cycles * progress) % 1)));
    default:
      return decay satisfies never;
  }
}

/** The learning rate as a node. @param step float64 scalar, from 0. @returns float64 scalar */
export function learningRate(schedule: Schedule, step: Tensor): Tensor {
  const { warmupSteps, warmupFrom, decayFrom, decaySteps, final, decay } = facts(schedule);
  const progress = clip(div(sub(step, decayFrom), decaySteps), 0, 1);
  const decayed = add(mul(shapeOf(decay, progress), 1 - final), final);
  if (warmupSteps === 0) return mul(decayed, schedule.peak);
  const rising = add(mul(div(step, warmupSteps), 1 - warmupFrom), warmupFrom);
  return mul(where(less(step, warmupSteps), rising, decayed), schedule.peak);
}

function shapeOf(decay: Decay, progress: Tensor): Tensor {
  switch (decay.kind) {
    case "constant":
      return progress.graph.constant(1, progress.dtype);
    case "linear":
      return sub(1, progress);
    case "cosine":
      return halfCosine(progress);
    case "polynomial":
      return pow(sub(1, progress), decay.power);
    case "cosine-restarts": {
      const place = mul(progress, decay.cycles);
      return mul(halfCosine(sub(place, floor(place))), cast(less(progress, 1), progress.dtype));
    }
    default:
      return decay satisfies never;
  }
}

/** (1 + cos πx)/2 by way of sin, which ONNX Runtime has in float64. */
function halfCosine(x: Tensor): Tensor {
  return mul(add(sin(mul(sub(0.5, x), Math.PI)), 1), 0.5);
}
