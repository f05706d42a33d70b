/**
 * Sampling of a flow-matching action head as openpi and LeRobot do it: time runs from 1 (noise) to 0 (actions) in equal Euler
 * steps along a velocity. The loop stands in TypeScript so that real-time chunking can steer every step.
 */
import type { Rng } from "@bidden/runtime";
import type { PrefixGuide } from "./rtc.ts";

/** What a sampling loop leaves behind for inspection; row 0 of `x` is the noise, the last row the result. */
export type FlowTrace = {
  readonly x: Float32Array[];
  /** Velocity of the network, before guidance. */
  readonly v: Float32Array[];
  readonly guided: Float32Array[];
};

export type FlowOptions = {
  readonly steps: number;
  /** Steers every step towards the actions that are still to be executed. */
  readonly guide?: PrefixGuide | null;
  /** Writes what must stay as it is into the noise and into the result of every step (trained real-time chunking). */
  readonly hold?: ((x: Float32Array) => void) | null;
  readonly trace?: FlowTrace;
};

/** Times of the steps: 1 + i·(-1/steps) in double precision, then float32, and not a sum of steps. */
export function flowTimes(steps: number): Float64Array {
  const dt = -1 / steps;
  return Float64Array.from({ length: steps }, (_, i) => 1 + i * dt);
}

/**
 * A time to train at, 0 to 1, near 1 more often: Beta(1.5, 1), as π0 draws it (arXiv:2410.24164, appendix B), by the inverse of its
 * distribution t^1.5. Time 1 is the noise here; who counts from the noise takes 1 less this.
 */
export function drawFlowTime(rng: Rng): number {
  return rng.uniform() ** (1 / 1.5);
}

/**
 * From noise to actions.
 * @param noise float32[horizon·dim]; not changed
 * @param velocity of x at a step
 */
export async function integrateFlow(
  noise: Float32Array,
  velocity: (x: Float32Array, step: number) => Promise<Float32Array>,
  options: FlowOptions,
): Promise<Float32Array> {
  const { steps, guide = null, hold = null, trace } = options;
  const dt = Math.fround(-1 / steps);
  const times = flowTimes(steps);
  let x: Float32Array = noise.slice();
  hold?.(x);
  trace?.x.push(x.slice());
  for (let step = 0; step < steps; step++) {
    const v = await velocity(x, step);
    const guided = guide === null ? v : guide.steer(x, v, times[step] as number);
    trace?.v.push(v.slice());
    trace?.guided.push(guided.slice());
    x = x.map((value, i) => value + Math.fround(dt * (guided[i] as number)));
    hold?.(x);
    trace?.x.push(x.slice());
  }
  return x;
}

export type TimeEmbedding = { readonly minPeriod: number; readonly maxPeriod: number };

/**
 * Sines, then cosines, of 2πt/period for periods that grow geometrically (openpi's create_sinusoidal_pos_embedding), in double
 * precision: float64[width].
 */
export function embedTime(time: number, width: number, { minPeriod, maxPeriod }: TimeEmbedding): Float64Array {
  const half = width / 2;
  const out = new Float64Array(width);
  for (let i = 0; i < half; i++) {
    const fraction = half === 1 ? 0 : i / (half - 1);
    const period = minPeriod * (maxPeriod / minPeriod) ** fraction;
    const angle = (1 / period) * 2 * Math.PI * time;
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}
