/**
 * Flow matching as openpi samples it: time runs from 1 (noise) to 0 (actions) in equal Euler steps. Everything is rounded as
 * PyTorch rounds it: the sinusoid in float64, the time and the actions in float32.
 */

/** Periods of the time sinusoid, seconds of a unit interval (openpi). */
export type Periods = { readonly min: number; readonly max: number };

export const OPENPI_PERIODS: Periods = { min: 4e-3, max: 4 };

/** The times of `steps` Euler steps: 1, 1 - 1/n, ..., as float64 and before rounding. */
export function stepTimes(steps: number): number[] {
  const dt = -1 / steps;
  return Array.from({ length: steps }, (_, step) => 1 + step * dt);
}

/** [sin(2πt/p), cos(2πt/p)] for periods p spread geometrically: float64[width] of a time rounded to float32. */
export function timeSinusoid(time: number, width: number, periods: Periods = OPENPI_PERIODS): Float64Array {
  const half = width / 2;
  const out = new Float64Array(width);
  const rounded = Math.fround(time);
  for (let i = 0; i < half; i++) {
    const fraction = half === 1 ? 0 : i / (half - 1);
    const period = periods.min * (periods.max / periods.min) ** fraction;
    const angle = (1 / period) * 2 * Math.PI * rounded;
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}

/** float32 sinusoids of several times, one a row. */
export function timeRows(times: readonly number[], width: number, periods: Periods = OPENPI_PERIODS): Float32Array {
  const rows = new Float32Array(times.length * width);
  times.forEach((time, i) => rows.set(timeSinusoid(time, width, periods), i * width));
  return rows;
}

/** x + dt·v in float32. */
export function eulerStep(x: Float32Array, velocity: Float32Array, steps: number): Float32Array {
  const dt = Math.fround(-1 / steps);
  return x.map((value, i) => value + Math.fround(dt * (velocity[i] as number)));
}

/** Changes the loop of `denoise`: real-time chunking. */
export interface Steering {
  /** The noise as the first step should see it; may write into it. */
  begin?(x: Float32Array): void;
  /** What the velocity becomes. */
  guide?(x: Float32Array, velocity: Float32Array, time: number): Float32Array;
  /** After a step; may write into x. */
  after?(x: Float32Array): void;
}

export type Denoised = {
  /** The result, and every x_t before it (x_t[0] is the noise). */
  readonly x: readonly Float32Array[];
  /** Velocities as the model gave them. */
  readonly base: readonly Float32Array[];
  /** Velocities as they were used. */
  readonly used: readonly Float32Array[];
};

/**
 * @param velocity the model at step `index` (time 1 - index/steps)
 * @param noise float32[horizon · width]; left as it was
 */
export async function denoise(
  velocity: (x: Float32Array, index: number) => Promise<Float32Array>,
  noise: Float32Array,
  steps: number,
  steering: Steering = {},
): Promise<Denoised> {
  let x = noise.slice();
  steering.begin?.(x);
  const trace: { x: Float32Array[]; base: Float32Array[]; used: Float32Array[] } = { x: [x], base: [], used: [] };
  for (const [index, time] of stepTimes(steps).entries()) {
    const base = await velocity(x, index);
    const used = steering.guide?.(x, base, time) ?? base;
    x = eulerStep(x, used, steps);
    steering.after?.(x);
    trace.x.push(x);
    trace.base.push(base);
    trace.used.push(used);
  }
  return trace;
}
