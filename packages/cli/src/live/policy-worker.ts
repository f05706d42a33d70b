/** The inference thread: loads the policy, says what it is, then turns observations into chunks. */
import { type MessagePort, workerData } from "node:worker_threads";
import type { PolicyInfo } from "@bidden/runtime";
import { serveInference } from "@bidden/runtime/node";
import { loadPolicy } from "../policy/load-policy.ts";
import { asFailed, type Failed } from "./worker-death.ts";

export type PolicyWorkerData = {
  readonly observations: MessagePort;
  readonly thoughts: MessagePort;
  readonly control: MessagePort;
};

export type FromPolicy = { readonly type: "ready"; readonly info: PolicyInfo } | Failed;

const { observations, thoughts, control } = workerData as PolicyWorkerData;
try {
  const policy = await loadPolicy();
  control.postMessage({ type: "ready", info: policy.info } satisfies FromPolicy);
  serveInference({ policy, observations, thoughts });
} catch (thrown) {
  control.postMessage(asFailed(thrown) satisfies FromPolicy);
  control.close();
}
