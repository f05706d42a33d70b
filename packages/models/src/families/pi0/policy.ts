/** π0 and π0.5 as a policy: an observation in, a chunk of actions out. */
import { BiddenError, createRng } from "@bidden/runtime";
import type { FlowOptions } from "../../blocks/flow-matching.ts";
import { holdPrefix, PrefixGuide, type PrefixSchedule } from "../../blocks/rtc.ts";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
  RealTimeChunking,
} from "../../checkpoint/family.ts";
import { verdictOf } from "../../checkpoint/verdict.ts";
import type { PiConfig } from "./config.ts";
import type { PiModel } from "./model.ts";
import { promptText } from "./prompt.ts";
import type { Scaling } from "./scaling.ts";
import { piPixels, presentImages } from "./see.ts";
import { type PiWords, promptIds } from "./words.ts";

export type PiParts = {
  readonly info: FamilyInfo;
  readonly config: PiConfig;
  readonly model: PiModel;
  readonly scaling: Scaling;
  readonly words: PiWords;
};

export class PiPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: PiParts;

  constructor(parts: PiParts) {
    this.info = parts.info;
    this.#parts = parts;
  }

  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const { config, model, scaling } = this.#parts;
    const began = performance.now();
    const read = readObservation(observation, this.#parts);
    const prepared = performance.now();
    const embeds = await embedPrefix(model, read.pixels, read.ids);
    const seen = performance.now();
    const prefix = await model.prefix(embeds);
    const understood = performance.now();
    const shape = { horizon: config.horizon, width: model.dims.actionWidth };
    const noise = noiseOf(options, shape.horizon * shape.width);
    const { flow, fixed } = steering(options.realTime, config, shape);
    const x = await model.sample({ prefix, noise, steps: config.steps, state: read.state, flow, fixed });
    const normalised = cutWidth(x, shape.width, config.actionDim);
    const actions = scaling.actionsOut(normalised);
    return {
      actions,
      normalised,
      horizon: config.horizon,
      dim: config.actionDim,
      stageMs: {
        preprocess: prepared - began,
        vision: seen - prepared,
        prefix: understood - seen,
        steps: performance.now() - understood,
      },
      ...verdictOf(actions, untrained(options.realTime, config)),
    };
  }

  reset(): void {
    // Nothing is kept from one prediction to the next.
  }

  close(): Promise<void> {
    return this.#parts.model.close();
  }
}

export type ReadObservation = {
  readonly pixels: readonly Float32Array[];
  readonly state: Float32Array;
  readonly text: string;
  readonly ids: readonly number[];
};

/** What the network reads of an observation, checked. */
export function readObservation(
  observation: FamilyObservation,
  { config, model, scaling, words }: Omit<PiParts, "info">,
): ReadObservation {
  const { state: raw } = observation;
  if (raw.length !== config.stateDim || !raw.every(Number.isFinite)) {
    const came = raw.length === config.stateDim ? "a value that is not finite" : `${raw.length}`;
    throw new BiddenError(
      "bad-argument",
      `The policy reads ${config.stateDim} finite numbers of state; came ${came}.`,
      {
        field: "state",
        expected: config.stateDim,
        came,
      },
    );
  }
  const state = scaling.stateIn(raw);
  const text = promptText(observation.instruction, state, config.prompt);
  const present = presentImages(observation.images, config.cameras);
  return {
    pixels: present.map(({ image }) => piPixels(image, model.imageSide)),
    state,
    text,
    ids: promptIds(words, text, config.maxTokens),
  };
}

/** Pictures, then words: float32[tokens, width]. Absent cameras take no place. */
export async function embedPrefix(
  model: PiModel,
  pixels: readonly Float32Array[],
  ids: readonly number[],
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const picture of pixels) parts.push(await model.features(picture));
  parts.push(await model.words(ids));
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function noiseOf({ noise, seed }: PredictOptions, length: number): Float32Array {
  if (noise === undefined) {
    const rng = createRng(seed);
    return Float32Array.from({ length }, () => rng.normal());
  }
  if (noise.length === length) return noise;
  throw new BiddenError("bad-argument", `Expected ${length} numbers of noise; came ${noise.length}.`, {
    expected: length,
    came: noise.length,
  });
}

const SCHEDULES: Readonly<Record<RealTimeChunking["schedule"], PrefixSchedule>> = {
  linear: "LINEAR",
  exp: "EXP",
  ones: "ONES",
  zeros: "ZEROS",
};

/** Holding actions takes a model that was trained to go on after them: others break off where the held ones end. */
function untrained(realTime: RealTimeChunking | undefined, { trainedDelay }: PiConfig): string[] {
  if (realTime?.mode !== "trained" || realTime.delay <= trainedDelay) return [];
  const trained = trainedDelay === 0 ? "no delay" : `delays of at most ${trainedDelay} steps`;
  return [`The checkpoint says that it was trained for ${trained}; held are ${realTime.delay} actions.`];
}

/** How a chunk under way steers the next one. */
export function steering(
  realTime: RealTimeChunking | undefined,
  { actionDim }: PiConfig,
  { horizon, width }: { readonly horizon: number; readonly width: number },
): { readonly flow: Omit<FlowOptions, "steps">; readonly fixed: number } {
  if (realTime === undefined) return { flow: {}, fixed: 0 };
  const { mode, previous, delay, executionHorizon, schedule, maxGuidanceWeight } = realTime;
  const leftover = { values: previous, dim: actionDim };
  switch (mode) {
    case "trained":
      return { flow: { hold: delay === 0 ? null : holdPrefix(leftover, delay, horizon, width) }, fixed: delay };
    case "guided": {
      const rtc = { leftover, delay, executionHorizon, schedule: SCHEDULES[schedule], maxGuidanceWeight };
      return { flow: { guide: new PrefixGuide(rtc, horizon, width) }, fixed: 0 };
    }
    default:
      return mode satisfies never;
  }
}

/** The first `kept` numbers of every row of `width`. */
export function cutWidth(values: Float32Array, width: number, kept: number): Float32Array {
  const rows = values.length / width;
  const out = new Float32Array(rows * kept);
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * width, row * width + kept), row * kept);
  return out;
}
