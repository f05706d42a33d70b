/**
 * Fine-tunes a policy on a dataset that bidden recorded, and writes a checkpoint that runs in the same loop as any other.
 *
 *   bidden run "pick up the red block" --seed 3 --headless --policy expert --record runs/shown      # some of these
 *   npx tsx recipes/finetune.ts --data runs/shown --family act --out runs/act --steps 400
 *   npx tsx recipes/finetune.ts --data runs/shown --checkpoint runs/smolvla_base --train head --lora 8 --out runs/smolvla
 *   bidden run "pick up the red block" --seed 3 --policy runs/act/checkpoint
 *
 * --checkpoint: a LeRobot checkpoint of ACT or SmolVLA; its weights stay, its cameras, state, actions and statistics become the
 * dataset's. --family: random weights instead (--size tiny|full, --dims FILE as in `bidden policy make`). --train head: the action
 * expert alone. --lora RANK: additions of that rank to the large matrices (--alpha, by default twice the rank), worked into the
 * weights at the end. State is saved every --save-every seconds and at Ctrl-C; --resume goes on with the same numbers.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Batch, type BatchColumn, type Feature } from "@bidden/data";
import { createLoader, openDataset } from "@bidden/data/node";
import {
  type Checkpoint,
  type DatasetFacts,
  type FamilyTraining,
  familyByName,
  familyOf,
  memorySource,
  openVariant,
  retarget,
  type TrainingOptions,
  type TrainingRow,
  type WrittenFiles,
} from "@bidden/models";
import { folderSource, openFolder, writeCheckpoint } from "@bidden/models/node";
import { BiddenError, createRng, type Image } from "@bidden/runtime";
import { makeFolder, writeWhole } from "@bidden/runtime/node";
import { buildTrainStep, type Elements, type Metrics, type TensorData, type Trainer } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";

const { values: flags } = parseArgs({
  options: {
    data: { type: "string" },
    checkpoint: { type: "string" },
    family: { type: "string" },
    size: { type: "string", default: "tiny" },
    dims: { type: "string" },
    out: { type: "string" },
    steps: { type: "string", default: "1000" },
    batch: { type: "string", default: "8" },
    rate: { type: "string" },
    train: { type: "string", default: "all" },
    lora: { type: "string" },
    alpha: { type: "string" },
    seed: { type: "string", default: "1" },
    threads: { type: "string", default: "2" },
    resume: { type: "boolean", default: false },
    "save-every": { type: "string", default: "120" },
    /** Pause at this step, with a saved state: the schedule still counts to --steps. */
    "stop-at": { type: "string" },
  },
});

const STATE_FILE = "state.safetensors";
/** Steps whose mean is one line of the curve. */
const CURVE_STEPS = 10;
const PROGRESS_EVERY_MS = 2000;
const STATE = "observation.state";

function whole(name: keyof typeof flags, least: number): number {
  const value = Number(flags[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new BiddenError(
    "bad-argument",
    `--${name}: expected a whole number from ${least}, got "${String(flags[name])}".`,
  );
}

function needed(name: "data" | "out"): string {
  const value = flags[name];
  if (value !== undefined) return value;
  throw new BiddenError("bad-argument", `--${name} is needed: ${name === "data" ? "the dataset" : "where to train"}.`);
}

type Data = { readonly facts: DatasetFacts; readonly tasks: readonly string[] };

/** What the dataset says of itself. */
async function readData(path: string): Promise<Data> {
  const dataset = await openDataset(path);
  try {
    const { features, fps } = dataset;
    const pictures = Object.entries(features).filter(([, { dtype }]) => dtype === "image" || dtype === "video");
    const cameras = pictures.map(
      ([name, { shape }]) => [name, { height: shape[0] ?? 0, width: shape[1] ?? 0 }] as const,
    );
    const stats = join(path, "meta", "stats.json");
    if (fps === null || !existsSync(stats)) {
      throw new BiddenError(
        "bad-dataset",
        `"${path}" is no LeRobotDataset v3: expected a frame rate and meta/stats.json.`,
      );
    }
    const facts = {
      cameras: Object.fromEntries(cameras),
      stateNames: namesOf(STATE, features[STATE]),
      actionNames: namesOf("action", features.action),
      stepMs: 1000 / fps,
      statistics: JSON.parse(readFileSync(stats, "utf8")) as Record<string, unknown>,
    };
    return { facts, tasks: dataset.tasks };
  } finally {
    await dataset.close();
  }
}

function namesOf(name: string, feature: Feature | undefined): readonly string[] {
  const size = feature?.shape[0] ?? 0;
  if (size === 0) throw new BiddenError("bad-dataset", `The dataset has no "${name}", which a policy learns from.`);
  const names: unknown = feature?.names;
  const texts = Array.isArray(names) ? names.map(String) : [];
  return texts.length === size ? texts : Array.from({ length: size }, (_, i) => `${name}${i}`);
}

/** The folder that training begins from: the checkpoint, or one of random weights made in `out`. */
async function baseFolder(out: string, { facts }: Data, seed: number): Promise<string> {
  if (flags.checkpoint !== undefined) return flags.checkpoint;
  if (flags.family === undefined) throw new BiddenError("bad-argument", "--checkpoint or --family is needed.");
  const folder = join(out, "base");
  if (existsSync(join(folder, "config.json"))) return folder;
  const said =
    flags.dims === undefined ? {} : (JSON.parse(readFileSync(flags.dims, "utf8")) as Record<string, unknown>);
  const dims = {
    ...said,
    cameras: Object.keys(facts.cameras).length,
    state_dim: facts.stateNames.length,
    action_dim: facts.actionNames.length,
  };
  const made = familyByName(flags.family).make?.({ size: flags.size === "full" ? "full" : "tiny", dims, seed });
  if (made === undefined) throw new BiddenError("unsupported", `"${flags.family}" makes no checkpoints.`);
  await writeCheckpoint(folder, made);
  return folder;
}

/** The base as a checkpoint for the dataset's robot, and the files in which it differs. */
async function openBase(folder: string, { facts }: Data): Promise<[Checkpoint, ReadonlyMap<string, Uint8Array>]> {
  const base = await openFolder(folder);
  const written = await retarget(base, facts);
  await base.close();
  const encoder = new TextEncoder();
  const own = new Map(
    [...written].map(([file, text]) => [file, typeof text === "string" ? encoder.encode(text) : text] as const),
  );
  return [await openVariant(memorySource(own, folder), folderSource(folder)), own];
}

function trainingOptions({ tasks }: Data, batch: number, seed: number): TrainingOptions {
  const rank = flags.lora === undefined ? null : whole("lora", 1);
  const alpha = flags.alpha === undefined ? 2 * (rank ?? 1) : Number(flags.alpha);
  return {
    batch,
    instructions: tasks,
    seed,
    what: flags.train === "head" ? "head" : "all",
    ...(rank === null ? {} : { lora: { rank, alpha } }),
  };
}

async function openTrainer(out: string, training: FamilyTraining, steps: number): Promise<Trainer> {
  const { rate, beta2, weightDecay, clipNorm } = training.defaults;
  const step = buildTrainStep(training.graph, training.loss, {
    schedule: {
      peak: flags.rate === undefined ? rate : Number(flags.rate),
      warmupSteps: Math.min(1000, Math.ceil(steps / 20)),
      decay: { kind: "cosine" },
      totalSteps: steps,
      final: 0.1,
    },
    adamw: { beta2, weightDecay },
    clipNorm,
    metrics: training.metrics,
  });
  const trainer = await createTrainer(step, await training.parameters(), { threads: whole("threads", 1) });
  const path = join(out, STATE_FILE);
  if (!existsSync(path)) return trainer;
  if (!flags.resume) {
    throw new BiddenError("bad-argument", `"${out}" holds a training already: --resume goes on with it.`);
  }
  trainer.loadState(readFileSync(path));
  return trainer;
}

/** The frames of a batch as rows. */
function rowsOf({ columns, tasks }: Batch, { facts }: Data): TrainingRow[] {
  const numbers = (column: BatchColumn | undefined, row: number): Float32Array => {
    const all = (column?.values ?? []) as ArrayLike<number>;
    const size = all.length / tasks.length;
    return Float32Array.from({ length: size }, (_, i) => all[row * size + i] as number);
  };
  const picture = (name: string, row: number): Image => {
    const { shape, values } = columns[name] as BatchColumn;
    const [, height = 0, width = 0] = shape;
    const size = 3 * height * width;
    return { width, height, data: (values as Uint8Array).subarray(row * size, (row + 1) * size) };
  };
  return tasks.map((instruction, row) => {
    const padded = columns.action?.padded ?? new Uint8Array(0);
    const length = padded.length / tasks.length;
    return {
      images: Object.fromEntries(Object.keys(facts.cameras).map((name) => [name, picture(name, row)])),
      state: numbers(columns[STATE], row),
      instruction,
      actions: numbers(columns.action, row),
      isPad: padded.subarray(row * length, (row + 1) * length),
    };
  });
}

/** Says how far it is and how long it takes, and keeps the curve. */
class Report {
  readonly #out: string;
  readonly #steps: number;
  readonly #begun: number;
  readonly #beganMs = performance.now();
  #shownMs = Number.NEGATIVE_INFINITY;
  #window: Metrics[] = [];

  constructor(out: string, steps: number, begun: number) {
    this.#out = out;
    this.#steps = steps;
    this.#begun = begun;
  }

  step(step: number, metrics: Metrics): void {
    if (!Number.isFinite(metrics.loss)) {
      throw new BiddenError("internal", `The loss became ${metrics.loss} at step ${step}: resume with a lower --rate.`);
    }
    this.#window.push(metrics);
    if (step % CURVE_STEPS === 0 || step === this.#steps) {
      appendFileSync(join(this.#out, "curve.jsonl"), `${JSON.stringify({ step, ...this.#means() })}\n`);
      this.#show(step);
      this.#window = [];
    }
  }

  #means(): Record<string, number> {
    const names = Object.keys(this.#window[0] ?? {});
    const mean = (name: string): number =>
      this.#window.reduce((sum, metrics) => sum + (metrics[name] ?? 0), 0) / this.#window.length;
    return Object.fromEntries(names.map((name) => [name, mean(name)]));
  }

  #show(step: number): void {
    const now = performance.now();
    if (now - this.#shownMs < PROGRESS_EVERY_MS && step < this.#steps) return;
    this.#shownMs = now;
    const each = (now - this.#beganMs) / (step - this.#begun);
    const values = Object.entries(this.#means()).map(([name, value]) => `${name} ${value.toPrecision(3)}`);
    const left = Math.round((each * (this.#steps - step)) / 1000);
    console.log(`step ${step}/${this.#steps}, ${each.toFixed(0)} ms a step, ${left} s left: ${values.join(", ")}`);
  }
}

/** A new folder takes the place of the old one only when it is whole. */
async function exportCheckpoint(
  out: string,
  checkpoint: Checkpoint,
  own: ReadonlyMap<string, Uint8Array>,
  trained: ReadonlyMap<string, TensorData>,
): Promise<string> {
  const [folder, fresh] = [join(out, "checkpoint"), join(out, "checkpoint.new")];
  const buffers = /^((un)?normalize_(inputs|targets|outputs))\./;
  const kept = [...checkpoint.tensors.values()].filter(({ name }) => !buffers.test(name));
  const tensors = kept.map(({ name, dtype, shape }) => ({ name, shape, dtype: trained.get(name)?.dtype ?? dtype }));
  const fill = async (name: string): Promise<Elements> => trained.get(name)?.data ?? (await checkpoint.read(name)).data;
  const files = new Map<string, Uint8Array>(own);
  for (const file of checkpoint.files) {
    const beside = /\.(json|model|txt|md)$/.test(file) && !file.endsWith(".safetensors.index.json");
    const bytes = beside && !files.has(file) ? await checkpoint.bytes(file) : null;
    if (bytes !== null) files.set(file, bytes);
  }
  const written: WrittenFiles<Promise<Elements>> = {
    files,
    weights: [{ file: "model.safetensors", tensors, fill, metadata: { format: "pt" } }],
  };
  rmSync(fresh, { recursive: true, force: true });
  await writeCheckpoint(fresh, written);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return folder;
}

type Job = { readonly out: string; readonly steps: number; readonly data: Data; readonly seed: number };

/** Takes steps until the end, a pause or Ctrl-C; answers whether it is done. */
async function train({ out, steps, data, seed }: Job, training: FamilyTraining, trainer: Trainer): Promise<boolean> {
  const batchSize = whole("batch", 1);
  const columns = [...Object.keys(data.facts.cameras), STATE, "action"];
  const windows = { action: Array.from({ length: training.chunk }, (_, i) => i) };
  const sampling = { batchSize, seed, dropLast: true, columns, windows, workers: 1 };
  const probe = await createLoader(needed("data"), sampling);
  const { batches, frames } = probe;
  await probe.close();
  if (batches === 0)
    throw new BiddenError("bad-dataset", `The dataset has ${frames} frames: fewer than a batch of ${batchSize}.`);
  const at = { seed, epoch: Math.floor(trainer.steps / batches), batch: trainer.steps % batches };
  const loader = await createLoader(needed("data"), { ...sampling, from: at });
  const report = new Report(out, steps, trainer.steps);
  const save = (): Promise<void> => writeWhole(join(out, STATE_FILE), trainer.saveState());
  const asked = { stop: false };
  process.once("SIGINT", () => (asked.stop = true));
  const end = flags["stop-at"] === undefined ? steps : Math.min(steps, whole("stop-at", 0));
  let savedMs = performance.now();
  try {
    while (trainer.steps < end && !asked.stop) {
      const batch = (await loader.next()) as Batch;
      const rng = createRng(seed).fork(`step ${trainer.steps}`);
      const metrics = await trainer.run(training.feeds(rowsOf(batch, data), rng));
      report.step(trainer.steps, metrics);
      if (performance.now() - savedMs < 1000 * whole("save-every", 1)) continue;
      await save();
      savedMs = performance.now();
    }
    await save();
  } finally {
    await loader.close();
  }
  return trainer.steps >= steps;
}

async function main(): Promise<void> {
  const [out, seed, steps] = [needed("out"), whole("seed", 0), whole("steps", 1)];
  const data = await readData(needed("data"));
  await makeFolder(out, "for state, curve and checkpoint");
  const [checkpoint, own] = await openBase(await baseFolder(out, data, seed), data);
  const family = familyOf(checkpoint);
  if (family.train === undefined) {
    throw new BiddenError(
      "unsupported",
      `Checkpoints of "${family.name}" are not trained here; those of act and smolvla are.`,
    );
  }
  const training = await family.train(checkpoint, trainingOptions(data, whole("batch", 1), seed));
  const trainer = await openTrainer(out, training, steps);
  const done = await train({ out, steps, data, seed }, training, trainer);
  if (done) {
    const folder = await exportCheckpoint(out, checkpoint, own, training.tensors(trainer.parameters()));
    console.log(`checkpoint in ${folder}`);
  } else console.log(`paused at step ${trainer.steps} of ${steps}; --resume goes on`);
  await trainer.close();
  await checkpoint.close();
}

try {
  await main();
} catch (thrown) {
  if (!(thrown instanceof BiddenError)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}
