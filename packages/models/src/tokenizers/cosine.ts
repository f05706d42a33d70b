/** The orthonormal cosine transform along time, and its inverse: s_0 = √(1/N), s_k = √(2/N). */

/** X_k = s_k Σ x_n cos(π(2n + 1)k / 2N). @param values [steps, dim] */
export function cosineTransform(values: ArrayLike<number>, steps: number, dim: number): Float64Array {
  const out = new Float64Array(steps * dim);
  const waves = waveTable(steps);
  for (let k = 0; k < steps; k++) {
    for (let n = 0; n < steps; n++) {
      const wave = waves[k * steps + n] as number;
      for (let d = 0; d < dim; d++) {
        out[k * dim + d] = (out[k * dim + d] as number) + wave * (values[n * dim + d] as number);
      }
    }
  }
  return out;
}

/** x_n = Σ s_k X_k cos(π(2n + 1)k / 2N). @param coefficients [steps, dim] */
export function inverseCosineTransform(coefficients: ArrayLike<number>, steps: number, dim: number): Float64Array {
  const out = new Float64Array(steps * dim);
  const waves = waveTable(steps);
  for (let n = 0; n < steps; n++) {
    for (let k = 0; k < steps; k++) {
      const wave = waves[k * steps + n] as number;
      for (let d = 0; d < dim; d++) {
        out[n * dim + d] = (out[n * dim + d] as number) + wave * (coefficients[k * dim + d] as number);
      }
    }
  }
  return out;
}

/** s_k cos(π(2n + 1)k / 2N) at [k, n]. */
function waveTable(steps: number): Float64Array {
  const waves = new Float64Array(steps * steps);
  for (let k = 0; k < steps; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / steps);
    for (let n = 0; n < steps; n++) waves[k * steps + n] = scale * Math.cos((Math.PI * (2 * n + 1) * k) / (2 * steps));
  }
  return waves;
}
