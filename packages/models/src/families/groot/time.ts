/** How GR00T tells its head the time: whole buckets, as two sinusoids of different frequencies and order. */

const f32 = Math.fround;
const PERIOD = f32(Math.log(10_000));

/** Buckets of the Euler steps from noise (0) to actions: 0, 250, 500, 750 of 1000. */
export function grootBuckets(steps: number, buckets: number): number[] {
  return Array.from({ length: steps }, (_, step) => Math.trunc((step / steps) * buckets));
}

/** For the action encoder: [sin, cos] at frequencies 10000^(-i/half). float32[width] */
export function actionSinusoid(bucket: number, width: number): Float32Array {
  const half = width / 2;
  const out = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const angle = f32(bucket * f32(Math.exp(f32(-i * f32(PERIOD / half)))));
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}

/** For the adaptive norms (diffusers' Timesteps, flipped, shift 1): [cos, sin] at frequencies 10000^(-i/(half - 1)). */
export function normSinusoid(bucket: number, width: number): Float32Array {
  const half = width / 2;
  const out = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const exponent = f32(f32(-PERIOD * i) / (half - 1));
    const angle = f32(bucket * f32(Math.exp(exponent)));
    out[i] = Math.cos(angle);
    out[half + i] = Math.sin(angle);
  }
  return out;
}
