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
  return [sequenceGraph(config, { n: patchesOf(config), read: 1 }, netOn), furtherGraph(config, netOn)];
}

export type SequenceOptions = {
  /** Places whose hidden state and logits are asked for. */
  readonly read: readonly number[];
  /** Every token sees every other (OFT); otherwise those before it. */
  readonly everyone?: boolean;
  /** Outputs of the graph. */
  readonly outputs: readonly string[];
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
    const session = await this.#eyes();
    const run = await session.run({ pixels, ...(language === undefined ? {} : { language }) });
    return { features: floats(run, "features"), projected: floats(run, "projected") };
  }

  embed(ids: ArrayLike<number>): Promise<Float32Array> {
    return this.#parts.embed(ids);
  }

  /**
   * A whole sequence at once.
   * @param embeds float32[tokens, width]
   * @returns the outputs asked for, with rows for the places that the sequence was padded to
   */
  async run(embeds: Float32Array, options: SequenceOptions): Promise<Readonly<Record<string, TensorData>>> {
    const { width, headWidth } = this.config.llama;
    const { read, everyone = false, outputs } = options;
    const tokens = embeds.length / width;
    this.#checkLength(tokens);
    const { grain } = this.#parts.form;
    const n = Math.ceil(tokens / grain) * grain;
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
    return session.run({
      embeds: padded,
      mask: maskOf(tokens, n, everyone),
      ...this.#turns(
        Array.from({ length: n }, (_, i) => i),
        headWidth,
      ),
      ...chosen,
    });
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
    const tokens = embeds.length / this.config.llama.width;
    this.#checkLength(tokens + count - 1);
    const memory = this.#emptyMemory(tokens + count - 1);
    const logits = [await this.#read(embeds, 0, memory)];
    const sequenceMs = performance.now() - began;
    const ids = [argMax(logits[0] as Float32Array)];
    for (let at = tokens; ids.length < count && ids.at(-1) !== stop; at++) {
      const next = await this.#read(await this.embed([ids.at(-1) as number]), at, memory);
      logits.push(next);
      ids.push(argMax(next));
    }
    return { ids, logits, sequenceMs };
  }

  /**
   * Opens what `decode` will read with, while the image is looked at: with rearranged matrices that takes seconds. An engine
   * opens one after the other, so that looking must be able to begin.
   */
  async prepare(): Promise<void> {
    await this.#eyes();
    await this.#reader();
  }

  async close(): Promise<void> {
    await Promise.all([this.#vision.close(), this.#sequence.close(), this.#further.close()]);
  }

  #emptyMemory(places: number): Memory {
    const { layers, kvHeads, headWidth } = this.config.llama;
    const shape = [1, kvHeads, places, headWidth];
    const names = Array.from({ length: layers }, (_, i) => [`k.${i}`, `v.${i}`]).flat();
    const empty = (): MemoryTensor => ({
      dtype: "float32",
      shape,
      data: new Float32Array(kvHeads * places * headWidth),
    });
    return { places, past: Object.fromEntries(names.map((name) => [name, empty()])) };
  }

  /** Reads tokens from place `at` on, and remembers their keys and values. @returns logits after the last */
  async #read(embeds: Float32Array, at: number, { places, past }: Memory): Promise<Float32Array> {
    const { width, kvHeads, headWidth } = this.config.llama;
    const session = await this.#reader();
    const rows = embeds.length / width;
    const run = await session.run({
      ...past,
      embeds,
      bias: { dtype: "float32", shape: [1, 1, rows, places + rows], data: furtherBias(at, places, rows) },
      read: BigInt64Array.of(BigInt(rows - 1)),
      ...this.#turns(
        Array.from({ length: rows }, (_, i) => at + i),
        headWidth,
      ),
    });
    for (const [name, { data }] of Object.entries(past)) {
      const own = floats(run, `own.${name}`);
      for (let head = 0; head < kvHeads; head++) {
        const made = own.subarray(head * rows * headWidth, (head + 1) * rows * headWidth);
        data.set(made, (head * places + at) * headWidth);
      }
    }
    return floats(run, "logits");
  }

  #eyes(): Promise<Session> {
    return this.#vision.get("", () => this.#open(this.#parts.vision));
  }

  /** What reads tokens after others. */
  #reader(): Promise<Session> {
    return this.#further.get("", () => this.#open(furtherGraph(this.config, this.#parts.form.netOn)));
  }

  /** Refuses a sequence that is longer than any the model reads. */
  #checkLength(tokens: number): void {
    const { maxTokens } = this.config;
    if (tokens <= maxTokens) return;
    throw new BiddenError(
      "bad-instruction",
      `The instruction is too long: expected at most ${maxTokens} tokens with images and actions; came ${tokens}.`,
      { tokens, limit: maxTokens },
    );
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

type MemoryTensor = TensorData & { readonly data: Float32Array };

/** Keys and values of the places that were read: float32[1, kvHeads, places, headWidth] by input of the graph. */
type Memory = { readonly places: number; readonly past: Readonly<Record<string, MemoryTensor>> };

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
