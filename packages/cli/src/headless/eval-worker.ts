/** A worker thread of `bidden eval`: a world and a policy of its own. */
import { workerData } from "node:worker_threads";
import type { EpisodeOptions } from "@bidden/eval";
import { serveEpisodes } from "@bidden/eval/node";
import { checkHead, loadPolicyByName } from "../policy/load-by-name.ts";

export type EvalSetup = Omit<EpisodeOptions, "signal"> & {
  /** As `--policy` takes it. */
  readonly policy: string;
};

const setup = workerData as EvalSetup;
await serveEpisodes(setup, async (world) => {
  const policy = await loadPolicyByName(setup.policy, world);
  checkHead(policy, setup.head);
  return policy;
});
