/** SmolVLA at work: sessions for its three graphs, and the loop that turns noise into actions. */
import type { Feeds, Graph, Session, Tensor, TensorData } from "@bidden/tensor";
import { embedTime, type FlowTrace, flowTimes, integrateFlow } from "../../blocks/flow-matching.ts";
import type { NetOptions } from "../../blocks/net.ts";
import { formsFor, type Precision, quantisedSource } from "../../blocks/quantised.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { PrefixGuide } from "../../blocks/rtc.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { JsonObject } from "../../checkpoint/json.ts";
import { bindWeights, type Weights } from "../../checkpoint/weights.ts";
import { type Embed, wordRows } from "../../checkpoint/words.ts";
import { readConfig, type SmolVlaConfig } from "./config.ts";
import { prefixGraph, stepGraph, visionGraph } from "./model.ts";
import { EMBEDDING, STATE_IN, storedNames, UNUSED } from "./names.ts";
import { attentionOf, compact, countValid, type Place, type PrefixLayout } from "./prefix.ts";

/** Lengths of the prefix are rounded up to a multiple of this, so that few graphs serve all instructions. */
const GRAIN = 16;

export type SmolVlaOptions = {
  /** How matrices are held; fp32 when left out. */
  readonly precision?: Precision;
  /** Whether 8-bit products saturate on this engine (`productsSaturate`). */
  readonly narrow?: boolean;
  /** Keep what the network computes on the way, for inspection. */
  readonly inspect?: boolean;
};

/** float32[3, height, width] in [-1, 1]. */
export type Pixels = { readonly data: Float32Array; readonly height: number; readonly width: number };

export type SmolVlaInputs = {
  /** By slot of the layout; null where the slot is masked. */
  readonly images: readonly (Pixels | null)[];
  readonly layout: PrefixLayout;
  /** float32[stateWidth], normalised and padded. */
  readonly state: Float32Array;
};

/** What the prefix left behind. */
export type SmolVlaMemory = {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** uint8[length of the graph's prefix]. */
  readonly seen: Uint8Array;
  /** Time that looking at the images took, ms. */
  readonly stageMs: { readonly vision: number };
  /** Tokens that are no padding: the place of the first action. */
  readonly count: number;
  readonly inspected: Readonly<Record<string, TensorData>>;
  /** Number in the layout of every token that was computed. */
  readonly kept: Int32Array;
  /** float32[seen.length, width]. */
  readonly embeds: Float32Array;
};

type Opened = { readonly prefix: Session; readonly step: Session };

export class SmolVlaEngine {
  readonly config: SmolVlaConfig;
  readonly #checkpoint: Checkpoint;
  readonly #engine: Engine;
  readonly #options: SmolVlaOptions;
  readonly #stateWeights: readonly [Float32Array, Float32Array];
  readonly #words: Embed;
  readonly #visions: Map<string, Session> = new Map();
  readonly #opened: Map<number, Opened> = new Map();

  private constructor(
    config: SmolVlaConfig,
    checkpoint: Checkpoint,
    engine: Engine,
    options: SmolVlaOptions,
    stateWeights: readonly [Float32Array, Float32Array],
  ) {
    this.config = config;
    this.#checkpoint = checkpoint;
    this.#engine = engine;
    this.#options = options;
    this.#stateWeights = stateWeights;
    const table = storedNames(checkpoint).get(EMBEDDING)?.name ?? EMBEDDING;
    this.#words = wordRows(checkpoint, table, config.text.width);
  }

  /** @param changes fields in place of config.json's, to look at its switches */
  static async open(
    checkpoint: Checkpoint,
    engine: Engine,
    options: SmolVlaOptions = {},
    changes: JsonObject = {},
  ): Promise<SmolVlaEngine> {
    const config = await readConfig(checkpoint, changes);
    // All weights are bound once with graphs of the smallest size: a file that does not fit is refused before anything runs.
    bindAll(checkpoint, config, options);
    const names = storedNames(checkpoint);
    const read = (name: string): Promise<Float32Array> => checkpoint.float(names.get(name)?.name ?? name);
    const stateWeights = [await read(STATE_IN), await read(STATE_IN.replace(/weight$/, "bias"))] as const;
    return new SmolVlaEngine(config, checkpoint, engine, options, stateWeights);
  }

  /** Tokens of images of one size: float32[tokens, width] each. */
  async see(images: readonly Pixels[]): Promise<Float32Array[]> {
    const out: Float32Array[] = [];
    for (const { data, height, width } of images) {
      const session = await this.#vision(height, width);
      const { tokens } = await session.run({ pixels: data });
      out.push((tokens as TensorData).data as Float32Array);
    }
    return out;
  }

  /** Reads images, words and state; what may not be attended to is left out. */
  async read(inputs: SmolVlaInputs): Promise<SmolVlaMemory> {
    const { text } = this.config;
    const { layout, kept } = compact(inputs.layout, GRAIN);
    const n = layout.places.length;
    const began = performance.now();
    const images = await this.#seeSlots(inputs.images);
    const vision = performance.now() - began;
    const embeds = await this.#embed(images, inputs.state, layout.places);
    const positions = Float64Array.from({ length: n }, (_, i) => i);
    const { prefix } = await this.#sessions(n);
    const outputs = await prefix.run({
      embeds,
      mask: attentionOf(layout),
      ...turnValues(positions, text.headWidth),
    });
    const { keys, values, ...inspected } = outputs as Record<"keys" | "values", TensorData>;
    return {
      keys: keys.data as Float32Array,
      values: values.data as Float32Array,
      seen: layout.valid,
      stageMs: { vision },
      count: countValid(layout),
      inspected,
      kept,
      embeds,
    };
  }

  /**
   * From noise to actions, float32[chunk·actionWidth] each.
   * @param inspect called with what a step computed
   */
  async act(
    memory: SmolVlaMemory,
    noise: Float32Array,
    options: {
      readonly steps?: number;
      readonly guide?: PrefixGuide | null;
      /** Trained real-time chunking: how many actions stay what `hold` makes them, at time 0. */
      readonly held?: { readonly count: number; readonly hold: (x: Float32Array) => void } | null;
      readonly trace?: FlowTrace;
      readonly inspect?: (step: number, outputs: Readonly<Record<string, TensorData>>) => void;
    } = {},
  ): Promise<Float32Array> {
    const { chunk, expert } = this.config;
    const { steps = this.config.steps, guide = null, held = null, trace, inspect } = options;
    const { step } = await this.#sessions(memory.seen.length);
    const places = Float64Array.from({ length: chunk }, (_, i) => memory.count + i);
    const fixed = Object.entries({
      keys: memory.keys,
      values: memory.values,
      seen: memory.seen,
      ...turnValues(places, expert.headWidth),
    });
    // An expert that only looks at the prefix has no use for the places of the actions.
    const wanted = new Set(step.inputs.map(({ name }) => name));
    const feeds = Object.fromEntries(fixed.filter(([name]) => wanted.has(name)));
    const times = this.embedTimes(steps);
    const clean = held === null ? null : repeat(embedTime(0, expert.width, this.config.time), held.count);
    const velocity = async (noisy: Float32Array, index: number): Promise<Float32Array> => {
      const time = repeat(times[index] as Float64Array, chunk);
      if (clean !== null) time.set(clean);
      const out = await step.run({ ...feeds, noisy, time });
      inspect?.(index, out);
      return (out.velocity as TensorData).data as Float32Array;
    };
    return integrateFlow(noise, velocity, {
      steps,
      guide,
      hold: held?.hold ?? null,
      ...(trace === undefined ? {} : { trace }),
    });
  }

  /** float64[expert width] a step; the time itself is rounded to float32 first, as the reference does. */
  embedTimes(steps: number = this.config.steps): Float64Array[] {
    const { expert, time } = this.config;
    return Array.from(flowTimes(steps), (t) => embedTime(Math.fround(t), expert.width, time));
  }

  /** Runs a graph over the checkpoint's weights once, such as the training objective. */
  async runOnce(graph: Graph, feeds: Feeds): Promise<Record<string, TensorData>> {
    const session = await this.#weights(graph).open(graph, this.#engine);
    try {
      return await session.run(feeds);
    } finally {
      await session.close();
    }
  }

  async close(): Promise<void> {
    const sessions = [
      ...this.#visions.values(),
      ...[...this.#opened.values()].flatMap(({ prefix, step }) => [prefix, step]),
    ];
    await Promise.all([...sessions.map((session) => session.close()), this.#checkpoint.close()]);
  }

  async #seeSlots(images: SmolVlaInputs["images"]): Promise<(Float32Array | null)[]> {
    const tokens = await this.see(images.filter((image) => image !== null));
    let next = 0;
    return images.map((image) => (image === null ? null : (tokens[next++] as Float32Array)));
  }

  async #embed(
    images: readonly (Float32Array | null)[],
    state: Float32Array,
    places: readonly Place[],
  ): Promise<Float32Array> {
    const { width } = this.config.text;
    const ids = places.flatMap((place) => (place.kind === "word" || place.kind === "special" ? [place.id] : []));
    const words = await this.#words(ids);
    const embeds = new Float32Array(places.length * width);
    let word = 0;
    places.forEach((place, i) => {
      const row = embeds.subarray(i * width, (i + 1) * width);
      if (place.kind === "image") row.set(rowOf(images[place.slot] as Float32Array, place.index, width));
      else if (place.kind === "state") row.set(this.#embedState(state));
      else if (place.kind !== "padding") {
        const scale = place.kind === "word" ? Math.fround(Math.sqrt(width)) : 1;
        row.set(rowOf(words, word, width).map((value) => value * scale));
        word++;
      }
    });
    return embeds;
  }

  #embedState(state: Float32Array): Float32Array {
    const [weight, bias] = this.#stateWeights;
    return bias.map((offset, row) => {
      let sum = offset;
      for (let i = 0; i < state.length; i++) sum += (weight[row * state.length + i] as number) * (state[i] as number);
      return sum;
    });
  }

  async #vision(height: number, width: number): Promise<Session> {
    const key = `${height} ${width}`;
    const known = this.#visions.get(key);
    if (known !== undefined) return known;
    const graph = visionGraph(this.config, 1, height, width, netOptions(this.#options));
    const session = await this.#weights(graph).open(graph, this.#engine);
    this.#visions.set(key, session);
    return session;
  }

  /** The sessions for prefixes of one length; those of the length before are closed. */
  async #sessions(n: number): Promise<Opened> {
    const known = this.#opened.get(n);
    if (known !== undefined) return known;
    for (const { prefix, step } of this.#opened.values()) await Promise.all([prefix.close(), step.close()]);
    this.#opened.clear();
    const { inspect = false } = this.#options;
    const net = inspect ? { ...netOptions(this.#options), watch: watchExpert } : netOptions(this.#options);
    const [prefix, step] = [prefixGraph(this.config, n, net), stepGraph(this.config, n, net)];
    const some = inspect ? {} : { outputs: ["keys", "values"] };
    const opened = {
      prefix: await this.#weights(prefix).open(prefix, this.#engine, some),
      step: await this.#weights(step).open(step, this.#engine, inspect ? {} : { outputs: ["velocity"] }),
    };
    this.#opened.set(n, opened);
    return opened;
  }

  #weights(graph: Graph): Weights {
    return bind(this.#checkpoint, [graph], [/./]);
  }
}

function netOptions({ precision = "fp32", narrow = false }: SmolVlaOptions): NetOptions {
  const form = formsFor(precision, narrow);
  return { forwardOnly: true, ...(form === undefined ? {} : { form }) };
}

/** Names what the attention of the expert's first two layers reads and writes: `expert.0.q_proj.in`, ... */
function watchExpert(name: string, x: Tensor, y: Tensor): void {
  const found = /\.lm_expert\.layers\.([01])\.self_attn\.(\w+)$/.exec(name);
  if (found === null) return;
  x.graph.output(`expert.${found[1]}.${found[2]}.in`, x);
  x.graph.output(`expert.${found[1]}.${found[2]}.out`, y);
}

function bindAll(checkpoint: Checkpoint, config: SmolVlaConfig, options: SmolVlaOptions): void {
  const { vision } = config;
  const size = vision.side * vision.patch;
  const net = netOptions(options);
  bind(
    checkpoint,
    [visionGraph(config, 1, size, size, net), prefixGraph(config, GRAIN, net), stepGraph(config, GRAIN, net)],
    [...UNUSED, /\.state_proj\.(weight|bias)$/, /\.text_model\.embed_tokens\.weight$/],
  );
}

function bind(checkpoint: Checkpoint, graphs: readonly Graph[], unused: readonly RegExp[]): Weights {
  const names = storedNames(checkpoint);
  const stored = (name: string): string => names.get(name)?.name ?? name;
  return bindWeights(checkpoint, graphs, {
    source: (name, shape) => quantisedSource(name, stored, shape) ?? stored(name),
    unused,
  });
}

function rowOf(values: Float32Array, row: number, width: number): Float32Array {
  return values.subarray(row * width, (row + 1) * width);
}

function repeat(values: Float64Array, times: number): Float32Array {
  const out = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) out.set(values, i * values.length);
  return out;
}
