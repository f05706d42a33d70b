/**
 * Greedy decoding with kept keys and values. Free: the best of all words, as the reference does it. Constrained: after
 * "Action: " only tokens that stand for actions, and "|" exactly when the chunk is full, so that every answer can be decoded.
 */
import { BiddenError } from "@bidden/runtime";
import type { Graph, Session, TensorData } from "@bidden/tensor";
import { MASKED } from "../../blocks/gemma.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { floats, GEMMA_TURNS, type PiModel, type Prefix } from "../pi0/model.ts";
import type { PiForms } from "../pi0/precision.ts";
import { decodeGraph, headGraph } from "./graphs.ts";

/** Which ids may come next, given those generated; null where any may. */
export type Grammar = (generated: readonly number[]) => ReadonlySet<number> | null;

export type DecodeOptions = {
  readonly maxTokens: number;
  readonly end: number;
  readonly grammar?: Grammar;
  /** The logits of every step, for comparison. */
  readonly observe?: (logits: Float32Array) => void;
};

export type DecoderParts = {
  readonly model: PiModel;
  readonly weights: Weights;
  readonly engine: Engine;
  readonly forms: PiForms;
};

export class FastDecoder {
  readonly #parts: DecoderParts;
  #head: Promise<Session> | null = null;
  #decode: { readonly places: number; readonly session: Promise<Session> } | null = null;

  constructor(parts: DecoderParts) {
    this.#parts = parts;
  }

  /** @returns the generated ids, the end included where it came */
  async decode(prefix: Prefix, options: DecodeOptions): Promise<number[]> {
    const { maxTokens, end, grammar, observe } = options;
    const { model } = this.#parts;
    const { text } = model.dims;
    const places = prefix.places + maxTokens;
    const cache = widened(prefix, places, text.kvHeads, text.headDim);
    const bias = new Float32Array(places).fill(MASKED, prefix.tokens);
    const session = maxTokens > 1 ? await this.#decoder(places) : null;
    const generated: number[] = [];
    let hidden = lastRow(prefix, text.width);
    while (generated.length < maxTokens) {
      const logits = await this.#logits(hidden);
      observe?.(logits);
      const next = best(logits, grammar?.(generated) ?? null);
      generated.push(next);
      if (next === end || generated.length === maxTokens || session === null) break;
      const turns = turnValues([prefix.tokens + generated.length - 1], text.headDim, GEMMA_TURNS);
      const run = await session.run({ embeds: await model.words([next]), bias, ...turns, ...cache });
      const at = prefix.places + generated.length - 1;
      keep(cache, run, at, places, text.headDim);
      bias[at] = 0;
      hidden = floats(run, "hidden");
    }
    return generated;
  }

  async close(): Promise<void> {
    await (await this.#head?.catch(() => null))?.close();
    await (await this.#decode?.session.catch(() => null))?.close();
    this.#head = null;
    this.#decode = null;
  }

  async #logits(hidden: Float32Array): Promise<Float32Array> {
    this.#head ??= this.#open(headGraph(this.#parts.model.dims, this.#parts.forms.netOn));
    return floats(await (await this.#head).run({ hidden }), "logits");
  }

  async #decoder(places: number): Promise<Session> {
    if (this.#decode?.places !== places) {
      await (await this.#decode?.session.catch(() => null))?.close();
      const { model, forms } = this.#parts;
      this.#decode = { places, session: this.#open(decodeGraph(model.dims, places, forms.netOn)) };
    }
    return this.#decode.session;
  }

  #open(graph: Graph): Promise<Session> {
    return this.#parts.weights.open(graph, this.#parts.engine, this.#parts.forms.session);
  }
}

function lastRow({ hidden, tokens }: Prefix, width: number): Float32Array {
  if (hidden === null) throw new BiddenError("internal", "internal: decoding needs the prefix's hidden values");
  return hidden.slice((tokens - 1) * width, tokens * width);
}

/** The id of the largest logit among those allowed; the first of equals. */
function best(logits: Float32Array, allowed: ReadonlySet<number> | null): number {
  let id = -1;
  let value = Number.NEGATIVE_INFINITY;
  for (const candidate of allowed ?? logits.keys()) {
    const logit = logits[candidate] as number;
    if (logit > value) {
      id = candidate;
      value = logit;
    }
  }
  if (id < 0) throw new BiddenError("engine", "The model gave no finite score for any word that may come next.");
  return id;
}

/** Keys and values with room for more: float32[1, kvHeads, places, headDim]. */
function widened(prefix: Prefix, places: number, kvHeads: number, headDim: number): Record<string, Float32Array> {
  const copy = (from: Float32Array): Float32Array => {
    const out = new Float32Array(kvHeads * places * headDim);
    for (let head = 0; head < kvHeads; head++) {
      const rows = from.subarray(head * prefix.places * headDim, (head + 1) * prefix.places * headDim);
      out.set(rows, head * places * headDim);
    }
    return out;
  };
  return Object.fromEntries(Object.entries(prefix.past).map(([name, values]) => [name, copy(values)]));
}

/** Writes a token's own keys and values at their place. */
function keep(
  cache: Readonly<Record<string, Float32Array>>,
  run: Readonly<Record<string, TensorData>>,
  at: number,
  places: number,
  headDim: number,
): void {
  for (const [name, values] of Object.entries(cache)) {
    const own = floats(run, `new.${name}`);
    for (let head = 0; head * headDim < own.length; head++) {
      values.set(own.subarray(head * headDim, (head + 1) * headDim), (head * places + at) * headDim);
    }
  }
}
