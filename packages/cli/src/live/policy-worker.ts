/** The inference thread: loads the policy, says what it is, then turns observations into chunks. */
import { type MessagePort, workerData } from "node:worker_threads";
import type { PolicyInfo } from "@bidden/runtime";
import { serveInference } from "@bidden/runtime/node";
import { asFailed, type Failed } from "./worker-death.ts";

export type PolicyWorkerData = {
  /** "tabletop", the bundled one, or the folder of a checkpoint. */
  readonly policy: string;
  readonly observations: MessagePort;
  readonly thoughts: MessagePort;
  readonly control: MessagePort;
};

export type FromPolicy = { readonly type: "ready"; readonly info: PolicyInfo } | Failed;

const { policy: name, observations, thoughts, control } = workerData as PolicyWorkerData;
try {
  const { loadTabletopPolicy } = await import("@bidden/models/node");
  const policy = await (name === "tabletop" ? loadTabletopPolicy() : loadTabletopPolicy(name));
  control.postMessage({ type: "ready", info: policy.info } satisfies FromPolicy);
  serveInference({ policy, observations, thoughts });
} catch (thrown) {
  control.postMessage(asFailed(thrown) satisfies FromPolicy);
  control.close();
}
