/** A pool's worker for this room's own tests: the expert drives, unless the setup asks for trouble. */
import { workerData } from "node:worker_threads";
import { BiddenError } from "@bidden/runtime";
import { createExpertPolicy } from "@bidden/sim";
import { serveEpisodes } from "../pool.node.ts";

export type ExpertSetup = { readonly trouble?: "no-policy" | "exit" };

const { trouble } = workerData as ExpertSetup;
await serveEpisodes({}, (world) => {
  if (trouble === "exit") process.exit(9);
  if (trouble === "no-policy") throw new BiddenError("bad-checkpoint", "The checkpoint is broken.");
  return Promise.resolve(createExpertPolicy(world));
});
