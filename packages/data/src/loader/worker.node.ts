/** A thread that reads batches: it opens the dataset itself and answers every number with a batch. */

import { parentPort, workerData } from "node:worker_threads";
import { BiddenError, type ErrorCode, type ErrorFields, messageOf } from "@bidden/runtime";
import { openDataset } from "../open.node.ts";
import { type Batch, type BatchOptions, BatchReader } from "./batch.ts";
import { createSampler, type SamplerOptions } from "./sampler.ts";

export type WorkerTask = { readonly path: string; readonly lengths: Uint32Array } & SamplerOptions & BatchOptions;
export type Request = { readonly epoch: number; readonly batch: number };
export type Answer =
  | { readonly batch: Batch }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly fields: ErrorFields } };

const task = workerData as WorkerTask;
const sampler = createSampler(task.lengths, task);
const reader = openDataset(task.path).then((dataset) => new BatchReader(dataset, task));
// Reported with the first batch.
reader.catch(() => undefined);

async function answer({ epoch, batch }: Request): Promise<void> {
  try {
    const read = await (await reader).read(sampler.plan(epoch, batch));
    const buffers = Object.values(read.columns).flatMap(({ values, padded }) =>
      padded === null ? [values.buffer] : [values.buffer, padded.buffer],
    );
    parentPort?.postMessage({ batch: read } satisfies Answer, buffers as ArrayBuffer[]);
  } catch (error) {
    const code = error instanceof BiddenError ? error.code : "internal";
    const fields = error instanceof BiddenError ? error.fields : {};
    parentPort?.postMessage({ error: { code, message: messageOf(error), fields } } satisfies Answer);
  }
}

// One after the other: a thread gains nothing from two at once.
let turn: Promise<void> = Promise.resolve();
parentPort?.on("message", (request: Request) => {
  turn = turn.then(() => answer(request));
});
