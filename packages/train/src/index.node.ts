export type { CollectOptions } from "./collect/collect.node.ts";
export type { CorrectOptions } from "./collect/correct.node.ts";
export { correctShard } from "./collect/correct.node.ts";
export { sayShardAgain } from "./collect/say-again.node.ts";
export { collectShard } from "./collect/collect.node.ts";
export type { TrainOptions, TrainProgress } from "./tabletop/train.node.ts";
export { trainTabletop } from "./tabletop/train.node.ts";
