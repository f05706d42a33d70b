/** OpenVLA-OFT as a policy: images, state and a sentence to a chunk of actions in one pass, or one pass a denoising step. */
import { BiddenError, createRng, invariant } from "@bidden/runtime";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
} from "../../checkpoint/family.ts";
import { isAction } from "../openvla/bins.ts";
import { type ImageForm, planesOf, squareImage } from "../openvla/pixels.ts";
import { promptIds, promptOf } from "../openvla/prompt.ts";
import { normalise, notFinite, type Range, rangeOf, unnormalise } from "../openvla/statistics.ts";
import type { OftInputs, OftModel, OftResult } from "./model.ts";
import type { OftFacts } from "./open.ts";

/** Added to every range of values; the reference does so in OFT and not in OpenVLA. */
const SLACK = 1e-8;

export type OftPolicyParts = {
  readonly info: FamilyInfo;
  readonly facts: OftFacts;
  readonly model: OftModel;
  readonly imageForm: ImageForm;
  /** Denoising steps of a diffusion head. */
  readonly steps: number;
};

export class OftPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: OftPolicyParts;

  constructor(parts: OftPolicyParts) {
    this.#parts = parts;
    this.info = parts.info;
  }

  /** `options.noise` is float32[chunk, actionDim]. */
  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const { facts, model, steps } = this.#parts;
    const { statistics, platform } = facts;
    if (options.dataset !== undefined && options.dataset !== statistics.key) {
      throw new BiddenError(
        "bad-argument",
        `The policy was opened with the statistics of "${statistics.key}"; asked for "${options.dataset}". Open it with that data set.`,
        { field: "dataset" },
      );
    }
    const began = performance.now();
    const inputs = this.#inputs(observation);
    const prepared = performance.now();
    const context = await model.context(inputs);
    const seen = performance.now();
    const size = model.sizes.chunk * model.sizes.actionDim;
    const result =
      model.kind === "diffusion"
        ? await model.denoise(context, options.noise ?? noiseOf(options.seed, size), steps)
        : await model.predict(context);
    const warnings = this.#warnings(result);
    return {
      actions: unnormalise(result.actions, rangeOf(statistics.action, platform.bounds), SLACK),
      normalised: result.actions,
      horizon: model.sizes.chunk,
      dim: model.sizes.actionDim,
      stageMs: { preprocess: prepared - began, vision: seen - prepared, language: performance.now() - seen },
      warnings,
      executable: warnings.length === 0,
    };
  }

  reset(): void {
    // Nothing is kept between chunks.
  }

  close(): Promise<void> {
    return this.#parts.model.close();
  }

  #inputs({ images, state, instruction }: FamilyObservation): OftInputs {
    const { facts, model, imageForm } = this.#parts;
    const { config } = model.base;
    const missing = facts.platform.cameras.filter((name) => images[name] === undefined);
    if (missing.length > 0) {
      const came = Object.keys(images).join(", ") || "none";
      throw new BiddenError(
        "embodiment-mismatch",
        `The policy was trained to see ${facts.platform.cameras.join(", ")}; missing: ${missing.join(", ")}; came ${came}.`,
        { field: "cameras", missing },
      );
    }
    if (facts.proprioDim > 0 && state.length !== facts.proprioDim) {
      throw new BiddenError(
        "embodiment-mismatch",
        `The policy reads a state of ${facts.proprioDim} numbers; came ${state.length}.`,
        { field: "state", expected: facts.proprioDim, came: state.length },
      );
    }
    const broken = state.findIndex((value) => !Number.isFinite(value));
    if (facts.proprioDim > 0 && broken >= 0) {
      throw new BiddenError("bad-argument", `The state should be finite; number ${broken} is ${state[broken]}.`, {
        field: "state",
        index: broken,
      });
    }
    return {
      images: facts.platform.cameras.flatMap((name) => {
        const image = images[name];
        if (image === undefined) return [];
        return [planesOf(squareImage(image, config.pixels, imageForm), config.pixels, config.towers.length)];
      }),
      state: facts.proprioDim === 0 ? null : normalise(state, rangeOfState(facts)),
      ids: promptIds(model.tokenizer, promptOf(instruction, config.prompt)),
    };
  }

  #warnings({ ids, actions }: OftResult): string[] {
    const { config } = this.#parts.model.base;
    const strangers = ids.flatMap((id, i) => (isAction(id, config) ? [] : [`id ${id} at ${i}`]));
    return [
      ...(strangers.length === 0 ? [] : [`an id outside the action bins won: ${strangers.join(", ")}`]),
      ...notFinite(actions),
    ];
  }
}

/** The statistics are there and fit: opening refuses a checkpoint otherwise. */
function rangeOfState({ statistics, platform }: OftFacts): Range {
  invariant(statistics.proprio !== null, "a state is read without statistics");
  return rangeOf(statistics.proprio, platform.bounds);
}

function noiseOf(seed: number, size: number): Float32Array {
  const rng = createRng(seed);
  return Float32Array.from({ length: size }, () => rng.normal());
}
