/** Runs GR00T's graphs: sessions are opened for the lengths that come, with the weights of one embodiment. */
import { BiddenError } from "@bidden/runtime";
import type { Graph, Session, TensorData } from "@bidden/tensor";
import type { NetOptions } from "../../blocks/net.ts";
import { formsFor, type Precision, productsSaturate, quantisedSource } from "../../blocks/quantised.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { SessionSlot } from "../../checkpoint/session-slot.ts";
import { bindWeights, type Weights } from "../../checkpoint/weights.ts";
import { type Embed, wordRows } from "../../checkpoint/words.ts";
import { type GrootConfig, LANGUAGE } from "./config.ts";
import { languageGraph, stepGraph, timeGraph, visionGraph } from "./graphs.ts";
import { PER_EMBODIMENT } from "./model.ts";
import { actionSinusoid, grootBuckets, normSinusoid } from "./time.ts";

/** What a checkpoint holds beside what is run: pooling and the output embedding, and layers behind the chosen one. */
const UNUSED = [/vision_model\.vision_model\.head\./, /language_model\.lm_head\.weight$/];

export type Context = {
  readonly features: Float32Array;
  readonly normed: Float32Array;
  readonly seen: Float32Array;
  /** Tokens of vision and language. */
  readonly count: number;
  /** "keys.<i>" and "values.<i>". */
  readonly memory: Readonly<Record<string, TensorData>>;
};

/** What each step saw and said. */
export type GrootTrace = { readonly actions: Float32Array[]; readonly outputs: Record<string, TensorData>[] };

export class GrootRunner {
  readonly config: GrootConfig;
  readonly #checkpoint: Checkpoint;
  readonly #engine: Engine;
  readonly #slot: ReadonlyMap<string, TensorData>;
  readonly #net: NetOptions;
  readonly #words: Embed;
  readonly #vision = new SessionSlot();
  readonly #language = new SessionSlot();
  readonly #step = new SessionSlot();
  #times: Promise<{ readonly temb: Float32Array; readonly modulation: Float32Array }> | null = null;

  private constructor(
    checkpoint: Checkpoint,
    engine: Engine,
    config: GrootConfig,
    slot: ReadonlyMap<string, TensorData>,
    net: NetOptions,
  ) {
    this.#checkpoint = checkpoint;
    this.#engine = engine;
    this.config = config;
    this.#slot = slot;
    this.#net = net;
    this.#words = wordRows(checkpoint, `${LANGUAGE}.embed_tokens.weight`, config.language.width);
  }

  /**
   * @param embodiment which of the slots' weights to run with
   * @param precision how the matrices of encoders, language model and head are held
   */
  static async open(
    checkpoint: Checkpoint,
    engine: Engine,
    config: GrootConfig,
    embodiment: number,
    precision: Precision = "fp32",
  ): Promise<GrootRunner> {
    if (!Number.isInteger(embodiment) || embodiment < 0 || embodiment >= config.slots) {
      throw new BiddenError(
        "bad-argument",
        `The checkpoint has weights for embodiments 0 to ${config.slots - 1}; asked for ${embodiment}.`,
        { slot: embodiment, slots: config.slots },
      );
    }
    const slot = new Map<string, TensorData>();
    for (const name of checkpoint.tensors.keys()) {
      if (!PER_EMBODIMENT.test(name)) continue;
      const shape = checkpoint.info(name).shape.slice(1);
      slot.set(name, { dtype: "float32", shape, data: await checkpoint.rows(name, [embodiment]) });
    }
    const form = formsFor(precision, precision.startsWith("int") && (await productsSaturate(engine)));
    const net: NetOptions = { forwardOnly: true, ...(form === undefined ? {} : { form }) };
    const runner = new GrootRunner(checkpoint, engine, config, slot, net);
    const graphs = [visionGraph(config, 1, net), languageGraph(config, 1, net), stepGraph(config, 1, net)];
    runner.#bind([...graphs, timeGraph(config, runner.#channels)], []);
    return runner;
  }

  /** float32[views, 3, side, side] to SigLIP's last hidden state and the language model's image tokens. */
  async see(pixels: Float32Array): Promise<{ readonly hidden: Float32Array; readonly tokens: Float32Array }> {
    const views = pixels.length / (3 * this.config.side ** 2);
    const session = await this.#open(this.#vision, `${views}`, () => visionGraph(this.config, views, this.#net));
    const out = await session.run({ pixels });
    return { hidden: out.hidden?.data as Float32Array, tokens: out.tokens?.data as Float32Array };
  }

  /** Ids as embeddings, image tokens in their places: float32[n, width]. */
  async embed(ids: readonly number[], images: Float32Array): Promise<Float32Array> {
    const { width } = this.config.language;
    const places = ids.flatMap((id, i) => (id === this.config.imageToken ? [i] : []));
    if (places.length * width !== images.length) {
      throw new BiddenError(
        "bad-argument",
        `The prompt has ${places.length} places for image tokens; the images make ${images.length / width}.`,
        { expected: places.length, came: images.length / width },
      );
    }
    const embedded = await this.#words(ids);
    places.forEach((place, i) => embedded.set(images.subarray(i * width, (i + 1) * width), place * width));
    return embedded;
  }

  async read(embedded: Float32Array): Promise<Context> {
    const count = embedded.length / this.config.language.width;
    const session = await this.#open(this.#language, `${count}`, () => languageGraph(this.config, count, this.#net));
    const { features, normed, seen, ...memory } = await session.run({ embedded });
    const values = (data: TensorData | undefined): Float32Array => data?.data as Float32Array;
    return { features: values(features), normed: values(normed), seen: values(seen), count, memory };
  }

  /** float32[steps, width] of the times' embeddings, and float32[steps, layers + 1, 2·width]. */
  times(): Promise<{ readonly temb: Float32Array; readonly modulation: Float32Array }> {
    this.#times ??= this.#computeTimes();
    return this.#times;
  }

  /**
   * From noise to actions in equal Euler steps along the head's velocity, from time 0 to 1.
   * @param noise float32[horizon, actionDim] @param state float32[stateDim], normalised and padded
   */
  async denoise(context: Context, state: Float32Array, noise: Float32Array, trace?: GrootTrace): Promise<Float32Array> {
    const { steps, buckets, dit } = this.config;
    const { modulation } = await this.times();
    const session = await this.#open(this.#step, `${context.count}`, () =>
      stepGraph(this.config, context.count, this.#net),
    );
    const row = modulation.length / steps;
    const share = Math.fround(1 / steps);
    let actions = noise;
    for (const [i, bucket] of grootBuckets(steps, buckets).entries()) {
      const feeds = {
        actions,
        state,
        tau: actionSinusoid(bucket, dit.width),
        modulation: modulation.slice(i * row, (i + 1) * row),
        ...context.memory,
      };
      const out = await session.run(feeds, trace === undefined ? ["velocity"] : undefined);
      trace?.actions.push(actions);
      trace?.outputs.push(out);
      const velocity = out.velocity?.data as Float32Array;
      actions = actions.map((value, j) => value + Math.fround(share * (velocity[j] as number)));
    }
    return actions;
  }

  async close(): Promise<void> {
    for (const slot of [this.#vision, this.#language, this.#step]) await slot.close();
  }

  get #channels(): number {
    return this.#checkpoint.info("action_head.model.timestep_encoder.timestep_embedder.linear_1.weight")
      .shape[1] as number;
  }

  async #computeTimes(): Promise<{ temb: Float32Array; modulation: Float32Array }> {
    const channels = this.#channels;
    const { steps, buckets } = this.config;
    const graph = timeGraph(this.config, channels);
    const session = await this.#bind([graph], [/.*/]).open(graph, this.#engine);
    const projected = new Float32Array(steps * channels);
    grootBuckets(steps, buckets).forEach((bucket, i) => projected.set(normSinusoid(bucket, channels), i * channels));
    const out = await session.run({ projected });
    await session.close();
    return { temb: out.temb?.data as Float32Array, modulation: out.modulation?.data as Float32Array };
  }

  #open(slot: SessionSlot, key: string, build: () => Graph): Promise<Session> {
    return slot.get(key, () => {
      const graph = build();
      return this.#bind([graph], [/.*/]).open(graph, this.#engine);
    });
  }

  #bind(graphs: readonly Graph[], unused: readonly RegExp[]): Weights {
    return bindWeights(this.#checkpoint, graphs, {
      source: (name, shape) => this.#slot.get(name) ?? quantisedSource(name, (stored) => stored, shape) ?? name,
      unused: [...UNUSED, PER_EMBODIMENT, /embed_tokens\.weight$/, this.#cutLayers, ...unused],
    });
  }

  /** Layers of the language model behind `select_layer`. */
  get #cutLayers(): RegExp {
    const { layers } = this.config.language;
    const kept = Array.from({ length: layers }, (_, i) => i).join("|");
    return new RegExp(`^${LANGUAGE.replaceAll(".", "\\.")}\\.layers\\.(?!(${kept})\\.)\\d+\\.`);
  }
}
