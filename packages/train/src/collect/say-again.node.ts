/**
 * Says anew what was said about the episodes of a shard: sentences depend on an episode's seed and task alone, so that data
 * collected earlier can be spoken about in words and templates that came later, without drawing a picture again.
 */
import { renameSync, rmSync } from "node:fs";
import { openShards, openShardWriter, type ShardArray, type ShardEpisode, type Shards } from "@bidden/data/node";
import { createScene } from "@bidden/sim";
import { drawEpisode, movingMeta, stillMeta } from "./collect.ts";
import type { EpisodeMeta } from "./columns.ts";

/** The same episode with new sentences; as it is where its task is not known. */
export function saidAgain(meta: EpisodeMeta): EpisodeMeta {
  const { kind, seed, skill, task } = meta;
  if (kind === "still") return stillMeta(seed, createScene(seed));
  if (kind === "demonstration" && skill !== null) {
    const drawn = drawEpisode(seed, skill);
    return drawn === null ? meta : movingMeta(kind, seed, drawn.scene, task ?? drawn.task);
  }
  return task === undefined ? meta : movingMeta("correction", seed, createScene(seed), task);
}

/** Replaces a shard by one with the same frames and new sentences, whole or not at all. */
export function sayShardAgain(path: string, onEpisode?: (done: number, total: number) => void): void {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  const shards = openShards(path, { memoryLimit: 0 });
  const writer = openShardWriter(part, shards.columns);
  try {
    for (const [index, episode] of shards.episodes.entries()) {
      writer.addEpisode(saidAgain(episode.meta as EpisodeMeta), columnsOf(shards, episode));
      onEpisode?.(index + 1, shards.episodes.length);
    }
  } finally {
    writer.close();
    shards.close();
  }
  renameSync(part, path);
}

function columnsOf(shards: Shards, { start, length }: ShardEpisode): Record<string, ShardArray> {
  return Object.fromEntries(
    shards.columns.map(({ name, dtype, shape }) => {
      const size = length * shape.reduce((a, b) => a * b, 1);
      const out = dtype === "uint8" ? new Uint8Array(size) : new Float32Array(size);
      shards.readRange(start, length, name, out);
      return [name, out];
    }),
  );
}
