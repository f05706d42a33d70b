/** A SmolVLA checkpoint as a policy: an observation in the robot's units to a chunk of actions in the robot's units. */
import { BiddenError, createRng } from "@bidden/runtime";
import { holdPrefix, PrefixGuide, type PrefixSchedule } from "../../blocks/rtc.ts";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
  RealTimeChunking,
} from "../../checkpoint/family.ts";
import { ACTION, STATE } from "../lerobot/features.ts";
import type { Normalisations } from "../lerobot/normalise.ts";
import { ALOHA_DIM, alohaActions, alohaState } from "./aloha.ts";
import type { SmolVlaConfig } from "./config.ts";
import type { SmolVlaEngine } from "./engine.ts";
import { imageSlots, padded, promptOf } from "./inputs.ts";
import { layOut, type PrefixLayout } from "./prefix.ts";

/** What SmolVLA needs of a tokenizer. */
export interface Words {
  /** Ids of a text, in which nothing becomes a special token. */
  encode(text: string): readonly number[];
  /** Id of a special token; undefined where there is none of that name. */
  idOf(token: string): number | undefined;
}

export type SmolVlaParts = {
  readonly engine: SmolVlaEngine;
  readonly normalisations: Normalisations;
  readonly words: Words;
};

export class SmolVlaPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: SmolVlaParts;
  readonly #steps: number;

  constructor(info: FamilyInfo, parts: SmolVlaParts, steps: number) {
    this.info = info;
    this.#parts = parts;
    this.#steps = steps;
  }

  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const { engine, normalisations } = this.#parts;
    const { config } = engine;
    const began = performance.now();
    const images = imageSlots(config, observation.images);
    const state = prepareState({ config, normalisations }, observation.state);
    const layout = layOutWords(
      this.#parts,
      images.map((image) => image !== null),
      observation.instruction,
    );
    const prepared = performance.now();
    const memory = await engine.read({ images, layout, state });
    const read = performance.now();
    const x = await engine.act(memory, this.#noise(options), {
      steps: this.#steps,
      ...steering(config, options.realTime),
    });
    const normalised = modelActions(config, x);
    const actions = restoreActions(this.#parts, normalised);
    const acted = performance.now();
    return {
      actions,
      normalised,
      horizon: config.chunk,
      dim: config.actionDim,
      stageMs: {
        preprocess: prepared - began,
        ...memory.stageMs,
        prefix: read - prepared - sum(memory.stageMs),
        denoise: acted - read,
      },
      warnings: [],
      executable: actions.every(Number.isFinite),
    };
  }

  /** Nothing is kept from one prediction to the next. */
  reset(): void {}

  close(): Promise<void> {
    return this.#parts.engine.close();
  }

  /** float32[chunk, actionWidth]. */
  #noise({ noise, seed }: PredictOptions): Float32Array {
    const { chunk, actionWidth } = this.#parts.engine.config;
    const count = chunk * actionWidth;
    if (noise === undefined) {
      const rng = createRng(seed);
      return Float32Array.from({ length: count }, () => rng.normal());
    }
    if (noise.length === count) return noise;
    throw new BiddenError(
      "bad-argument",
      `The policy's noise has ${chunk} rows of ${actionWidth} numbers; came ${noise.length}.`,
      { expected: count, came: noise.length },
    );
  }
}

function sum(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

/** Normalised, in π's joints where the checkpoint wants them, and padded: float32[stateWidth]. */
export function prepareState(
  { config, normalisations }: Pick<SmolVlaParts, "normalisations"> & { readonly config: SmolVlaConfig },
  state: Float32Array,
): Float32Array {
  const { stateDim, stateWidth, aloha } = config;
  if (state.length !== stateDim || !state.every(Number.isFinite)) {
    const came = state.length === stateDim ? "a value that is not finite" : `${state.length}`;
    throw new BiddenError("bad-argument", `The policy reads ${stateDim} finite numbers of state; came ${came}.`, {
      field: "state",
      expected: stateDim,
      came,
    });
  }
  const normalised = normalisations.inputs.get(STATE)?.normalise(state) ?? state;
  return padded(aloha ? alohaState(normalised) : normalised, stateWidth);
}

/** The prefix for an instruction of a person. */
export function layOutWords(
  { engine, words }: SmolVlaParts,
  images: readonly boolean[],
  instruction: string,
): PrefixLayout {
  const { maxTokens } = engine.config;
  const ids = words.encode(promptOf(instruction));
  if (ids.length > maxTokens) {
    throw new BiddenError(
      "bad-instruction",
      `The policy reads instructions of at most ${maxTokens} tokens; this one has ${ids.length}. Say it more briefly.`,
      { expected: maxTokens, came: ids.length },
    );
  }
  return layOut(engine.config, {
    images,
    tokens: ids,
    tokenMask: ids.map(() => 1),
    ...imageMarks(engine.config, words),
  });
}

/** Special tokens around an image, where the checkpoint wants them. */
export function imageMarks(
  config: SmolVlaConfig,
  words: Words,
): { readonly imageStart: readonly number[]; readonly imageEnd: readonly number[] } {
  if (!config.imageSpecialTokens) return { imageStart: [], imageEnd: [] };
  const [fake, global] = ["<fake_token_around_image>", "<global-img>"].map((token) => {
    const id = words.idOf(token);
    if (id !== undefined) return id;
    throw new BiddenError(
      "bad-checkpoint",
      `config.json says add_image_special_tokens, but the tokenizer has no token "${token}": is it this VLM's?`,
      { token },
    );
  }) as [number, number];
  return { imageStart: [fake, global], imageEnd: [fake] };
}

/** The robot's dimensions of x, float32[chunk, actionWidth], in the network's units: float32[chunk, actionDim]. */
export function modelActions(config: SmolVlaConfig, x: Float32Array): Float32Array {
  const { chunk, actionDim, actionWidth, aloha } = config;
  const out = new Float32Array(chunk * actionDim);
  for (let row = 0; row < chunk; row++) {
    out.set(x.subarray(row * actionWidth, row * actionWidth + actionDim), row * actionDim);
  }
  return aloha ? alohaActions(out) : out;
}

/** float32[n, actionDim] in the robot's units. */
export function restoreActions({ normalisations }: SmolVlaParts, actions: Float32Array): Float32Array {
  return normalisations.action.restore(actions);
}

const schedules: Readonly<Record<RealTimeChunking["schedule"], PrefixSchedule>> = {
  linear: "LINEAR",
  exp: "EXP",
  ones: "ONES",
  zeros: "ZEROS",
};

/** How a chunk under way steers the next. */
function steering(config: SmolVlaConfig, realTime: RealTimeChunking | undefined): Parameters<SmolVlaEngine["act"]>[2] {
  if (realTime === undefined) return {};
  const { chunk, actionWidth, actionDim } = config;
  const { delay, executionHorizon, maxGuidanceWeight } = realTime;
  const leftover = { values: realTime.previous, dim: actionDim };
  switch (realTime.mode) {
    case "guided": {
      const options = { leftover, delay, executionHorizon, schedule: schedules[realTime.schedule], maxGuidanceWeight };
      return { guide: new PrefixGuide(options, chunk, actionWidth) };
    }
    case "trained":
      return { held: { count: delay, hold: holdPrefix(leftover, delay, chunk, actionWidth) } };
    default:
      return realTime.mode satisfies never;
  }
}

/** Checks what `adapt_to_pi_aloha` takes for granted. */
export function checkAloha(config: SmolVlaConfig): void {
  if (!config.aloha || (config.stateDim === ALOHA_DIM && config.actionDim === ALOHA_DIM)) return;
  throw new BiddenError(
    "bad-checkpoint",
    `config.json says adapt_to_pi_aloha, which is for ${ALOHA_DIM} joints; "${STATE}" has ${config.stateDim} and "${ACTION}" ${config.actionDim}.`,
    { field: "adapt_to_pi_aloha" },
  );
}
