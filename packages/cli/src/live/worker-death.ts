/** Errors that cross a thread as plain data, and waiting for a thread's first word. */
import type { Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { BiddenError, type ErrorCode, messageOf } from "@bidden/runtime";

export type Failed = { readonly type: "failed"; readonly code: ErrorCode; readonly message: string };

export function asFailed(thrown: unknown): Failed {
  const code = thrown instanceof BiddenError ? thrown.code : "internal";
  return { type: "failed", code, message: messageOf(thrown) };
}

/** The first message of this type; rejects when the thread fails or ends before. */
export function firstWord<T extends { readonly type: string }, K extends T["type"]>(
  port: MessagePort,
  worker: Worker,
  type: K,
  name: string,
): Promise<Extract<T, { type: K }>> {
  return new Promise((resolve, reject) => {
    const died = (reason: string): void =>
      reject(new BiddenError("worker-died", `The ${name}'s thread ended while it was starting: ${reason}`));
    worker.once("error", (error) => died(messageOf(error)));
    worker.once("exit", (code) => died(`code ${code}.`));
    port.on("message", function hear(message: T | Failed) {
      if (message.type === "failed") reject(new BiddenError((message as Failed).code, (message as Failed).message));
      else if (message.type !== type) return;
      else resolve(message as Extract<T, { type: K }>);
      port.off("message", hear);
    });
  });
}
