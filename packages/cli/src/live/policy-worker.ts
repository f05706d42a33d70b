/** The inference thread: loads the policy, says what it is, then turns observations into chunks. */
import { type MessagePort, workerData } from "node:worker_threads";
import type { CameraView, Observation, Policy, PolicyInfo } from "@bidden/runtime";
import { serveInference } from "@bidden/runtime/node";
import { asFailed, type Failed } from "./worker-death.ts";

export type PolicyWorkerData = {
  /** "tabletop", the bundled one, or the folder of a checkpoint of any family. */
  readonly policy: string;
  readonly observations: MessagePort;
  readonly thoughts: MessagePort;
  readonly control: MessagePort;
};

export type FromPolicy = { readonly type: "ready"; readonly info: PolicyInfo } | Failed;

/** Thinks once about nothing: the first thought compiles and allocates, and is too slow for an arm that waits for it. */
async function warmUp(policy: Policy): Promise<void> {
  const { cameras, stateNames, historyLength } = policy.info;
  const state = new Float32Array(stateNames.length);
  const views = Object.entries(cameras).map(([camera, { width, height }]): [string, CameraView] => {
    const image = { width, height, data: new Uint8Array(3 * width * height) };
    // One metre up, looking straight down.
    return [camera, { image, fovY: 0.8, baseFromCamera: Float64Array.of(1, 0, 0, 0.45, 0, 1, 0, 0, 0, 0, 1, 1) }];
  });
  const nothing: Observation = {
    id: "warm-up",
    captureNs: 0n,
    cameras: Object.fromEntries(views),
    state,
    history: Array.from({ length: historyLength }, () => state),
    instruction: "put the red block on the blue plate",
  };
  await policy.infer(nothing, { seed: 0 });
}

const { policy: name, observations, thoughts, control } = workerData as PolicyWorkerData;
try {
  const [{ loadPolicy }, { pandaEmbodiment }] = await Promise.all([
    import("@bidden/models/node"),
    import("@bidden/sim"),
  ]);
  const policy = await loadPolicy(name, { embodiment: pandaEmbodiment });
  await warmUp(policy);
  control.postMessage({ type: "ready", info: policy.info } satisfies FromPolicy);
  serveInference({ policy, observations, thoughts });
} catch (thrown) {
  control.postMessage(asFailed(thrown) satisfies FromPolicy);
  control.close();
}
