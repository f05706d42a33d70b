/** An OpenVLA-OFT model that runs: images, state and ids to one sequence that everyone in it sees, and a chunk out of it. */
import { BiddenError } from "@bidden/runtime";
import type { Graph, Session } from "@bidden/tensor";
import { SessionSlot } from "../../checkpoint/session-slot.ts";
import { argMax, valueOfId } from "../openvla/bins.ts";
import { floats, type OpenvlaModel, withImages } from "../openvla/model.ts";
import type { PromptTokenizer } from "../openvla/prompt.ts";
import { alphasCumprod, ddimStep, ddimTimes, timeEmbedding, TRAIN_STEPS } from "./ddim.ts";
import type { HeadKind } from "./graphs.ts";
import { joinRows } from "../../checkpoint/floats.ts";

export type OftGraphs = {
  readonly head: Graph | null;
  readonly proprio: Graph | null;
  readonly noisy: Graph | null;
};

export type OftSizes = { readonly chunk: number; readonly actionDim: number };

export type OftModelParts = {
  readonly base: OpenvlaModel;
  readonly tokenizer: PromptTokenizer;
  readonly kind: HeadKind;
  readonly film: boolean;
  readonly sizes: OftSizes;
  readonly graphs: OftGraphs;
  readonly openGraph: (graph: Graph) => Promise<Session>;
};

export type OftInputs = {
  /** By camera: float32[3·towers, side, side]. */
  readonly images: readonly Float32Array[];
  /** float32[proprio], normalised; null for a policy that reads no state. */
  readonly state: Float32Array | null;
  /** Ids of the prompt with the last "▁". */
  readonly ids: readonly number[];
};

/** The sequence without a diffusion step's parts. */
export type OftContext = {
  /** float32[width]: mean of the prompt's embeddings with the stop token; what FiLM is conditioned on. */
  readonly language: Float32Array;
  /** float32[images · patches, sum of the towers' widths]. */
  readonly features: Float32Array;
  /** Tokens between the first and the rest of the prompt: images, then state. */
  readonly between: readonly Float32Array[];
  /** float32[ids + 1, width]: the prompt's embeddings and the stop token's. */
  readonly prompt: Float32Array;
};

export type OftResult = {
  /** float32[chunk, actionDim], model units. */
  readonly actions: Float32Array;
  /** float32[chunk · actionDim, width] of the (last) pass. */
  readonly hidden: Float32Array | null;
  /** Ids, where actions are decoded from them. */
  readonly ids: readonly number[];
  /** Every noise prediction of a diffusion. */
  readonly noises: readonly Float32Array[];
};

export class OftModel {
  readonly base: OpenvlaModel;
  readonly tokenizer: PromptTokenizer;
  readonly kind: HeadKind;
  readonly sizes: OftSizes;
  readonly #parts: OftModelParts;
  readonly #slots: Readonly<Record<keyof OftGraphs, SessionSlot>> = {
    head: new SessionSlot(),
    proprio: new SessionSlot(),
    noisy: new SessionSlot(),
  };

  constructor(parts: OftModelParts) {
    this.#parts = parts;
    this.base = parts.base;
    this.tokenizer = parts.tokenizer;
    this.kind = parts.kind;
    this.sizes = parts.sizes;
  }

  async context({ images, state, ids }: OftInputs): Promise<OftContext> {
    const prompt = await this.base.embed([...ids, this.tokenizer.eos]);
    const language = meanRow(prompt, this.base.config.llama.width);
    const seen = [];
    for (const image of images) seen.push(await this.base.see(image, this.#parts.film ? language : undefined));
    const tokens = state === null ? [] : [await this.#project("proprio", state)];
    return {
      language,
      features: joinRows(seen.map(({ features }) => features)),
      between: [...seen.map(({ projected }) => projected), ...tokens],
      prompt,
    };
  }

  /**
   * The whole sequence: [first | images | state | time | rest of the prompt | a place for every number | stop].
   * @param places float32[chunk·actionDim, width] at the places of actions: zeros, or noisy actions
   */
  sequence({ between, prompt }: OftContext, places: Float32Array, time: Float32Array | null): Float32Array {
    const { width } = this.base.config.llama;
    const end = prompt.length - width;
    const text = joinRows([prompt.subarray(0, end), places, prompt.subarray(end)]);
    return withImages(text, width, time === null ? between : [...between, time]);
  }

  /** One chunk by regression or by decoding all ids at once. */
  async predict(context: OftContext): Promise<OftResult> {
    const { width } = this.base.config.llama;
    const embeds = this.sequence(context, new Float32Array(this.#places() * width), null);
    if (this.kind !== "discrete") {
      const hidden = await this.#read(embeds, "hidden");
      return { actions: await this.#head(hidden), hidden, ids: [], noises: [] };
    }
    const logits = await this.#read(embeds, "logits");
    const { vocabulary } = this.base.config;
    const ids = Array.from({ length: this.#places() }, (_, i) =>
      argMax(logits.subarray(i * vocabulary, (i + 1) * vocabulary)),
    );
    const actions = Float32Array.from(ids, (id) => valueOfId(id, this.base.config));
    return { actions, hidden: null, ids, noises: [] };
  }

  /** One chunk from noise float32[chunk, actionDim] in `steps` steps; the sequence is run once a step. */
  async denoise(context: OftContext, noise: Float32Array, steps: number): Promise<OftResult> {
    if (noise.length !== this.#places()) {
      throw new BiddenError("bad-shape", `Expected noise of ${this.#places()} numbers; came ${noise.length}.`);
    }
    const alphas = alphasCumprod();
    const gap = Math.floor(TRAIN_STEPS / steps);
    const noises: Float32Array[] = [];
    let x: Float32Array = noise.slice();
    let hidden: Float32Array | null = null;
    for (const t of ddimTimes(steps)) {
      const found = await this.noiseIn(context, x, t);
      hidden = found.hidden;
      noises.push(found.noise);
      x = ddimStep(x, found.noise, t, gap, alphas);
    }
    return { actions: x, hidden, ids: [], noises };
  }

  /** What the model takes for noise in actions float32[chunk, actionDim] at time `t`, and the hidden states it read that from. */
  async noiseIn(
    context: OftContext,
    x: Float32Array,
    t: number,
  ): Promise<{ readonly noise: Float32Array; readonly hidden: Float32Array }> {
    const hidden = await this.#read(await this.noisySequence(context, x, t), "hidden");
    return { noise: await this.#head(hidden), hidden };
  }

  /** The sequence of one denoising step. */
  async noisySequence(context: OftContext, x: Float32Array, t: number): Promise<Float32Array> {
    const time = timeEmbedding(t, this.base.config.llama.width);
    return this.sequence(context, await this.#project("noisy", x), time);
  }

  /** Hidden states of a whole sequence, float32[tokens, width]. */
  async lastHidden(embeds: Float32Array): Promise<Float32Array> {
    const values = await this.base.run(embeds, {
      read: this.#readPlaces(embeds),
      everyone: true,
      outputs: ["last"],
    });
    return floats(values, "last").subarray(0, embeds.length);
  }

  async close(): Promise<void> {
    await Promise.all([this.base.close(), ...Object.values(this.#slots).map((slot) => slot.close())]);
  }

  #places(): number {
    return this.sizes.chunk * this.sizes.actionDim;
  }

  /**
   * Places that are read: as in training, where a token foretells the next one, they begin at the last token of the prompt,
   * one before the actions' own.
   */
  #readPlaces(embeds: Float32Array): number[] {
    const tokens = embeds.length / this.base.config.llama.width;
    const first = tokens - 1 - this.#places() - 1;
    return Array.from({ length: this.#places() }, (_, i) => first + i);
  }

  async #read(embeds: Float32Array, output: "hidden" | "logits"): Promise<Float32Array> {
    const read = this.#readPlaces(embeds);
    return floats(await this.base.run(embeds, { read, everyone: true, outputs: [output] }), output);
  }

  async #head(hidden: Float32Array): Promise<Float32Array> {
    return floats(await (await this.#session("head")).run({ hidden }), "actions");
  }

  async #project(part: "proprio" | "noisy", values: Float32Array): Promise<Float32Array> {
    return floats(await (await this.#session(part)).run({ values }), "tokens");
  }

  #session(part: keyof OftGraphs): Promise<Session> {
    const graph = this.#parts.graphs[part];
    if (graph === null) {
      throw new BiddenError("bad-checkpoint", `The checkpoint has no .pt file for its ${part}; one is needed here.`);
    }
    return this.#slots[part].get("", () => this.#parts.openGraph(graph));
  }
}

function meanRow(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width;
  return Float32Array.from({ length: width }, (_, d) => {
    let sum = 0;
    for (let r = 0; r < count; r++) sum += rows[r * width + d] as number;
    return sum / count;
  });
}
