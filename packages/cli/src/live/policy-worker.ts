/** The inference thread: loads the policy, says what it is, then turns observations into chunks. */
import { type MessagePort, workerData } from "node:worker_threads";
import type { PolicyInfo } from "@bidden/runtime";
import { serveInference } from "@bidden/runtime/node";

export type PolicyWorkerData = {
  readonly observations: MessagePort;
  readonly thoughts: MessagePort;
  readonly control: MessagePort;
};

export type FromPolicy = { readonly type: "ready"; readonly info: PolicyInfo };

const { observations, thoughts, control } = workerData as PolicyWorkerData;
const { loadPolicy } = await import("../policy/load-policy.ts");
const policy = await loadPolicy();
control.postMessage({ type: "ready", info: policy.info } satisfies FromPolicy);
serveInference({ policy, observations, thoughts });
