/** The tabletop policy: observation and sentence in, chunk and belief out. The same code runs in Node and in a browser. */
import {
  type ActionChunk,
  type Belief,
  BiddenError,
  createRng,
  type InferRequest,
  type Observation,
  type PlaceHints,
  type Policy,
  type PolicyInfo,
} from "@bidden/runtime";
import {
  onnxModel,
  readSafetensors,
  type Session,
  type SessionOptions,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "@bidden/tensor";
import { fromFloat32, toFloat32 } from "../checkpoint/floats.ts";
import type { InstructionEncoder } from "../text/instruction-encoder.ts";
import { type OpenSession, sha256 } from "../text/minilm.ts";
import {
  alarmOf,
  beliefOf,
  type Calibration,
  candidatesOf,
  DEFAULT_CALIBRATION,
  doubtsOf,
  isClear,
  isPlacing,
  nowhereOf,
  type RawBelief,
} from "./belief.ts";
import { CHANNELS, PLACINGS, type TabletopConfig } from "./config.ts";
import { DoubtMean, GLANCE_COUNT, glanceOf } from "./glance.ts";
import { tabletopGraphs } from "./graphs.ts";
import { createRowMaker, type RowMaker, type TabletopRow } from "./inputs.ts";
import { type Found, PlaceMemory } from "./place-memory.ts";

export const HEADS = ["regression", "flow"] as const;

export type TabletopFiles = {
  /** `model.safetensors`. */
  readonly weights: Uint8Array;
  /** `config.json`, parsed. */
  readonly config: TabletopConfig;
  /** `calibration.json`, parsed; defaults where there is none. */
  readonly calibration?: Calibration;
};

export async function createTabletop(
  files: TabletopFiles,
  encoder: InstructionEncoder,
  openSession: OpenSession,
  options: SessionOptions = {},
): Promise<TabletopPolicy> {
  const { config } = files;
  if (config.version !== 4) {
    throw new BiddenError(
      "bad-checkpoint",
      `This bidden opens tabletop checkpoints of version 4, not ${String(config.version)}.`,
    );
  }
  if (encoder.width !== config.textWidth) {
    throw new BiddenError(
      "bad-checkpoint",
      `The policy reads ${config.textWidth} numbers a token; the text encoder gives ${encoder.width}.`,
    );
  }
  const graphs = tabletopGraphs(config);
  const tensors = parametersIn(
    files.weights,
    graphs.flatMap(({ parameters }) => [...parameters]),
  );
  const [sessions, modelDigest] = await Promise.all([
    Promise.all(graphs.map((graph) => openSession(onnxModel(graph, { parameters: tensors }), options))),
    sha256(files.weights),
  ]);
  const [read, main, velocity] = sessions as [Session, Session, Session];
  return new TabletopPolicy(config, files.calibration ?? DEFAULT_CALIBRATION, encoder, {
    read,
    main,
    velocity,
    modelDigest,
  });
}

/** The named tensors of a checkpoint as float32; they may be stored in half precision. */
function parametersIn(weights: Uint8Array, wanted: readonly (readonly [string, Tensor])[]): Map<string, TensorData> {
  const { tensors } = readSafetensors(weights, "tabletop checkpoint");
  const found = new Map<string, TensorData>();
  for (const [name, { shape }] of wanted) {
    const stored = tensors.get(name);
    const float = stored?.dtype === "float32" || stored?.dtype === "float16";
    if (stored === undefined || !float || stored.shape.join() !== shape.join()) {
      const came = stored === undefined ? "nothing" : `${stored.dtype} [${stored.shape.join(", ")}]`;
      throw new BiddenError(
        "bad-checkpoint",
        `The checkpoint should hold "${name}" as float32 or float16 [${shape.join(", ")}]; came ${came}.`,
        { name },
      );
    }
    found.set(name, { dtype: "float32", shape, data: toFloat32(stored.data, stored.dtype) });
  }
  return found;
}

/** A checkpoint's weights in half precision: half the size, and each number within 0.05 % of what it was. */
export function halfPrecision(weights: Uint8Array): Uint8Array {
  const { tensors, metadata } = readSafetensors(weights, "tabletop checkpoint");
  const halves = [...tensors].map(([name, { dtype, shape, data }]): [string, TensorData] => [
    name,
    { dtype: "float16", shape, data: fromFloat32(toFloat32(data, dtype), "float16") },
  ]);
  return writeSafetensors(new Map(halves), metadata);
}

/** A sentence once it is read: what the words tell by themselves, and what the policy's graph is fed with. */
type Read = {
  readonly told: Pick<RawBelief, "textIntent" | "skill" | "asked">;
  readonly fed: Readonly<Record<string, Float32Array>>;
  /** By channel, whether the words tell the thing by its place. */
  readonly byPlace: readonly boolean[];
};

/** Copies of a session's outputs, which the next run may overwrite. */
function floatsOf(outputs: Readonly<Record<string, TensorData>>): Record<string, Float32Array> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
  );
}

/** @param placing float32[CHANNELS, PLACINGS + 1]: log probabilities, last: that its place does not matter */
function toldByPlace(placing: Float32Array): boolean[] {
  const width = PLACINGS.length + 1;
  return CHANNELS.map((_, channel) => Math.exp(placing[(channel + 1) * width - 1] as number) < 0.5);
}

type Engine = {
  readonly read: Session;
  readonly main: Session;
  readonly velocity: Session;
  readonly modelDigest: string;
};

export class TabletopPolicy implements Policy {
  readonly info: PolicyInfo;
  readonly #config: TabletopConfig;
  readonly #calibration: Calibration;
  readonly #encoder: InstructionEncoder;
  readonly #engine: Engine;
  readonly #memory: PlaceMemory;
  readonly #doubts = new DoubtMean();
  readonly #rows: RowMaker;
  readonly #row: TabletopRow;
  #heard: { readonly instruction: string; readonly read: Read } | null = null;

  constructor(config: TabletopConfig, calibration: Calibration, encoder: InstructionEncoder, engine: Engine) {
    this.#config = config;
    this.#calibration = calibration;
    this.#encoder = encoder;
    this.#engine = engine;
    this.#memory = new PlaceMemory(config.stateNames);
    this.#rows = createRowMaker(config);
    this.#row = this.#rows.allocate();
    this.info = {
      name: "tabletop",
      modelDigest: engine.modelDigest,
      space: { kind: "ee-delta-7", dim: 7, stepMs: config.stepMs },
      horizon: config.horizon,
      cameras: Object.fromEntries(
        config.cameras.map(({ name, grid }) => [name, { width: grid.width, height: grid.height }]),
      ),
      stateNames: config.stateNames,
      historyLength: config.historyLength,
      heads: HEADS,
    };
  }

  async infer(observation: Observation, request: InferRequest): Promise<ActionChunk> {
    const head = request.head ?? "regression";
    if (!HEADS.some((name) => name === head)) {
      throw new BiddenError(
        "bad-argument",
        `The tabletop policy has the heads ${HEADS.join(" and ")}, not "${head}".`,
        { head },
      );
    }
    const began = performance.now();
    const read = await this.#read(observation.instruction);
    const understood = performance.now();
    const known = this.#memory.recall(observation);
    this.#look(observation, this.#memory.looks);
    const prepared = performance.now();
    const { raw, values } = await this.#run(read, known, head, request.seed);
    const ended = performance.now();
    return {
      values: this.#actions(values),
      horizon: this.#config.horizon,
      space: this.info.space,
      startNs: observation.captureNs,
      origin: {
        source: `policy:${this.info.name}/${head}`,
        modelDigest: this.info.modelDigest,
        observationId: observation.id,
        seed: request.seed,
        stageMs: { text: understood - began, preprocess: prepared - understood, infer: ended - prepared },
      },
      belief: this.#believe(raw, observation, { known, read }),
    };
  }

  /**
   * The network's own numbers for an observation: what calibration and tests look at.
   *
   * @param glance the number of the look, which turns the eye a little
   */
  async inspect(observation: Observation, glance = 0): Promise<RawBelief> {
    const read = await this.#read(observation.instruction);
    this.#look(observation, glance);
    return (await this.#run(read, observation.hints ?? {}, "regression", 0)).raw;
  }

  /** Fills the graph's row; the first looks are glances, later ones straight. */
  #look(observation: Observation, number: number): void {
    if (number === 0 || number >= GLANCE_COUNT) {
      this.#rows.fill(this.#row, observation);
      return;
    }
    const cameras = Object.entries(observation.cameras).map(([name, view]) => [name, glanceOf(view, number)]);
    this.#rows.fill(this.#row, { ...observation, cameras: Object.fromEntries(cameras) });
  }

  /** What is believed by this look and by what is remembered, which the look adds to. */
  #believe(
    raw: RawBelief,
    { instruction, hints = {} }: Observation,
    { known, read }: { readonly known: PlaceHints; readonly read: Read },
  ): Belief {
    const doubts = this.#doubts.add(doubtsOf(raw), this.#memory.looks === 0);
    const clear = isClear(this.#config, raw, alarmOf(doubts, this.#calibration), hints);
    const found = (channel: number): Found => ({
      at: [0, 1, 2].map((axis) => raw.coordinates[channel * 3 + axis]) as [number, number, number],
      nowhere: nowhereOf(raw, channel),
      byPlace: read.byPlace[channel] as boolean,
      things: () => candidatesOf(this.#config, raw, channel),
    });
    this.#memory.learn({ act: found(0), place: found(1) }, clear);
    const meant = clear || this.#memory.knows(isPlacing(raw));
    return beliefOf(this.#config, raw, instruction, this.#calibration, { places: known, meant, doubts });
  }

  async close(): Promise<void> {
    const { read, main, velocity } = this.#engine;
    await Promise.all([read.close(), main.close(), velocity.close()]);
  }

  /** The instruction is read once, not at every step. */
  async #read(instruction: string): Promise<Read> {
    if (this.#heard?.instruction === instruction) return this.#heard.read;
    const { textTokens, textWidth } = this.#config;
    const { values, count } = await this.#encoder.encode(instruction);
    const text = new Float32Array(textTokens * textWidth);
    text.set(values.subarray(0, text.length));
    const textMask = new Float32Array(textTokens).fill(-10_000).fill(0, 0, Math.min(count, textTokens));
    const out = await this.#engine.read.run({ text, textMask });
    const { textIntent, skill, asked, ...fed } = floatsOf(out) as Read["told"] & Read["fed"];
    const read = {
      told: { textIntent, skill, asked },
      fed,
      byPlace: toldByPlace(fed["words.placing"] as Float32Array),
    };
    this.#heard = { instruction, read };
    return read;
  }

  async #run(
    { told, fed }: Read,
    hinted: PlaceHints,
    head: string,
    seed: number,
  ): Promise<{ raw: RawBelief; values: Float32Array }> {
    const hints = new Float32Array(6);
    const hintMask = new Float32Array(2);
    [hinted.act, hinted.place].forEach((at, channel) => {
      if (at === undefined) return;
      hints.set(at, channel * 3);
      hintMask[channel] = 1;
    });
    const out = await this.#engine.main.run({
      ...this.#row,
      ...fed,
      hints,
      hintMask,
    });
    const floats = (name: string): Float32Array => out[name]?.data as Float32Array;
    const raw: RawBelief = {
      ...told,
      pointing: floats("pointing"),
      guesses: floats("guesses"),
      coordinates: floats("coordinates"),
      done: floats("done"),
      sceneIntent: floats("sceneIntent"),
      answer: floats("answer"),
    };
    if (head === "regression") return { raw, values: floats("regression") };
    return { raw, values: await this.#flow(floats("latents"), seed) };
  }

  /** From noise (t = 0) to a chunk (t = 1) in `config.flowSteps` Euler steps along the head's velocity. */
  async #flow(latents: Float32Array, seed: number): Promise<Float32Array> {
    const { horizon, actionDim, flowSteps } = this.#config;
    const rng = createRng(seed);
    const noisy = Float32Array.from({ length: horizon * actionDim }, () => rng.normal());
    for (let step = 0; step < flowSteps; step++) {
      const out = await this.#engine.velocity.run({ latents, noisy, time: Float32Array.of(step / flowSteps) });
      const velocity = out.velocity?.data as Float32Array;
      for (let i = 0; i < noisy.length; i++) noisy[i] = (noisy[i] as number) + (velocity[i] as number) / flowSteps;
    }
    return noisy;
  }

  /** Network units to metres, radians and gripper 0..1. */
  #actions(values: Float32Array): Float32Array {
    const { actionDim, actionScale } = this.#config;
    return values.map((value, i) => {
      const d = i % actionDim;
      return d === actionDim - 1 ? Math.min(1, Math.max(0, (value + 1) / 2)) : value * (actionScale[d] as number);
    });
  }
}
