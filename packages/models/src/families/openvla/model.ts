/** An OpenVLA model that runs: images and ids to a sequence, a sequence to hidden states, logits and greedily decoded ids. */
import { BiddenError, invariant } from "@bidden/runtime";
import type { Graph, Session, TensorData } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { SessionSlot } from "../../checkpoint/session-slot.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { argMax } from "./bins.ts";
import { type OpenvlaConfig, patchesOf } from "./config.ts";
import { sequenceGraph, tokenGraph, visionGraph } from "./graphs.ts";

/** Sequences are rounded up to this many places, so that one session serves prompts of about the same length. */
const GRAIN = 16;
/** Added to the score of a place that may not be seen: finite, so that no row can become NaN. */
const MASKED = -1e30;

export const plainNet = (graph: Graph): Net => new Net(graph);

export type ModelParts = {
  readonly config: OpenvlaConfig;
  readonly ropeBase: number;
  readonly weights: Weights;
  /** Rows of the embedding table. */
  readonly embed: (ids: ArrayLike<number>) => Promise<Float32Array>;
  readonly engine: Engine;
  /** The vision graph, where it is not the plain one. */
  readonly vision?: Graph;
};

export type Vision = { readonly features: Float32Array; readonly projected: Float32Array };

/** The graphs of a model at some length: what weights are bound to. */
export function openvlaGraphs(config: OpenvlaConfig, vision = visionGraph(config, plainNet)): readonly Graph[] {
  const n = patchesOf(config) + GRAIN;
  return [vision, sequenceGraph(config, { n, read: 1 }, plainNet), tokenGraph(config, n, plainNet)];
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
  readonly #token: SessionSlot = new SessionSlot();

  constructor(parts: ModelParts) {
    this.#parts = parts;
    this.config = parts.config;
  }

  /**
   * One image, float32[3·towers, side, side], to its tokens.
   * @param language float32[width]: what FiLM is conditioned on
   */
  async see(pixels: Float32Array, language?: Float32Array): Promise<Vision> {
    const session = await this.#vision.get("", () =>
      this.#open(this.#parts.vision ?? visionGraph(this.config, plainNet)),
    );
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
    const n = Math.ceil((tokens + spare) / GRAIN) * GRAIN;
    if (tokens + spare > this.config.maxTokens) {
      throw new BiddenError(
        "bad-instruction",
        `The instruction is too long: expected at most ${this.config.maxTokens} tokens with images and actions; came ${tokens + spare}.`,
        { tokens: tokens + spare, limit: this.config.maxTokens },
      );
    }
    const graph = { n, read: read.length, everyone };
    const key = JSON.stringify([graph, outputs]);
    const session = await this.#sequence.get(key, () =>
      this.#open(sequenceGraph(this.config, graph, plainNet), outputs),
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
   * @returns ids, and logits float32[vocabulary] of each step
   */
  async decode(
    embeds: Float32Array,
    count: number,
    stop: number,
  ): Promise<{ readonly ids: number[]; readonly logits: Float32Array[] }> {
    const { layers, width } = this.config.llama;
    const remembered = Array.from({ length: layers }, (_, i) => [`k.${i}`, `v.${i}`]).flat();
    const last = embeds.length / width - 1;
    const outputs = ["logits", ...(count > 1 ? remembered : [])];
    const { tokens, places, values } = await this.run(embeds, { read: [last], spare: count - 1, outputs });
    const logits = [floats(values, "logits")];
    const ids = [argMax(logits[0] as Float32Array)];
    const past = Object.fromEntries(remembered.map((name) => [name, values[name]?.data as Float32Array]));
    for (let at = tokens; ids.length < count && ids.at(-1) !== stop; at++) {
      const next = await this.#next(ids.at(-1) as number, at, places, past);
      logits.push(next);
      ids.push(argMax(next));
    }
    return { ids, logits };
  }

  async close(): Promise<void> {
    await Promise.all([this.#vision.close(), this.#sequence.close(), this.#token.close()]);
  }

  /** Reads the token `id` at place `at`; its keys and values are written into `past`. */
  async #next(id: number, at: number, n: number, past: Record<string, Float32Array>): Promise<Float32Array> {
    const { llama } = this.config;
    const session = await this.#token.get(`${n}`, () => this.#open(tokenGraph(this.config, n, plainNet)));
    const bias = new Float32Array(n + 1).fill(MASKED, at);
    bias[n] = 0;
    const run = await session.run({
      ...past,
      embeds: await this.embed([id]),
      bias,
      ...this.#turns([at], llama.headWidth),
    });
    for (const [name, buffer] of Object.entries(past)) {
      const own = floats(run, `own.${name}`);
      for (let head = 0; head < llama.kvHeads; head++) {
        const row = own.subarray(head * llama.headWidth, (head + 1) * llama.headWidth);
        buffer.set(row, (head * n + at) * llama.headWidth);
      }
    }
    return floats(run, "logits");
  }

  #turns(positions: readonly number[], width: number): { readonly cos: Float32Array; readonly sin: Float32Array } {
    return turnValues(positions, width, { base: this.#parts.ropeBase, angle: "multiplied" });
  }

  #open(graph: Graph, outputs?: readonly string[]): Promise<Session> {
    const { weights, engine } = this.#parts;
    return weights.open(graph, engine, outputs === undefined ? {} : { outputs });
  }
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
  return joined([prompt.subarray(0, width), ...images, prompt.subarray(width)]);
}

export function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
