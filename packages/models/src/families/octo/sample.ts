/**
 * How Octo's diffusion head draws actions. Unlike `blocks/noise-schedule.ts` the noise of a step is z·√β (not the posterior's
 * deviation), every step is held within ±5, clean actions are not, and dimensions that an embodiment lacks are set to the noise
 * that training showed in their place.
 */
const f32 = Math.fround;

export type OctoSchedule = { readonly betas: Float32Array; readonly alphaHats: Float32Array };

/** The cosine schedule of Nichol & Dhariwal (arXiv:2102.09672) over `steps` steps, rounded as JAX rounds it. */
export function octoSchedule(steps: number, shift = 0.008): OctoSchedule {
  const cumulative = Array.from({ length: steps + 1 }, (_, t) => {
    const share = f32(f32(f32(f32(t / steps) + f32(shift)) / f32(1 + shift)) * f32(Math.PI));
    return f32(f32(Math.cos(f32(share * 0.5))) ** 2);
  });
  const first = cumulative[0] as number;
  const relative = cumulative.map((value) => f32(value / first));
  const betas = Float32Array.from({ length: steps }, (_, t) => {
    const beta = f32(1 - f32((relative[t + 1] as number) / (relative[t] as number)));
    return Math.min(Math.max(beta, 0), 0.999);
  });
  let product = 1;
  const alphaHats = betas.map((beta) => (product = f32(product * f32(1 - beta))));
  return { betas, alphaHats };
}

export type OctoSampleOptions = {
  /** Numbers in an action, and how many of them the embodiment has. */
  readonly actionDim: number;
  readonly usedDim: number;
  /** Largest magnitude of a normalised action. */
  readonly maxAction?: number;
};

/**
 * @param noise what to begin with
 * @param draw standard normal numbers for a step: one is drawn even at time 0, for the masked dimensions
 * @param network the noise that it sees in actions at a time
 */
export async function sampleOcto(
  schedule: OctoSchedule,
  noise: Float32Array,
  draw: (step: number) => Float32Array,
  network: (x: Float32Array, time: number) => Promise<Float32Array>,
  options: OctoSampleOptions,
): Promise<Float32Array> {
  const { actionDim, usedDim, maxAction = 5 } = options;
  const { betas, alphaHats } = schedule;
  let x = noise;
  for (let step = 0; step < betas.length; step++) {
    const time = betas.length - 1 - step;
    const [beta, hat] = [betas[time] as number, alphaHats[time] as number];
    const alpha = f32(1 - beta);
    const rest = f32(Math.sqrt(f32(1 - hat)));
    const scale = f32(1 / f32(Math.sqrt(alpha)));
    const share = f32(f32(1 - alpha) / rest);
    const deviation = time > 0 ? f32(Math.sqrt(beta)) : 0;
    const seen = await network(x, time);
    const z = draw(step);
    x = x.map((value, i) => {
      const fresh = z[i] as number;
      if (i % actionDim >= usedDim) return rest * fresh;
      const mean = f32(scale * f32(value - f32(share * (seen[i] as number))));
      return Math.min(Math.max(f32(mean + f32(deviation * fresh)), -maxAction), maxAction);
    });
  }
  return x;
}
