/**
 * A π0 or π0.5 model that runs: pictures and words to a prefix, a prefix and noise to actions in the model's own units. Only
 * what is there is computed: absent cameras and padding are left out, which changes nothing because nobody may attend to them.
 */
import { BiddenError, invariant } from "@bidden/runtime";
import { Graph, type Session, type TensorData } from "@bidden/tensor";
import { MASKED, rotaryTables } from "../../blocks/gemma.ts";
import { Net } from "../../blocks/net.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import type { PiDims } from "./dims.ts";
import { type Denoised, denoise, type Periods, type Steering, stepTimes, timeRows } from "./flow.ts";
import { expertOf, modulationGraph, prefixGraph, stepGraph, visionGraph } from "./graphs.ts";

/** Keys and values of a prefix, by the names of the step graph's inputs. */
export type Prefix = {
  /** Tokens that are there, and places including padding. */
  readonly tokens: number;
  readonly places: number;
  readonly past: Readonly<Record<string, Float32Array>>;
  /** float32[tokens, width] after the last norm; only where it was asked for. */
  readonly hidden: Float32Array | null;
};

/** Lengths are rounded up to this many tokens, so that one session serves prompts of about the same length. */
const PLACES = 16;

export const plainNet = (graph: Graph): Net => new Net(graph);

/** The graphs of a model at some length: what weights are bound to. */
export function piGraphs(dims: PiDims, horizon: number, netOn = plainNet): readonly Graph[] {
  const shared = [visionGraph(dims, netOn), prefixGraph(dims, PLACES, netOn)];
  if (dims.kind === "pi0_fast") return shared;
  const step = stepGraph(dims, { horizon, prefix: PLACES }, netOn);
  return dims.kind === "pi05" ? [...shared, step, modulationGraph(dims, 1, netOn)] : [...shared, step];
}

/** One session that is replaced when another key is asked for: at most one copy of its weights. */
class Slot {
  #key = "";
  #session: Promise<Session> | null = null;

  async get(key: string, open: () => Promise<Session>): Promise<Session> {
    if (this.#session === null || this.#key !== key) {
      await this.close();
      this.#key = key;
      this.#session = open();
      this.#session.catch(() => {
        this.#session = null;
      });
    }
    return this.#session;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await (await session?.catch(() => null))?.close();
  }
}

export type PiModelParts = {
  readonly dims: PiDims;
  readonly weights: Weights;
  /** Rows of the embedding table, not scaled. */
  readonly embed: (ids: ArrayLike<number>) => Promise<Float32Array>;
  readonly engine: Engine;
  readonly horizon: number;
  readonly periods: Periods;
};

export type StepTrace = { readonly suffix: Float32Array; readonly hidden: Float32Array };

export class PiModel {
  readonly dims: PiDims;
  readonly #parts: PiModelParts;
  readonly #vision: Slot = new Slot();
  readonly #prefix: Slot = new Slot();
  readonly #step: Slot = new Slot();
  readonly #modulations: Map<number, Promise<Modulations>> = new Map();

  constructor(parts: PiModelParts) {
    this.dims = parts.dims;
    this.#parts = parts;
  }

  /** Side of the pictures, pixels. */
  get imageSide(): number {
    return this.dims.vision.side * this.dims.vision.patch;
  }

  /** One picture float32[3, side, side] in [-1, 1] to float32[patches, width]. */
  async features(pixels: Float32Array): Promise<Float32Array> {
    const session = await this.#vision.get("", () => this.#open(visionGraph(this.dims, plainNet)));
    return floats(await session.run({ pixels }), "features");
  }

  /** Words to float32[ids, width]: Gemma multiplies them by the root of the width, which pictures are not. */
  async words(ids: ArrayLike<number>): Promise<Float32Array> {
    const rows = await this.#parts.embed(ids);
    const scale = Math.fround(Math.sqrt(this.dims.text.width));
    return rows.map((value) => value * scale);
  }

  /** Runs the prefix over its tokens, float32[tokens, width] of pictures and words. */
  async prefix(embeds: Float32Array, options: { readonly hidden?: boolean } = {}): Promise<Prefix> {
    const { width, headDim, depth } = this.dims.text;
    const tokens = embeds.length / width;
    const places = Math.ceil(tokens / PLACES) * PLACES;
    const past = Array.from({ length: depth }, (_, i) => [`k.${i}`, `v.${i}`]).flat();
    const outputs = options.hidden === true ? [...past, "hidden"] : past;
    const key = `${places} ${outputs.length}`;
    const open = (): Promise<Session> => this.#open(prefixGraph(this.dims, places, plainNet), outputs);
    const session = await this.#prefix.get(key, open);
    const padded = new Float32Array(places * width);
    padded.set(embeds);
    const positions = Array.from({ length: places }, (_, i) => Math.min(i, tokens - 1));
    const run = await session.run({
      embeds: padded,
      bias: paddingBias(tokens, places),
      ...rotaryTables(positions, headDim),
    });
    const hidden = options.hidden === true ? floats(run, "hidden").slice(0, tokens * width) : null;
    return { tokens, places, past: Object.fromEntries(past.map((name) => [name, floats(run, name)])), hidden };
  }

  /**
   * Noise to actions, float32[horizon, actionWidth] in model space.
   * @param state float32[actionWidth], normalised and padded; read by π0 only
   * @param fixed number of first actions whose time is 0 (training-time real-time chunking; π0.5 only)
   */
  async sample(inputs: SampleInputs, observe?: (trace: StepTrace) => void): Promise<Denoised> {
    const { noise, steps, steering = {} } = inputs;
    const step = await this.stepper(inputs);
    return denoise(
      async (x, index) => {
        const run = await step(x, index, index === 0 && observe !== undefined);
        if (index === 0) observe?.({ suffix: floats(run, "suffix"), hidden: floats(run, "hidden") });
        return floats(run, "velocity");
      },
      noise,
      steps,
      steering,
    );
  }

  /** The velocity at each step of a sampling, with everything that does not change prepared. */
  async stepper(
    inputs: SampleInputs,
  ): Promise<(x: Float32Array, index: number, all?: boolean) => Promise<Record<string, TensorData>>> {
    const { prefix, steps, state, fixed = 0 } = inputs;
    const { dims } = this;
    const { horizon, periods } = this.#parts;
    const { width, headDim } = expertOf(dims);
    const options = { horizon, prefix: prefix.places, fixedActions: fixed > 0 };
    if (fixed > 0 && dims.kind !== "pi05") {
      throw new BiddenError("unsupported", "Trained real-time chunking is for π0.5 models that were trained with it.");
    }
    const key = `${prefix.places} ${fixed > 0}`;
    const session = await this.#step.get(key, () => this.#open(stepGraph(dims, options, plainNet)));
    const places = dims.kind === "pi0" ? horizon + 1 : horizon;
    const positions = Array.from({ length: places }, (_, i) => prefix.tokens + i);
    const shared = {
      ...prefix.past,
      ...rotaryTables(positions, headDim),
      bias: paddingBias(prefix.tokens, prefix.places),
    };
    const times = stepTimes(steps);
    if (dims.kind === "pi0") {
      const rows = timeRows(times, width, periods);
      const padded = new Float32Array(dims.actionWidth);
      padded.set(state);
      return (x, index, all) =>
        session.run(
          { ...shared, x, state: padded, time: rows.subarray(index * width, (index + 1) * width) },
          all === true ? undefined : ["velocity"],
        );
    }
    const { modulation, size } = await this.modulations(steps);
    const held = fixed === 0 ? {} : { fixed: firstActions(fixed, horizon), fixedModulation: await this.#atZero(steps) };
    return (x, index, all) =>
      session.run(
        { ...shared, ...held, x, modulation: modulation.subarray(index * size, (index + 1) * size) },
        all === true ? undefined : ["velocity"],
      );
  }

  /** π0.5: condition and modulations of every step, and one more row for time 0; computed once for a step count. */
  modulations(steps: number): Promise<Modulations> {
    const known = this.#modulations.get(steps);
    if (known !== undefined) return known;
    const made = this.#computeModulations(steps);
    this.#modulations.set(steps, made);
    made.catch(() => this.#modulations.delete(steps));
    return made;
  }

  async close(): Promise<void> {
    await Promise.all([this.#vision.close(), this.#prefix.close(), this.#step.close()]);
  }

  async #atZero(steps: number): Promise<Float32Array> {
    const { modulation, size } = await this.modulations(steps);
    return modulation.subarray(steps * size, (steps + 1) * size);
  }

  async #computeModulations(steps: number): Promise<Modulations> {
    const { width } = expertOf(this.dims);
    const times = [...stepTimes(steps), 0];
    const session = await this.#open(modulationGraph(this.dims, times.length, plainNet));
    try {
      const run = await session.run({ time: timeRows(times, width, this.#parts.periods) });
      const modulation = floats(run, "modulation");
      return { condition: floats(run, "condition"), modulation, size: modulation.length / times.length };
    } finally {
      await session.close();
    }
  }

  #open(graph: Graph, outputs?: readonly string[]): Promise<Session> {
    const { weights, engine } = this.#parts;
    return weights.open(graph, engine, outputs === undefined ? {} : { outputs });
  }
}

export type Modulations = {
  /** float32[steps + 1, width]; the last row is time 0. */
  readonly condition: Float32Array;
  /** float32[steps + 1, norms, 3, width]. */
  readonly modulation: Float32Array;
  /** Numbers in one row of `modulation`. */
  readonly size: number;
};

export type SampleInputs = {
  readonly prefix: Prefix;
  readonly noise: Float32Array;
  readonly steps: number;
  readonly state: Float32Array;
  readonly steering?: Steering;
  readonly fixed?: number;
};

/** 0 for the places that hold tokens, MASKED for padding. */
export function paddingBias(tokens: number, places: number): Float32Array {
  return new Float32Array(places).fill(MASKED, tokens);
}

function firstActions(count: number, horizon: number): Uint8Array {
  return new Uint8Array(horizon).fill(1, 0, count);
}

export function floats(run: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const data = run[name]?.data;
  invariant(data instanceof Float32Array, `the run gave no float32 "${name}"`);
  return data;
}
