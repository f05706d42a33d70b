export { openShards } from "./shards/reader.node.ts";
export type { ShardEpisode, Shards } from "./shards/reader.node.ts";
export { openShardWriter } from "./shards/writer.node.ts";
export type { ShardWriter } from "./shards/writer.node.ts";
