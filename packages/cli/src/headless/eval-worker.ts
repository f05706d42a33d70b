/** A worker thread of `bidden eval`: a world and a policy of its own. */
import { serveEpisodes } from "@bidden/eval/node";
import type { EpisodeOptions } from "@bidden/eval";
import { loadPolicyByName } from "../policy/load-by-name.ts";

export type EvalSetup = EpisodeOptions & {
  /** As `--policy` takes it. */
  readonly policy: string;
};

await serveEpisodes<EvalSetup>((world, setup) => loadPolicyByName(setup.policy, world));
