/** Collects training shards into a folder: a range of seeds in one process, resumable, one file per kind and range. */
import { join } from "node:path";
import { openShards, openShardWriter } from "@bidden/data/node";
import type { TabletopConfig } from "@bidden/models";
import { makeFolder } from "@bidden/runtime/node";
import { createWorld } from "@bidden/sim";
import { type CollectOutcome, collectDemonstration, collectStill } from "./collect.ts";
import { frameColumns } from "./columns.ts";

export type CollectOptions = {
  readonly folder: string;
  readonly kind: "demonstration" | "still";
  /** Seeds from `firstSeed`, one an episode. Training keeps below 900,000; evaluation begins at 1,000,000. */
  readonly firstSeed: number;
  readonly episodes: number;
  readonly onEpisode?: (done: number, outcome: CollectOutcome | null) => void;
};

/** Returns the path of the shard. An interrupted range goes on behind the last whole episode. */
export async function collectShard(config: TabletopConfig, options: CollectOptions): Promise<string> {
  await makeFolder(options.folder, "for the shards");
  const path = join(options.folder, `${options.kind}-${options.firstSeed}.shard`);
  const columns = frameColumns(config);
  const writer = openShardWriter(path, columns);
  const next = nextSeed(path, options.firstSeed);
  const world = await createWorld();
  try {
    for (let seed = next; seed < options.firstSeed + options.episodes; seed++) {
      const outcome =
        options.kind === "still"
          ? collectStill(world, config, seed, writer)
          : collectDemonstration(world, config, seed, writer);
      options.onEpisode?.(seed - options.firstSeed + 1, outcome);
    }
  } finally {
    world.close();
    writer.close();
  }
  return path;
}

function nextSeed(path: string, firstSeed: number): number {
  let shards: ReturnType<typeof openShards>;
  try {
    shards = openShards(path, { memoryLimit: 0 });
  } catch {
    return firstSeed; // A shard without a whole episode has nothing to go on from.
  }
  const last = shards.episodes[shards.episodes.length - 1]?.meta as { seed: number } | undefined;
  shards.close();
  return last === undefined ? firstSeed : last.seed + 1;
}
