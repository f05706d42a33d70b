/** An OpenVLA model that runs: images and ids to a sequence, a sequence to hidden states, logits and greedily decoded ids. */
import { BiddenError, invariant } from "@bidden/runtime";
import type { Graph, Session, TensorData } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { SessionSlot } from "../../checkpoint/session-slot.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import type { Embed } from "../../checkpoint/words.ts";
import { argMax } from "./bins.ts";
import { type OpenvlaConfig, patchesOf } from "./config.ts";
import { furtherGraph, sequenceGraph } from "./graphs.ts";
import type { MatrixForms } from "./precision.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** Shortest length that graphs are bound at. */
const GRAIN = 16;
/** Added to the score of a place that may not be seen: finite, so that no row can become NaN. */
const MASKED = -1e30;

/** Matrices in float32. */
export const plainNet = (graph: Graph): Net => new Net(graph);

export type ModelParts = {
  readonly config: OpenvlaConfig;
  readonly ropeBase: number;
  readonly weights: Weights;
  /** Rows of the embedding table. */
  readonly embed: Embed;
  readonly engine: Engine;
  /** How matrices are held. */
  readonly form: MatrixForms;
  readonly vision: Graph;
};

export type Vision = { readonly features: Float32Array; readonly projected: Float32Array };

/** The graphs of a model at some length: what weights are bound to. */
export function openvlaGraphs(config: OpenvlaConfig, { netOn }: MatrixForms): readonly Graph[] {
  const n = patchesOf(config) + GRAIN;
  return [sequenceGraph(config, { n, read: 1 }, netOn), furtherGraph(config, { n, rows: 1 }, netOn)];
}

export type SequenceOptions = {
  /** Places whose hidden state and logits are asked for. */
  readonly read: readonly number[];
  /** Every token sees every other (OFT); otherwise those before it. */
  readonly everyone?: boolean;
  /** Free places at the end, for tokens that are decoded afterwards. */
  readonly spare?: number;
  /** Outputs of the graph. */
  readonly outputs: readonly string[];
};

/** A sequence that was run: its places, and what was asked for. */
export type Sequence = {
  readonly tokens: number;
  readonly places: number;
  readonly values: Readonly<Record<string, TensorData>>;
};

export class OpenvlaModel {
  readonly config: OpenvlaConfig;
  readonly #parts: ModelParts;
  readonly #vision: SessionSlot = new SessionSlot();
  readonly #sequence: SessionSlot = new SessionSlot();
  readonly #further: SessionSlot = new SessionSlot();

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.config = parts.config;
  }

  /**
   * One image, float32[3·towers, side, side], to its tokens.
   * @param language float32[width]: what FiLM is conditioned on
   */
  async see(pixels: Float32Array, language?: Float32Array): Promise<Vision> {
    const session = await this.#vision.get("", () => this.#open(this.#parts.vision));
    const run = await session.run({ pixels, ...(language === undefined ? {} : { language }) });
    return { features: floats(run, "features"), projected: floats(run, "projected") };
  }

  embed(ids: ArrayLike<number>): Promise<Float32Array> {
    return this.#parts.embed(ids);
  }

  /** @param embeds float32[tokens, width] */
  async run(embeds: Float32Array, options: SequenceOptions): Promise<Sequence> {
    const { width, headWidth } = this.config.llama;
    const { read, everyone = false, spare = 0, outputs } = options;
    const tokens = embeds.length / width;
    const n = this.#places(tokens, spare);
    const graph = { n, read: read.length, everyone };
    const key = JSON.stringify([graph, outputs]);
    const session = await this.#sequence.get(key, () =>
      this.#open(sequenceGraph(this.config, graph, this.#parts.form.netOn), outputs),
    );
    const padded = new Float32Array(n * width);
    padded.set(embeds);
    // A graph whose chosen outputs need no places does not ask for them.
    const chosen = session.inputs.some(({ name }) => name === "places")
      ? { places: BigInt64Array.from(read, BigInt) }
      : {};
    const values = await session.run({
      embeds: padded,
      mask: maskOf(tokens, n, everyone),
      ...this.#turns(
        Array.from({ length: n }, (_, i) => i),
        headWidth,
      ),
      ...chosen,
    });
    return { tokens, places: n, values };
  }

  /**
   * Greedy decoding: the sequence, then one token after another against what was remembered.
   * @param count ids to decode; fewer come back where `stop` is decoded
   * @returns ids, logits float32[vocabulary] of each step, and how long the sequence took
   */
  async decode(
    embeds: Float32Array,
    count: number,
    stop: number,
  ): Promise<{ readonly ids: number[]; readonly logits: Float32Array[]; readonly sequenceMs: number }> {
    const began = performance.now();
    const memory = await this.#begin(embeds, count - 1);
    const sequenceMs = performance.now() - began;
    const logits = [memory.logits];
    const ids = [argMax(memory.logits)];
    for (let at = memory.tokens; ids.length < count && ids.at(-1) !== stop; at++) {
      const next = await this.#read(await this.embed([ids.at(-1) as number]), at, memory);
      logits.push(next);
      ids.push(argMax(next));
    }
    return { ids, logits, sequenceMs };
  }

  /**
   * Opens what `decode` will read with, while the image is looked at: with rearranged matrices that takes seconds.
   * @param tokens of the sequence @param count ids to decode
   */
  async prepare(tokens: number, count: number): Promise<void> {
    const places = this.#places(tokens, count - 1);
    if (this.#parts.form.rows > 1) await this.#reader(places);
  }

  async close(): Promise<void> {
    await Promise.all([this.#vision.close(), this.#sequence.close(), this.#further.close()]);
  }

  /**
   * Reads a whole sequence and remembers it. Matrices that the engine rearranges for itself are held once only: then the graph
   * that reads further tokens reads the sequence too, some rows at a time.
   * @param spare tokens that will follow
   */
  async #begin(embeds: Float32Array, spare: number): Promise<Memory & { readonly logits: Float32Array }> {
    const { layers, width, kvHeads, headWidth } = this.config.llama;
    const names = Array.from({ length: layers }, (_, i) => [`k.${i}`, `v.${i}`]).flat();
    const last = embeds.length / width - 1;
    if (this.#parts.form.rows === 1) {
      const outputs = ["logits", ...(spare > 0 ? names : [])];
      const { tokens, places, values } = await this.run(embeds, { read: [last], spare, outputs });
      const past = Object.fromEntries(names.map((name) => [name, values[name]?.data as Float32Array]));
      return { tokens, places, past, logits: floats(values, "logits") };
    }
    const tokens = embeds.length / width;
    const places = this.#places(tokens, spare);
    const empty = (): Float32Array => new Float32Array(kvHeads * places * headWidth);
    const memory: Memory = { tokens, places, past: Object.fromEntries(names.map((name) => [name, empty()])) };
    const step = this.#parts.form.rows * width;
    let logits = new Float32Array(0);
    for (let at = 0; at < embeds.length; at += step) {
      logits = (await this.#read(embeds.subarray(at, at + step), at / width, memory)) as Float32Array<ArrayBuffer>;
    }
    return { ...memory, logits };
  }

  /** Reads tokens, at most as many as the graph has rows, from place `at` on; their keys and values are remembered. */
  async #read(embeds: Float32Array, at: number, { places, past }: Memory): Promise<Float32Array> {
    const { width, kvHeads, headWidth } = this.config.llama;
    const { rows } = this.#parts.form;
    const session = await this.#reader(places);
    const count = embeds.length / width;
    const padded = new Float32Array(rows * width);
    padded.set(embeds);
    const run = await session.run({
      ...past,
      embeds: padded,
      bias: furtherBias(at, places, rows),
      places: BigInt64Array.of(BigInt(count - 1)),
      ...this.#turns(
        Array.from({ length: rows }, (_, i) => at + i),
        headWidth,
      ),
    });
    for (const [name, buffer] of Object.entries(past)) {
      const own = floats(run, `own.${name}`);
      for (let head = 0; head < kvHeads; head++) {
        const made = own.subarray(head * rows * headWidth, (head * rows + count) * headWidth);
        buffer.set(made, (head * places + at) * headWidth);
      }
    }
    return floats(run, "logits");
  }

  /** What reads tokens after others. */
  #reader(places: number): Promise<Session> {
    const { rows, netOn } = this.#parts.form;
    return this.#further.get(`${places}`, () => this.#open(furtherGraph(this.config, { n: places, rows }, netOn)));
  }

  /** Places of a sequence, spare ones included; refused where the model reads no such length. */
  #places(tokens: number, spare: number): number {
    if (tokens + spare > this.config.maxTokens) {
      throw new BiddenError(
        "bad-instruction",
        `The instruction is too long: expected at most ${this.config.maxTokens} tokens with images and actions; came ${tokens + spare}.`,
        { tokens: tokens + spare, limit: this.config.maxTokens },
      );
    }
    return Math.ceil((tokens + spare) / this.#parts.form.grain) * this.#parts.form.grain;
  }

  #turns(positions: readonly number[], width: number): { readonly cos: Float32Array; readonly sin: Float32Array } {
    return turnValues(positions, width, { base: this.#parts.ropeBase, angle: "multiplied" });
  }

  #open(graph: Graph, outputs?: readonly string[]): Promise<Session> {
    const { weights, engine } = this.#parts;
    const prepack = this.#parts.form.prepack ? { prepack: true } : {};
    return weights.open(graph, engine, { ...prepack, ...(outputs === undefined ? {} : { outputs }) });
  }
}

/** A sequence that was read: keys and values of its tokens, and of those that follow. */
type Memory = {
  readonly tokens: number;
  readonly places: number;
  /** float32[1, kvHeads, places, headWidth] by input of the graph. */
  readonly past: Readonly<Record<string, Float32Array>>;
};

/** A row sees the places before `at`, and of its own rows those up to itself. */
function furtherBias(at: number, places: number, rows: number): Float32Array {
  const width = places + rows;
  const bias = new Float32Array(rows * width).fill(MASKED);
  for (let row = 0; row < rows; row++) {
    bias.fill(0, row * width, row * width + at);
    bias.fill(0, row * width + places, row * width + places + row + 1);
  }
  return bias;
}

/** Which places may be seen: all that are tokens, or those up to the row's own. */
function maskOf(tokens: number, n: number, everyone: boolean): Uint8Array {
  if (everyone) return new Uint8Array(n).fill(1, 0, tokens);
  const mask = new Uint8Array(n * n);
  for (let row = 0; row < n; row++) mask.fill(1, row * n, row * n + row + 1);
  return mask;
}

export function floats(run: Readonly<Record<string, TensorData>>, name: string): Float32Array {
  const data = run[name]?.data;
  invariant(data instanceof Float32Array, `the run gave no float32 "${name}"`);
  return data;
}

/** The beginning-of-text token, what stands after it (images, state, time), then the rest of the prompt. */
export function withImages(prompt: Float32Array, width: number, images: readonly Float32Array[]): Float32Array {
  return joinRows([prompt.subarray(0, width), ...images, prompt.subarray(width)]);
}
