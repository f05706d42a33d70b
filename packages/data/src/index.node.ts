export { createFolderStore } from "./files/store.node.ts";
export { hashSink, pngSink, sizeOnDisk } from "./inspect/sinks.node.ts";
export { openRecorder } from "./lerobot/open.node.ts";
export { openDataset } from "./open.node.ts";
export { openShards } from "./shards/reader.node.ts";
export type { ShardEpisode, Shards } from "./shards/reader.node.ts";
export { openShardWriter } from "./shards/writer.node.ts";
export type { ShardWriter } from "./shards/writer.node.ts";
export type { ShardArray, ShardColumn } from "./shards/format.ts";
