/**
 * DDIM (Song et al. 2021, arXiv:2010.02502) as diffusers runs it for OFT: noise predictions, no noise added, x0 clipped to
 * [-1, 1], "leading" time steps, the last step ends at ᾱ = 1.
 */
import { BiddenError } from "@bidden/runtime";

/** Training steps of the schedule. */
export const TRAIN_STEPS = 50;

/** ᾱ by time step of the squared-cosine schedule (Nichol and Dhariwal 2021, arXiv:2102.09672), in float32 as torch has it. */
export function alphasCumprod(steps: number = TRAIN_STEPS): Float32Array {
  const bar = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const out = new Float32Array(steps);
  let product = 1;
  for (let i = 0; i < steps; i++) {
    const beta = Math.fround(Math.min(1 - bar((i + 1) / steps) / bar(i / steps), 0.999));
    product *= Math.fround(1 - beta);
    out[i] = product;
  }
  return out;
}

/** Time steps from noise to actions. */
export function ddimTimes(count: number, steps: number = TRAIN_STEPS): number[] {
  if (!Number.isSafeInteger(count) || count < 1 || count > steps) {
    throw new BiddenError("bad-argument", `Expected 1 to ${steps} denoising steps; came ${count}.`, { steps: count });
  }
  const ratio = Math.floor(steps / count);
  return Array.from({ length: count }, (_, i) => (count - 1 - i) * ratio);
}

/** One step from time `t`, `gap` training steps long. */
export function ddimStep(
  x: Float32Array,
  noise: Float32Array,
  t: number,
  gap: number,
  alphas: Float32Array,
): Float32Array {
  const alpha = alphas[t] as number;
  const before = t - gap < 0 ? 1 : (alphas[t - gap] as number);
  const [rootAlpha, rootBeta] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
  const [rootBefore, rootRest] = [Math.sqrt(before), Math.sqrt(1 - before)];
  return x.map((value, i) => {
    const eps = noise[i] as number;
    const clean = Math.min(1, Math.max(-1, (value - rootBeta * eps) / rootAlpha));
    return rootBefore * clean + rootRest * eps;
  });
}

/** [sin(t·f), cos(t·f)] with f from 1 down to 1/10000: float32[width]. */
export function timeEmbedding(t: number, width: number): Float32Array {
  const half = width / 2;
  const out = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const exponent = Math.fround(Math.fround(i * -Math.log(10_000)) / (half - 1));
    const angle = Math.fround(t * Math.fround(Math.exp(exponent)));
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}
