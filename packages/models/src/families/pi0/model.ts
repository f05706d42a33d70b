/**
 * A π0 or π0.5 model that runs: pictures and words to a prefix, a prefix and noise to actions in the model's own units. Only
 * what is there is computed: absent cameras and padding are left out, which changes nothing because nobody may attend to them.
 */
import { BiddenError, invariant } from "@bidden/runtime";
import type { Graph, Session, TensorData } from "@bidden/tensor";
import {
  embedTime,
  type FlowOptions,
  flowTimes,
  integrateFlow,
  type TimeEmbedding,
} from "../../blocks/flow-matching.ts";
import { MASKED } from "../../blocks/gemma.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { SessionSlot } from "../../checkpoint/session-slot.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import type { Embed } from "../../checkpoint/words.ts";
import type { PiDims } from "./dims.ts";
import { formsOf, type PiForms } from "./precision.ts";
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

/**
 * Lengths are rounded up to this many tokens, and a session that is at most `SLACK` places too long is used as it is: opening
 * another costs more than some padding, and a prompt with the state in it changes its length all the time.
 */
const PLACES = 16;
const SLACK = 64;

/** transformers stores inverse frequencies and multiplies by them. */
export const GEMMA_TURNS = { angle: "multiplied" } as const;

/** The graphs of a model at some length: what weights are bound to. */
export function piGraphs(dims: PiDims, horizon: number, { netOn }: PiForms = formsOf()): readonly Graph[] {
  const shared = [visionGraph(dims, netOn), prefixGraph(dims, PLACES, netOn)];
  if (dims.kind === "pi0_fast") return shared;
  const step = stepGraph(dims, { horizon, prefix: PLACES }, netOn);
  return dims.kind === "pi05" ? [...shared, step, modulationGraph(dims, 1, netOn)] : [...shared, step];
}

export type PiModelParts = {
  readonly dims: PiDims;
  readonly weights: Weights;
  /** Rows of the embedding table, not scaled. */
  readonly embed: Embed;
  readonly engine: Engine;
  readonly horizon: number;
  readonly time: TimeEmbedding;
  /** How matrices are held; float32 when left out. */
  readonly forms?: PiForms;
};

type StepRun = (
  x: Float32Array,
  index: number,
  outputs: readonly string[] | undefined,
) => Promise<Record<string, TensorData>>;

export type StepTrace = { readonly suffix: Float32Array; readonly hidden: Float32Array };

export class PiModel {
  readonly dims: PiDims;
  readonly #parts: PiModelParts;
  readonly #forms: PiForms;
  readonly #vision: SessionSlot = new SessionSlot();
  readonly #prefix: SessionSlot = new SessionSlot();
  readonly #step: SessionSlot = new SessionSlot();
  #places = 0;
  readonly #modulations: Map<number, Promise<Modulations>> = new Map();

  constructor(parts: PiModelParts) {
    this.dims = parts.dims;
    this.#parts = parts;
    this.#forms = parts.forms ?? formsOf();
  }

  /** Side of the pictures, pixels. */
  get imageSide(): number {
    return this.dims.vision.side * this.dims.vision.patch;
  }

  /** One picture float32[3, side, side] in [-1, 1] to float32[patches, width]. */
  async features(pixels: Float32Array): Promise<Float32Array> {
    const session = await this.#vision.get("", () => this.#open(visionGraph(this.dims, this.#forms.netOn)));
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
    const places = this.#placesFor(tokens);
    const past = Array.from({ length: depth }, (_, i) => [`k.${i}`, `v.${i}`]).flat();
    const outputs = options.hidden === true ? [...past, "hidden"] : past;
    const key = `${places} ${outputs.length}`;
    const open = (): Promise<Session> => this.#open(prefixGraph(this.dims, places, this.#forms.netOn), outputs);
    const session = await this.#prefix.get(key, open);
    const padded = new Float32Array(places * width);
    padded.set(embeds);
    const positions = Array.from({ length: places }, (_, i) => Math.min(i, tokens - 1));
    const run = await session.run({
      embeds: padded,
      bias: paddingBias(tokens, places),
      ...turnValues(positions, headDim, GEMMA_TURNS),
    });
    const hidden = options.hidden === true ? floats(run, "hidden").slice(0, tokens * width) : null;
    return { tokens, places, past: Object.fromEntries(past.map((name) => [name, floats(run, name)])), hidden };
  }

  #placesFor(tokens: number): number {
    const spare = this.#places - tokens;
    if (spare < 0 || spare > SLACK) this.#places = Math.ceil(tokens / PLACES) * PLACES;
    return this.#places;
  }

  /** Noise to actions, float32[horizon, actionWidth] in model space. */
  async sample(inputs: SampleInputs, observe?: (trace: StepTrace) => void): Promise<Float32Array> {
    const { noise, steps, flow = {} } = inputs;
    const run = await this.#stepper(inputs);
    const velocity = async (x: Float32Array, index: number): Promise<Float32Array> => {
      const looked = index === 0 && observe !== undefined;
      const out = await run(x, index, looked ? undefined : ["velocity"]);
      if (looked) observe({ suffix: floats(out, "suffix"), hidden: floats(out, "hidden") });
      return floats(out, "velocity");
    };
    return integrateFlow(noise, velocity, { steps, ...flow });
  }

  /** Runs the step graph at step `index`, with everything that does not change prepared. */
  async #stepper(inputs: SampleInputs): Promise<StepRun> {
    const { prefix, steps, state, fixed = 0 } = inputs;
    const { horizon } = this.#parts;
    const expert = expertOf(this.dims);
    const trained = fixed > 0;
    if (trained && this.dims.kind !== "pi05") {
      throw new BiddenError("unsupported", "Trained real-time chunking is for π0.5 models that were trained with it.");
    }
    const options = { horizon, prefix: prefix.places, fixedActions: trained };
    const session = await this.#step.get(`${prefix.places} ${trained}`, () =>
      this.#open(stepGraph(this.dims, options, this.#forms.netOn)),
    );
    const places = this.dims.kind === "pi0" ? horizon + 1 : horizon;
    const positions = Array.from({ length: places }, (_, i) => prefix.tokens + i);
    const shared = {
      ...prefix.past,
      ...turnValues(positions, expert.headDim, GEMMA_TURNS),
      bias: paddingBias(prefix.tokens, prefix.places),
    };
    if (this.dims.kind === "pi0") {
      const padded = new Float32Array(this.dims.actionWidth);
      padded.set(state);
      const rows = this.timeRows(flowTimes(steps));
      const timeOf = (index: number): Float32Array => rows.subarray(index * expert.width, (index + 1) * expert.width);
      return (x, index, outputs) => session.run({ ...shared, x, state: padded, time: timeOf(index) }, outputs);
    }
    const { modulation, size } = await this.modulations(steps);
    const rowOf = (index: number): Float32Array => modulation.subarray(index * size, (index + 1) * size);
    const held = trained ? { fixed: new Uint8Array(horizon).fill(1, 0, fixed), fixedModulation: rowOf(steps) } : {};
    return (x, index, outputs) => session.run({ ...shared, ...held, x, modulation: rowOf(index) }, outputs);
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

  /** Sinusoids of several times, float32[times, width of the expert]; the times are rounded to float32 first. */
  timeRows(times: ArrayLike<number>): Float32Array {
    const { width } = expertOf(this.dims);
    const rows = new Float32Array(times.length * width);
    Array.from(times, (time, i) => rows.set(embedTime(Math.fround(time), width, this.#parts.time), i * width));
    return rows;
  }

  async #computeModulations(steps: number): Promise<Modulations> {
    const times = [...flowTimes(steps), 0];
    const session = await this.#open(modulationGraph(this.dims, times.length, this.#forms.netOn));
    try {
      const run = await session.run({ time: this.timeRows(times) });
      const modulation = floats(run, "modulation");
      return { condition: floats(run, "condition"), modulation, size: modulation.length / times.length };
    } finally {
      await session.close();
    }
  }

  #open(graph: Graph, outputs?: readonly string[]): Promise<Session> {
    const { weights, engine } = this.#parts;
    return weights.open(graph, engine, { ...this.#forms.session, ...(outputs === undefined ? {} : { outputs }) });
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
  /** float32[at most actionWidth], normalised; read by π0 only. */
  readonly state: Float32Array;
  /** Real-time chunking and the trace. */
  readonly flow?: Omit<FlowOptions, "steps">;
  /** Number of first actions whose time is 0 (training-time real-time chunking; π0.5 only). */
  readonly fixed?: number;
};

/** 0 for the places that hold tokens, MASKED for padding. */
export function paddingBias(tokens: number, places: number): Float32Array {
  return new Float32Array(places).fill(MASKED, tokens);
}

export function floats(run: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const data = run[name]?.data;
  invariant(data instanceof Float32Array, `the run gave no float32 "${name}"`);
  return data;
}
