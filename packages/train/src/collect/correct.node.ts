/** Collects a shard of corrected rollouts: one range of seeds in one process, whole or not at all. */
import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { openShardWriter } from "@bidden/data/node";
import { loadTabletopPolicy } from "@bidden/models/node";
import { makeFolder } from "@bidden/runtime/node";
import { createWorld } from "@bidden/sim";
import { trainingConfig } from "../tabletop/config.ts";
import { frameColumns } from "./columns.ts";
import { type CorrectionOutcome, collectCorrection } from "./corrections.ts";

export type CorrectOptions = {
  /** The shard to write. */
  readonly path: string;
  /** Folder of the policy that drives. */
  readonly checkpoint: string;
  readonly firstSeed: number;
  readonly episodes: number;
  readonly onEpisode?: (done: number, outcome: CorrectionOutcome) => void;
};

export async function correctShard({
  path,
  checkpoint,
  firstSeed,
  episodes,
  onEpisode,
}: CorrectOptions): Promise<void> {
  await makeFolder(dirname(path), "for the shards");
  const [world, policy] = await Promise.all([createWorld(), loadTabletopPolicy(checkpoint, { threads: 1 })]);
  const part = `${path}.part`;
  rmSync(part, { force: true }); // The policy may be another one by now: an interrupted range begins anew.
  const writer = openShardWriter(part, frameColumns(trainingConfig));
  try {
    for (let i = 0; i < episodes; i++) {
      const seed = firstSeed + i;
      onEpisode?.(i + 1, await collectCorrection({ world, policy, config: trainingConfig, seed, writer }));
    }
  } finally {
    writer.close();
    await policy.close();
    world.close();
  }
  renameSync(part, path);
}
