/**
 * Denoising diffusion as `diffusers` samples it: DDPM (Ho et al. 2020, arXiv:2006.11239) and DDIM with η = 0 (Song et al. 2021,
 * arXiv:2010.02502). Coefficients and samples are rounded to float32, as there.
 */
import { BiddenError } from "@bidden/runtime";

const f32 = Math.fround;

export type NoiseScheduleConfig = {
  readonly kind: "DDPM" | "DDIM";
  readonly trainSteps: number;
  readonly betas: "squaredcos_cap_v2" | "linear" | "scaled_linear";
  readonly betaStart: number;
  readonly betaEnd: number;
  /** What the network predicts: the noise, or the clean sample. */
  readonly prediction: "epsilon" | "sample";
  /** Clean samples are held within ±range; null: not at all. */
  readonly clip: number | null;
};

export class NoiseSchedule {
  readonly config: NoiseScheduleConfig;
  /** float32[trainSteps] */
  readonly betas: Float32Array;
  /** ᾱ: float32[trainSteps], products of 1 - β. */
  readonly alphasCumulative: Float32Array;

  constructor(config: NoiseScheduleConfig) {
    this.config = config;
    this.betas = betasOf(config);
    let product = 1;
    this.alphasCumulative = this.betas.map((beta) => (product *= f32(1 - beta)));
  }

  /** Times of `steps` steps, the noisiest first: whole numbers that are "leading" (multiples of trainSteps / steps, down to 0). */
  times(steps: number): number[] {
    const { trainSteps } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > trainSteps) {
      throw new BiddenError("bad-argument", `Expected 1 to ${trainSteps} denoising steps; came ${steps}.`, { steps });
    }
    const stride = Math.floor(trainSteps / steps);
    return Array.from({ length: steps }, (_, i) => (steps - 1 - i) * stride);
  }

  /** Whether a step draws noise: DDPM does, but not at the last. */
  draws(time: number): boolean {
    return this.config.kind === "DDPM" && time > 0;
  }

  /**
   * One step from `time` to `before` (the next of `times`; -1 after the last).
   * @param sample noisy sample at `time`
   * @param output what the network says of it
   * @param noise standard normal, where `draws(time)`
   */
  step(
    sample: Float32Array,
    output: Float32Array,
    time: number,
    before: number,
    noise: Float32Array | null,
  ): Float32Array {
    const at = this.#alpha(time);
    const next = this.#alpha(before);
    return this.config.kind === "DDIM"
      ? this.#ddim(sample, output, at, next)
      : this.#ddpm(sample, output, at, next, time > 0 ? noise : null);
  }

  /** √ᾱ and √(1 - ᾱ) at a time: what a clean sample and its noise are mixed with in training. */
  mixture(time: number): { readonly clean: number; readonly noise: number } {
    const alpha = this.#alpha(time);
    return { clean: root(alpha), noise: root(f32(1 - alpha)) };
  }

  #alpha(time: number): number {
    return time < 0 ? 1 : (this.alphasCumulative[time] as number);
  }

  /** The clean sample that the output speaks of, before clipping. */
  #clean(x: number, output: number, alpha: number): number {
    if (this.config.prediction === "sample") return output;
    return f32(x - f32(root(f32(1 - alpha)) * output)) / root(alpha);
  }

  #clip(clean: number): number {
    const { clip } = this.config;
    return f32(clip === null ? clean : Math.min(Math.max(clean, -clip), clip));
  }

  /** The direction keeps the network's own noise where the clean sample was clipped. */
  #ddim(sample: Float32Array, output: Float32Array, at: number, next: number): Float32Array {
    const { prediction } = this.config;
    const [keep, turn] = [root(next), root(f32(1 - next))];
    return sample.map((x, i) => {
      const said = output[i] as number;
      const clean = this.#clip(this.#clean(x, said, at));
      const noise = prediction === "epsilon" ? said : f32(f32(x - f32(root(at) * said)) / root(f32(1 - at)));
      return f32(keep * clean) + f32(turn * noise);
    });
  }

  /** Equation 7, with the variance β̃ ("fixed_small"). */
  #ddpm(
    sample: Float32Array,
    output: Float32Array,
    at: number,
    next: number,
    noise: Float32Array | null,
  ): Float32Array {
    const [rest, restNext] = [f32(1 - at), f32(1 - next)];
    const alpha = f32(at / next);
    const beta = f32(1 - alpha);
    const ofClean = f32(f32(root(next) * beta) / rest);
    const ofSample = f32(f32(root(alpha) * restNext) / rest);
    const deviation = root(Math.max(f32(f32(restNext / rest) * beta), 1e-20));
    return sample.map((x, i) => {
      const clean = this.#clip(this.#clean(x, output[i] as number, at));
      const mean = f32(f32(ofClean * clean) + f32(ofSample * x));
      return noise === null ? mean : mean + f32(deviation * (noise[i] as number));
    });
  }
}

function root(value: number): number {
  return f32(Math.sqrt(value));
}

function betasOf({ betas, trainSteps, betaStart, betaEnd }: NoiseScheduleConfig): Float32Array {
  const even = (start: number, end: number, i: number): number =>
    trainSteps === 1 ? start : start + ((end - start) * i) / (trainSteps - 1);
  return Float32Array.from({ length: trainSteps }, (_, i) => {
    switch (betas) {
      case "squaredcos_cap_v2":
        // Nichol & Dhariwal 2021, arXiv:2102.09672, equation 17.
        return Math.min(1 - squaredCosine((i + 1) / trainSteps) / squaredCosine(i / trainSteps), 0.999);
      case "linear":
        return even(betaStart, betaEnd, i);
      case "scaled_linear":
        return f32(even(Math.sqrt(betaStart), Math.sqrt(betaEnd), i)) ** 2;
      default:
        return betas satisfies never;
    }
  });
}

function squaredCosine(share: number): number {
  return Math.cos((((share + 0.008) / 1.008) * Math.PI) / 2) ** 2;
}
