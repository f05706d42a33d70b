/** TFRecord shards, record by record: where a reader stops at the first that is damaged, all are named here. */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { FileStore } from "../files/store.ts";
import { readSplits } from "../rlds/reader.ts";
import { checkRecords, uncompressed } from "../rlds/tfrecord.ts";
import type { Finding } from "./types.ts";

/** Every checksum of every shard is compared. `episode` is counted as the dataset counts them: over all splits, in their order. */
export async function checkShards(store: FileStore): Promise<Finding[]> {
  const out: Finding[] = [];
  let first = 0;
  for (const { files, lengths } of await readSplits(store)) {
    for (const [shard, path] of files.entries()) {
      out.push(...(await checkShard(store, path, first)));
      first += lengths[shard] ?? 0;
    }
  }
  return out;
}

async function checkShard(store: FileStore, path: string, first: number): Promise<Finding[]> {
  try {
    const file = await uncompressed(await store.open(path), `${store.root}/${path}`);
    try {
      const damages = await checkRecords(file, () => undefined);
      return damages.map(({ rule, record, message }) => ({
        rule,
        severity: "error",
        episode: first + record,
        evidence: `${path}: ${message}`,
      }));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof BiddenError)) throw error;
    const rule = error.code === "not-found" ? "file-missing" : "file-unreadable";
    return [{ rule, severity: "error", episode: first, evidence: messageOf(error) }];
  }
}
