/** GR00T as a policy: images and an instruction are read once, a chunk of actions is denoised in a few steps. */
import { BiddenError, createRng } from "@bidden/runtime";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
} from "../../checkpoint/family.ts";
import { verdictOf } from "../../checkpoint/verdict.ts";
import type { TextTokenizer } from "../../tokenizers/tokenizer.ts";
import type { GrootEmbodiment } from "./checkpoint.ts";
import { grootPixels, grootView } from "./pixels.ts";
import { grootPrompt } from "./prompt.ts";
import type { GrootRunner } from "./runner.ts";
import { grootActions, grootState } from "./statistics.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/**
 * Tokens of a prompt beside those of images. The checkpoint says no limit; instructions have a few dozen, and memory grows with
 * the square of what is read.
 */
const MOST_WORDS = 1024;

export type GrootPolicyParts = {
  readonly info: FamilyInfo;
  readonly runner: GrootRunner;
  readonly embodiment: GrootEmbodiment;
  readonly tokenizer: TextTokenizer;
};

export class GrootPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: GrootPolicyParts;

  constructor(parts: GrootPolicyParts) {
    this.info = parts.info;
    this.#parts = parts;
  }

  /** @param options noise: float32[horizon, padded action], as the head takes it */
  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const { runner, embodiment } = this.#parts;
    const { config } = runner;
    const began = performance.now();
    const images = embodiment.cameras.map((name) => grootView(observation.images[name], name, config.side));
    const state = this.#state(observation.state);
    const ids = this.#prompt(observation.instruction, images.length);
    const prepared = performance.now();
    const { tokens } = await runner.see(joinRows(images.map(grootPixels)));
    const seen = performance.now();
    const context = await runner.read(await runner.embed(ids, tokens));
    const read = performance.now();
    const denoised = await runner.denoise(context, state, this.#noise(options));
    const { normalised, actions, dim } = grootActions(embodiment.action, denoised, config.actionDim);
    return {
      actions,
      normalised,
      horizon: config.horizon,
      dim,
      stageMs: {
        preprocess: prepared - began,
        vision: seen - prepared,
        language: read - seen,
        denoise: performance.now() - read,
      },
      ...verdictOf(actions),
    };
  }

  reset(): void {
    // Nothing is kept from one prediction to the next.
  }

  close(): Promise<void> {
    return this.#parts.runner.close();
  }

  #prompt(instruction: string, views: number): number[] {
    const { runner, tokenizer } = this.#parts;
    const perView = runner.config.vision.side ** 2;
    const ids = tokenizer.encode(grootPrompt(instruction, views, perView));
    const words = ids.length - views * perView;
    if (words <= MOST_WORDS) return ids;
    throw new BiddenError(
      "bad-instruction",
      `The policy reads prompts of at most ${MOST_WORDS} tokens beside those of images; this one has ${words}. Say it more briefly.`,
      { expected: MOST_WORDS, came: words },
    );
  }

  #state(values: Float32Array): Float32Array {
    const { dim } = this.info.state;
    if (values.length !== dim || !values.every(Number.isFinite)) {
      const came = values.length === dim ? "a value that is not finite" : `${values.length}`;
      throw new BiddenError("bad-argument", `The policy reads ${dim} finite numbers of state; came ${came}.`, {
        field: "state",
        expected: dim,
        came,
      });
    }
    return grootState(this.#parts.embodiment.state, values, this.#parts.runner.config.stateDim);
  }

  #noise({ seed, noise }: PredictOptions): Float32Array {
    const { horizon, actionDim } = this.#parts.runner.config;
    const wanted = horizon * actionDim;
    if (noise !== undefined && noise.length !== wanted) {
      throw new BiddenError(
        "bad-argument",
        `Expected ${wanted} numbers of noise (${horizon}x${actionDim}); came ${noise.length}.`,
        {
          field: "noise",
          expected: wanted,
          came: noise.length,
        },
      );
    }
    const rng = createRng(seed);
    return noise ?? Float32Array.from({ length: wanted }, () => rng.normal());
  }
}
