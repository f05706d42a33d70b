/** Diffusion Policy as a policy: it looks at the last observations, and denoises a chunk of actions from noise. */
import { BiddenError, createRng } from "@bidden/runtime";
import type { Session } from "@bidden/tensor";
import { NoiseSchedule } from "../../blocks/noise-schedule.ts";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
} from "../../checkpoint/family.ts";
import { verdictOf } from "../../checkpoint/verdict.ts";
import type { Normalisations } from "../lerobot/normalise.ts";
import { type Seen, seeObservation } from "../lerobot/observe.ts";
import { ActionQueue } from "../lerobot/steps.ts";
import type { DiffusionConfig } from "./config.ts";
import { stepSinusoid } from "./model.ts";
import { denoise } from "./sample.ts";
import { joinRows } from "../../checkpoint/floats.ts";

export type DiffusionParts = {
  readonly info: FamilyInfo;
  readonly config: DiffusionConfig;
  readonly normalisations: Normalisations;
  /** Encodes one observation. */
  readonly frames: Session;
  readonly unet: Session;
};

/** An observation of the history; encoded when it is first needed. */
type Frame = { readonly seen: Seen; condition: Float32Array | null };

export class DiffusionPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: DiffusionParts;
  readonly #schedule: NoiseSchedule;
  readonly #queue: ActionQueue;
  #history: Frame[] = [];

  constructor(parts: DiffusionParts) {
    this.info = parts.info;
    this.#parts = parts;
    this.#schedule = new NoiseSchedule(parts.config.schedule);
    this.#queue = new ActionQueue(parts.config.actionSteps, parts.config.actionDim);
  }

  /** Hands over the observation of a control step in which nothing is predicted; the next prediction looks back at it. */
  observe(observation: FamilyObservation): void {
    const { config, normalisations } = this.#parts;
    const frame: Frame = { seen: seeObservation(observation, config, normalisations), condition: null };
    // An episode's first observation stands for those before it.
    if (this.#history.length === 0) this.#history = Array.from({ length: config.observations }, () => frame);
    else this.#history = [...this.#history.slice(1), frame];
  }

  /** @param options noise: float32[horizon, actionDim], then as much for every step that draws some (DDPM) */
  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const began = performance.now();
    this.observe(observation);
    const prepared = performance.now();
    const condition = joinRows(await this.#conditions());
    const encoded = performance.now();
    const denoised = await this.#denoise(condition, options);
    const { config, normalisations } = this.#parts;
    const start = (config.observations - 1) * config.actionDim;
    const normalised = denoised.slice(start, start + config.actionSteps * config.actionDim);
    const actions = normalisations.action.restore(normalised);
    return {
      actions,
      normalised,
      horizon: config.actionSteps,
      dim: config.actionDim,
      stageMs: { preprocess: prepared - began, encode: encoded - prepared, denoise: performance.now() - encoded },
      ...verdictOf(actions),
    };
  }

  /**
   * One action a control step, as LeRobot's `select_action`.
   * @returns float32[actionDim] in the checkpoint's units
   */
  async select(observation: FamilyObservation, options: PredictOptions): Promise<Float32Array> {
    if (this.#queue.empty) this.#queue.fill((await this.predict(observation, options)).actions);
    else this.observe(observation);
    return this.#queue.next();
  }

  reset(): void {
    this.#history = [];
    this.#queue.reset();
  }

  async close(): Promise<void> {
    await this.#parts.frames.close();
    await this.#parts.unet.close();
  }

  async #conditions(): Promise<Float32Array[]> {
    const { config, frames } = this.#parts;
    const conditions: Float32Array[] = [];
    for (const frame of this.#history) {
      frame.condition ??= (await frames.run(frameFeeds(config, [frame.seen]), ["condition"])).condition
        ?.data as Float32Array;
      conditions.push(frame.condition);
    }
    return conditions;
  }

  #denoise(condition: Float32Array, { seed, noise }: PredictOptions): Promise<Float32Array> {
    const { config, unet } = this.#parts;
    const size = config.horizon * config.actionDim;
    const times = this.#schedule.times(config.steps);
    const drawn = times.filter((time) => this.#schedule.draws(time)).length;
    const wanted = size * (1 + drawn);
    if (noise !== undefined && noise.length !== wanted) {
      throw new BiddenError(
        "bad-argument",
        `Expected ${wanted} numbers of noise, for the beginning and ${drawn} steps of ${config.horizon}x${config.actionDim}; came ${noise.length}.`,
        { field: "noise", expected: wanted, came: noise.length },
      );
    }
    const rng = createRng(seed);
    const given = noise ?? Float32Array.from({ length: wanted }, () => rng.normal());
    const part = (i: number): Float32Array => given.slice(i * size, (i + 1) * size);
    return denoise(
      this.#schedule,
      config.steps,
      part(0),
      (step) => part(step + 1),
      async (x, time) => {
        const step = stepSinusoid(time, config.stepWidth);
        return (await unet.run({ x, step, condition }, ["model_output"])).model_output?.data as Float32Array;
      },
    );
  }
}

/** Observations as the frame graph's inputs. */
export function frameFeeds(config: DiffusionConfig, rows: readonly Seen[]): Record<string, Float32Array> {
  const image = (i: number): Float32Array => joinRows(rows.map((row) => row.images[i] as Float32Array));
  return {
    ...Object.fromEntries(config.cameras.map((_, i) => [`image.${i}`, image(i)])),
    state: joinRows(rows.map((row) => row.state)),
    ...(config.environmentDim > 0 ? { environment: joinRows(rows.map((row) => row.environment)) } : {}),
  };
}
