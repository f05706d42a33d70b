/** A pool's worker for this room's own tests: the expert drives, unless the setup asks for trouble. */
import { workerData } from "node:worker_threads";
import { BiddenError, type Policy } from "@bidden/runtime";
import { createExpertPolicy } from "@bidden/sim";
import { serveEpisodes } from "../pool.node.ts";

export type ExpertSetup = { readonly trouble?: "no-policy" | "exit" | "slow" };

const { trouble } = workerData as ExpertSetup;
await serveEpisodes({}, (world) => {
  if (trouble === "exit") process.exit(9);
  if (trouble === "no-policy") throw new BiddenError("bad-checkpoint", "The checkpoint is broken.");
  const expert = createExpertPolicy(world);
  return Promise.resolve(trouble === "slow" ? slowed(expert) : expert);
});

/** Thinks a while, and says when it was closed in peace. */
function slowed(policy: Policy): Policy {
  return {
    info: policy.info,
    infer: async (observation, request) => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return policy.infer(observation, request);
    },
    close: () => {
      const farewell = new BroadcastChannel("bidden-test-farewell");
      farewell.postMessage("closed");
      farewell.close();
      return policy.close();
    },
  };
}
