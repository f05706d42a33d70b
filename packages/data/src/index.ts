export type { ShardArray, ShardColumn, ShardDtype } from "./shards/format.ts";
