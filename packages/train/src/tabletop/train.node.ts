/**
 * Trains the tabletop policy from shards. Deterministic by seed on one machine; may be killed at any moment and goes on from
 * the last saved state with the same bits; writes loss curves as it goes.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openShards, type Shards } from "@bidden/data/node";
import { type TabletopConfig, toFloat32 } from "@bidden/models";
import { loadMinilm } from "@bidden/models/node";
import { BiddenError, createRng } from "@bidden/runtime";
import { makeFolder, writeWhole } from "@bidden/runtime/node";
import {
  buildTrainStep,
  type Graph,
  initParameters,
  readSafetensors,
  type TensorData,
  type Trainer,
  writeSafetensors,
} from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import type { EpisodeMeta, Query } from "../collect/columns.ts";
import { exportTabletop } from "./export.node.ts";
import { tabletopObjective } from "./objective.ts";
import { type ReadingOptions, trainReading } from "./read.node.ts";
import { type SamplerOptions, TabletopSampler } from "./sampler.node.ts";
import { TextStore } from "./text-store.node.ts";

export type TrainOptions = {
  /** Folder with the shards. */
  readonly data: string;
  /** Folder for state, curves and checkpoint. */
  readonly out: string;
  /** Optimiser steps in all, counted over every run into `out`. */
  readonly steps: number;
  /** Pictures a batch, and sentences about each. */
  readonly batch?: number;
  readonly sentences?: number;
  readonly seed?: number;
  readonly peakRate?: number;
  /** Checkpoint folder to begin from: parameters of the same name and shape are taken over, in any float type. */
  readonly init?: string;
  /** Steps of learning to read from sentences alone before pictures are seen; what reads is frozen then. Default none. */
  readonly readSteps?: number;
  /** First words of the names of parameters that are left as they are, such as "see" for what recognises things. */
  readonly freeze?: readonly string[];
  readonly resume?: boolean;
  readonly threads?: number;
  readonly sampler?: Omit<SamplerOptions, "batch" | "sentences" | "seed">;
  /** Seconds between saved states; a checkpoint to evaluate is exported with each. */
  readonly saveEveryS?: number;
  readonly onStep?: (progress: TrainProgress) => void;
  /** Called now and then while it learns to read. */
  readonly onRead?: ReadingOptions["onStep"];
  /** Called while sentences that were never seen before are encoded. */
  readonly onText?: (done: number, total: number) => void;
  /** Pause at this step, with a saved state: the schedule still counts to `steps`. */
  readonly stopAt?: number;
};

export type TrainProgress = {
  readonly step: number;
  readonly steps: number;
  /** Pictures a second. */
  readonly samplesPerS: number;
  /** Share of the time in which the engine waited for data, 0..1. */
  readonly dataWait: number;
  readonly etaS: number;
  readonly metrics: Readonly<Record<string, number>>;
};

const STATE_FILE = "state.safetensors";
const READING_FILE = "reading.safetensors";
const CURVE_FILE = "curve.jsonl";
/** Steps whose metrics are averaged into one line of the curve. */
const CURVE_STEPS = 50;
const WARMUP_STEPS = 300;

/** First words of the names of what reads. Learned from sentences alone, it stays as it is: pictures teach it nothing new. */
const READING = ["text", "understand", "intent.text", "skill"];

/** Returns the folder of the exported checkpoint. */
export async function trainTabletop(config: TabletopConfig, options: TrainOptions): Promise<string> {
  const { batch = 24, sentences = 4, seed = 1, threads = 2, saveEveryS = 120 } = options;
  await makeFolder(options.out, "for state, curves and checkpoint");
  const shards = openAll(options.data);
  const texts = new TextStore(await loadMinilm({ threads }), join(options.data, "texts.bin"));
  await texts.prepare(
    queriesOf(shards).map(({ text }) => text),
    options.onText,
  );
  const reading = await learnToRead(config, options, texts, shards);
  const { trainer, parametersOf } = await openTrainer(config, options, { batch, sentences, seed, threads, reading });
  const sampler = new TabletopSampler(shards, texts, config, { ...options.sampler, batch, sentences, seed });
  const save = async (): Promise<string> => {
    await writeWhole(join(options.out, STATE_FILE), trainer.saveState());
    return exportTabletop(config, parametersOf(), {
      folder: join(options.out, "checkpoint"),
      steps: trainer.steps,
      batch,
      seed,
    });
  };
  try {
    const loop = new TrainLoop(trainer, sampler, options, batch);
    let savedAt = performance.now();
    const end = Math.min(options.steps, options.stopAt ?? options.steps);
    while (trainer.steps < end) {
      await loop.step();
      if (performance.now() - savedAt > saveEveryS * 1000) {
        await save();
        savedAt = performance.now();
      }
    }
    return await save();
  } finally {
    await trainer.close();
    shards.close();
  }
}

/** All that a batch may say. */
function queriesOf(shards: Shards): Query[] {
  return shards.episodes.flatMap(({ meta }) => {
    const { commands, queries } = meta as EpisodeMeta;
    return [...commands, ...queries];
  });
}

/** Parameters of what reads, learned from sentences alone; kept, so that an interrupted training does not read again. */
async function learnToRead(
  config: TabletopConfig,
  { out, seed = 1, threads = 2, readSteps = 0, onRead }: TrainOptions,
  texts: TextStore,
  shards: Shards,
): Promise<ReadonlyMap<string, TensorData>> {
  const path = join(out, READING_FILE);
  if (readSteps === 0 || existsSync(join(out, STATE_FILE))) return new Map();
  if (existsSync(path)) return readSafetensors(readFileSync(path), path).tensors;
  const report = onRead === undefined ? {} : { onStep: onRead };
  const read = await trainReading(config, texts, queriesOf(shards), { steps: readSteps, seed, threads, ...report });
  await writeWhole(path, writeSafetensors(read));
  return read;
}

/** Takes steps with the next batch being filled while the present one is computed. */
class TrainLoop {
  readonly #trainer: Trainer;
  readonly #sampler: TabletopSampler;
  readonly #options: TrainOptions;
  readonly #batchRows: number;
  readonly #batches: [ReturnType<TabletopSampler["allocate"]>, ReturnType<TabletopSampler["allocate"]>];
  readonly #sums: Map<string, number> = new Map();
  #ready: Promise<void> | null = null;
  #count = 0;
  #waitMs = 0;
  #windowAt = performance.now();

  constructor(trainer: Trainer, sampler: TabletopSampler, options: TrainOptions, batchRows: number) {
    this.#trainer = trainer;
    this.#sampler = sampler;
    this.#options = options;
    this.#batchRows = batchRows;
    this.#batches = [sampler.allocate(), sampler.allocate()];
  }

  async step(): Promise<void> {
    const at = this.#trainer.steps;
    const [current, next] = this.#batches;
    const asked = performance.now();
    await (this.#ready ?? this.#sampler.fill(current, at));
    this.#waitMs += performance.now() - asked;
    const running = this.#trainer.run(current.arrays);
    this.#ready = this.#sampler.fill(next, at + 1);
    this.#batches.reverse();
    const metrics = await running;
    for (const [name, value] of Object.entries(metrics)) this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
    this.#count++;
    if (!Number.isFinite(metrics.loss)) {
      throw new BiddenError(
        "internal",
        `The loss became ${metrics.loss} at step ${at}; resume from the saved state with a lower rate.`,
        { step: at },
      );
    }
    if (this.#count === CURVE_STEPS) this.#report();
  }

  #report(): void {
    const now = performance.now();
    const elapsedS = (now - this.#windowAt) / 1000;
    const metrics = Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#count]));
    const samplesPerS = (this.#count * this.#batchRows) / elapsedS;
    const step = this.#trainer.steps;
    const progress: TrainProgress = {
      step,
      steps: this.#options.steps,
      samplesPerS,
      dataWait: this.#waitMs / 1000 / elapsedS,
      etaS: ((this.#options.steps - step) * elapsedS) / this.#count,
      metrics,
    };
    appendFileSync(join(this.#options.out, CURVE_FILE), `${JSON.stringify(progress)}\n`);
    this.#options.onStep?.(progress);
    this.#sums.clear();
    this.#count = 0;
    this.#waitMs = 0;
    this.#windowAt = now;
  }
}

async function openTrainer(
  config: TabletopConfig,
  options: TrainOptions,
  {
    batch,
    sentences,
    seed,
    threads,
    reading,
  }: {
    readonly batch: number;
    readonly sentences: number;
    readonly seed: number;
    readonly threads: number;
    readonly reading: ReadonlyMap<string, TensorData>;
  },
): Promise<{ trainer: Trainer; parametersOf: () => Map<string, TensorData> }> {
  const { graph, loss, metrics } = tabletopObjective(config, batch, sentences);
  const frozen = [...(options.freeze ?? []), ...((options.readSteps ?? 0) > 0 ? READING : [])];
  const step = buildTrainStep(graph, loss, {
    schedule: {
      peak: options.peakRate ?? 1.2e-3,
      warmupSteps: WARMUP_STEPS,
      decay: { kind: "cosine" },
      totalSteps: options.steps,
      final: 0.03,
    },
    adamw: { weightDecay: 0.02, beta2: 0.98 },
    clipNorm: 1,
    emaDecay: 0.999,
    freeze: (name) => frozen.some((first) => name.startsWith(`${first}.`)),
    metrics,
  });
  const trainer = await createTrainer(step, firstParameters(graph, seed, options.init, reading), {
    threads,
    // Spinning threads take the cores from whatever else runs beside a long training, and gain little here.
    engine: { extra: { session: { intra_op: { allow_spinning: "0" } } } },
  });
  const statePath = join(options.out, STATE_FILE);
  if (existsSync(statePath)) {
    if (options.resume !== true) {
      throw new BiddenError(
        "bad-argument",
        `"${options.out}" holds a training already: resume it, or name another folder.`,
      );
    }
    trainer.loadState(readFileSync(statePath));
  }
  return { trainer, parametersOf: () => trainer.emaParameters() };
}

/** Random, or from the checkpoint to begin from, or what was learned by reading: the last that knows a parameter. */
function firstParameters(
  graph: Graph,
  seed: number,
  init: string | undefined,
  reading: ReadonlyMap<string, TensorData>,
): Map<string, TensorData> {
  const parameters = new Map(initParameters(graph, createRng(seed)));
  if (init !== undefined) {
    const path = join(init, "model.safetensors");
    takeOver(parameters, readSafetensors(readFileSync(path), path).tensors);
  }
  takeOver(parameters, reading);
  return parameters;
}

/** Parameters of the same name and shape, in any float type. */
function takeOver(parameters: Map<string, TensorData>, tensors: ReadonlyMap<string, TensorData>): void {
  for (const [name, value] of parameters) {
    const known = tensors.get(name);
    if (known === undefined || known.shape.join() !== value.shape.join()) continue;
    parameters.set(name, { dtype: "float32", shape: value.shape, data: toFloat32(known.data, known.dtype) });
  }
}

function openAll(folder: string): Shards {
  const paths = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".shard"))
        .sort()
    : [];
  if (paths.length === 0) {
    throw new BiddenError("not-found", `No shards in "${folder}". Collect some first: bidden demo collect.`, {
      folder,
    });
  }
  return openShards(paths.map((name) => join(folder, name)));
}
