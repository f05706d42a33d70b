/**
 * Trains the tabletop policy from shards. Deterministic by seed on one machine; may be killed at any moment and goes on from
 * the last saved state with the same bits; writes loss curves as it goes.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openShards, type Shards } from "@bidden/data/node";
import type { TabletopConfig } from "@bidden/models";
import { loadMinilm } from "@bidden/models/node";
import { BiddenError } from "@bidden/runtime";
import { makeFolder, writeWhole } from "@bidden/runtime/node";
import { buildTrainStep, readSafetensors, type TensorData, type Trainer, writeSafetensors } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import type { EpisodeMeta, Query } from "../collect/columns.ts";
import { beginning } from "./beginning.ts";
import { exportTabletop } from "./export.node.ts";
import { trainSeeing } from "./look.node.ts";
import { tabletopObjective } from "./objective.ts";
import { trainReading } from "./read.node.ts";
import { type SamplerOptions, TabletopSampler } from "./sampler.node.ts";
import type { StageOptions } from "./stage.node.ts";
import { StepLoop } from "./step-loop.node.ts";
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
  /** Steps of learning to read from sentences alone before pictures are seen; what reads stays as it is then. Default none. */
  readonly readSteps?: number;
  /** Steps of learning to see from pictures alone before anything is asked; what sees stays as it is then. Default none. */
  readonly seeSteps?: number;
  /** First words of the names of parameters that are left as they are, such as "see" for what recognises things. */
  readonly freeze?: readonly string[];
  readonly resume?: boolean;
  readonly threads?: number;
  readonly sampler?: Omit<SamplerOptions, "batch" | "sentences" | "seed">;
  /** Seconds between saved states; a checkpoint to evaluate is exported with each. */
  readonly saveEveryS?: number;
  readonly onStep?: (progress: TrainProgress) => void;
  /** Called now and then while it learns to read. */
  readonly onRead?: StageOptions["onStep"];
  /** Called now and then while it learns to see. */
  readonly onSee?: StageOptions["onStep"];
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
const SEEING_FILE = "seeing.safetensors";
const CURVE_FILE = "curve.jsonl";
/** Steps whose metrics are averaged into one line of the curve. */
const CURVE_STEPS = 50;
const WARMUP_STEPS = 300;
/** Pictures a step of learning to see. */
const LOOK_BATCH = 32;

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
  const before = await learnedBefore(config, options, texts, shards);
  const { trainer, parametersOf } = await openTrainer(config, options, { batch, sentences, seed, threads, before });
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

/** What is known before the whole is trained. */
type Before = {
  /** Where nothing is saved yet: parameters to begin with. */
  readonly first: ReadonlyMap<string, TensorData>;
  /** Names of what a stage of its own has taught: that is left as it is, as the whole teaches it nothing new. */
  readonly taught: ReadonlySet<string>;
};

/**
 * The checkpoint to begin from, what was learned by reading, what was learned by looking; the later knows better. Each stage is
 * kept in `out`, so that an interrupted training does not learn it again.
 */
async function learnedBefore(
  config: TabletopConfig,
  { out, init, seed = 1, threads = 2, readSteps = 0, seeSteps = 0, sampler: shares, onRead, onSee }: TrainOptions,
  texts: TextStore,
  shards: Shards,
): Promise<Before> {
  const begun = existsSync(join(out, STATE_FILE));
  const first = new Map(init === undefined || begun ? [] : tensorsIn(join(init, "model.safetensors")));
  const taught = new Set<string>();
  const learn = async (file: string, steps: number, train: () => Promise<Map<string, TensorData>>): Promise<void> => {
    const path = join(out, file);
    if (steps === 0 || (begun && !existsSync(path))) return;
    if (!existsSync(path)) await writeWhole(path, writeSafetensors(await train()));
    for (const [name, tensor] of tensorsIn(path)) {
      first.set(name, tensor);
      taught.add(name);
    }
  };
  await learn(READING_FILE, readSteps, () =>
    trainReading(config, texts, queriesOf(shards), { steps: readSteps, seed, threads, first, onStep: onRead }),
  );
  await learn(SEEING_FILE, seeSteps, () => {
    const sampler = new TabletopSampler(shards, texts, config, { ...shares, batch: LOOK_BATCH, sentences: 1, seed });
    return trainSeeing(config, sampler, { steps: seeSteps, batch: LOOK_BATCH, seed, threads, first, onStep: onSee });
  });
  return { first, taught };
}

function tensorsIn(path: string): ReadonlyMap<string, TensorData> {
  return readSafetensors(readFileSync(path), path).tensors;
}

/** Steps of the whole, with a line of the curve now and then. */
class TrainLoop {
  readonly #trainer: Trainer;
  readonly #loop: StepLoop<ReturnType<TabletopSampler["allocate"]>>;
  readonly #options: TrainOptions;
  readonly #batchRows: number;
  #unreported = 0;

  constructor(trainer: Trainer, sampler: TabletopSampler, options: TrainOptions, batchRows: number) {
    this.#trainer = trainer;
    this.#loop = new StepLoop(trainer, {
      allocate: () => sampler.allocate(),
      fill: (batch, step) => sampler.fill(batch, step),
      feeds: ({ arrays }) => arrays,
    });
    this.#options = options;
    this.#batchRows = batchRows;
  }

  async step(): Promise<void> {
    const at = this.#trainer.steps;
    const { loss } = await this.#loop.step();
    if (!Number.isFinite(loss)) {
      throw new BiddenError(
        "internal",
        `The loss became ${loss} at step ${at}; resume from the saved state with a lower rate.`,
        { step: at },
      );
    }
    this.#unreported++;
    if (this.#unreported === CURVE_STEPS) this.#report();
  }

  #report(): void {
    const { steps, elapsedS, waitS, metrics } = this.#loop.report();
    const step = this.#trainer.steps;
    const progress: TrainProgress = {
      step,
      steps: this.#options.steps,
      samplesPerS: (steps * this.#batchRows) / elapsedS,
      dataWait: waitS / elapsedS,
      etaS: ((this.#options.steps - step) * elapsedS) / steps,
      metrics,
    };
    appendFileSync(join(this.#options.out, CURVE_FILE), `${JSON.stringify(progress)}\n`);
    this.#options.onStep?.(progress);
    this.#unreported = 0;
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
    before: { first, taught },
  }: {
    readonly batch: number;
    readonly sentences: number;
    readonly seed: number;
    readonly threads: number;
    readonly before: Before;
  },
): Promise<{ trainer: Trainer; parametersOf: () => Map<string, TensorData> }> {
  const { graph, loss, metrics } = tabletopObjective(config, batch, sentences);
  const { freeze = [] } = options;
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
    freeze: (name) => taught.has(name) || freeze.some((word) => name.startsWith(`${word}.`)),
    metrics,
  });
  const trainer = await createTrainer(step, beginning(graph, seed, first), {
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
