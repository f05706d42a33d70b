/** ACT's sine positions. Computed in float32 step by step, as the reference does: later layers see the rounding. */

const f32 = Math.fround;
const TEMPERATURE = 10_000;

/**
 * Positions of the VAE encoder's tokens (Vaswani et al. 2017, arXiv:1706.03762, section 3.5), computed in float64.
 * @returns float32[count, width]
 */
export function linePositions(count: number, width: number): Float32Array {
  const out = new Float32Array(count * width);
  for (let position = 0; position < count; position++) {
    for (let j = 0; j < width; j++) {
      const angle = position / TEMPERATURE ** ((2 * Math.floor(j / 2)) / width);
      out[position * width + j] = j % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return out;
}

/**
 * Positions of image places: half of the features for the row, half for the column, each a length in (0, 2π].
 * @returns float32[height·width, features], row by row
 */
export function placePositions(height: number, width: number, features: number): Float32Array {
  const half = features / 2;
  const rows = axisPositions(height, half);
  const columns = axisPositions(width, half);
  const out = new Float32Array(height * width * features);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * features;
      out.set(rows.subarray(y * half, (y + 1) * half), at);
      out.set(columns.subarray(x * half, (x + 1) * half), at + half);
    }
  }
  return out;
}

/** float32[length, features]: sine and cosine in turn of (i + 1)/length·2π at falling frequencies. */
function axisPositions(length: number, features: number): Float32Array {
  const out = new Float32Array(length * features);
  for (let i = 0; i < length; i++) {
    const share = f32(f32((i + 1) / f32(length + f32(1e-6))) * f32(2 * Math.PI));
    for (let j = 0; j < features; j++) {
      const exponent = f32((2 * Math.floor(j / 2)) / features);
      const angle = f32(share / f32(TEMPERATURE ** exponent));
      out[i * features + j] = j % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return out;
}
