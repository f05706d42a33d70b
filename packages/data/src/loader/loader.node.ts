/**
 * Batches for training, read and decoded by threads of their own while the training thread computes. The order depends on the
 * seed alone, not on which thread is faster; three numbers say where to go on.
 */

import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { BiddenError } from "@bidden/runtime";
import { spawnWorker } from "@bidden/runtime/node";
import { openDataset } from "../open.node.ts";
import type { Batch, BatchOptions } from "./batch.ts";
import { createSampler, type Sampler, type SamplerOptions } from "./sampler.ts";
import type { Answer, Request, WorkerTask } from "./worker.node.ts";

export type LoaderState = { readonly seed: number; readonly epoch: number; readonly batch: number };

export type LoaderOptions = SamplerOptions &
  BatchOptions & {
    /** Threads; one less than there are processors when absent. */
    readonly workers?: number;
    /** Batches that each thread may be ahead. 2 when absent. */
    readonly ahead?: number;
    /** Epochs; without end when absent. */
    readonly epochs?: number;
    /** Where to go on: what `state` was. */
    readonly from?: LoaderState;
  };

export type Loader = AsyncIterable<Batch> & {
  /** Frames, and batches of an epoch. */
  readonly frames: number;
  readonly batches: number;
  /** The batch that comes next. */
  readonly state: LoaderState;
  /** Null after the last epoch. */
  next(): Promise<Batch | null>;
  close(): Promise<void>;
};

/** @param path as `openDataset` takes it. */
export async function createLoader(path: string, options: LoaderOptions): Promise<Loader> {
  const { seed = 0, from } = options;
  if (from !== undefined && from.seed !== seed) {
    throw new BiddenError(
      "bad-argument",
      `The state to go on from has seed ${from.seed}, the loader ${seed}: the order would be another.`,
    );
  }
  const dataset = await openDataset(path);
  const lengths = new Uint32Array(dataset.episodeCount);
  try {
    for (let i = 0; i < lengths.length; i++) lengths[i] = (await dataset.episode(i)).length;
  } finally {
    await dataset.close();
  }
  const { epochs: _epochs, from: _from, workers, ahead, ...task } = options;
  const threads = workers ?? Math.max(1, availableParallelism() - 1);
  if (!Number.isInteger(threads) || threads < 1) {
    throw new BiddenError("bad-argument", `workers must be a whole number from 1, got ${threads}.`);
  }
  const started = Array.from({ length: threads }, () =>
    spawnWorker(new URL("./worker.node.ts", import.meta.url), {
      workerData: { ...task, seed, path, lengths } satisfies WorkerTask,
    }),
  );
  return new WorkerLoader(started, createSampler(lengths, task), options, ahead ?? 2);
}

type Waiting = { resolve(batch: Batch): void; reject(error: unknown): void };

class WorkerLoader implements Loader {
  readonly frames: number;
  readonly batches: number;
  readonly #workers: readonly Worker[];
  readonly #seed: number;
  readonly #epochs: number;
  readonly #ahead: number;
  /** Answers come in the order of the requests, for each thread. */
  readonly #waiting: readonly Waiting[][];
  readonly #coming: Promise<Batch>[] = [];
  /** Batches handed out and asked for, counted over all epochs. */
  #given: number;
  #asked: number;
  #failure: unknown = null;

  constructor(workers: readonly Worker[], sampler: Sampler, { seed = 0, epochs, from }: LoaderOptions, ahead: number) {
    this.frames = sampler.frames;
    this.batches = sampler.batches;
    this.#workers = workers;
    this.#seed = seed;
    this.#epochs = epochs ?? Number.POSITIVE_INFINITY;
    this.#ahead = Math.max(1, ahead);
    this.#waiting = workers.map(() => []);
    this.#given = (from?.epoch ?? 0) * sampler.batches + (from?.batch ?? 0);
    this.#asked = this.#given;
    for (const [i, worker] of workers.entries()) {
      worker.on("message", (answer: Answer) => this.#take(i, answer));
      worker.on("error", (error) => this.#fail(error));
      worker.on("exit", (code) => this.#fail(code));
    }
  }

  get state(): LoaderState {
    const per = Math.max(1, this.batches);
    return { seed: this.#seed, epoch: Math.floor(this.#given / per), batch: this.#given % per };
  }

  async next(): Promise<Batch | null> {
    if (this.#failure !== null) throw this.#died();
    const end = this.batches === 0 ? 0 : this.batches * this.#epochs;
    while (this.#asked < end && this.#coming.length < this.#workers.length * this.#ahead) this.#ask(this.#asked++);
    const coming = this.#coming.shift();
    if (coming === undefined) return null;
    const batch = await coming;
    this.#given++;
    return batch;
  }

  #ask(number: number): void {
    const i = number % this.#workers.length;
    const promise = new Promise<Batch>((resolve, reject) => this.#waiting[i]?.push({ resolve, reject }));
    // Whoever takes the batch hears of it; nobody may ever.
    promise.catch(() => undefined);
    this.#coming.push(promise);
    const request: Request = { epoch: Math.floor(number / this.batches), batch: number % this.batches };
    this.#workers[i]?.postMessage(request);
  }

  #take(i: number, answer: Answer): void {
    const waiting = this.#waiting[i]?.shift();
    if ("batch" in answer) waiting?.resolve(answer.batch);
    else waiting?.reject(new BiddenError(answer.error.code, answer.error.message, answer.error.fields));
  }

  #died(): BiddenError {
    return new BiddenError("worker-died", "A thread that reads batches has ended.", {}, this.#failure);
  }

  #fail(cause: unknown): void {
    this.#failure ??= cause;
    for (const list of this.#waiting) for (const waiting of list.splice(0)) waiting.reject(this.#died());
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Batch> {
    for (let batch = await this.next(); batch !== null; batch = await this.next()) yield batch;
  }

  async close(): Promise<void> {
    this.#failure ??= "closed";
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
