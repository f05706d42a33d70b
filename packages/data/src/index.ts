export type {
  Column,
  Dataset,
  Dtype,
  EpisodeData,
  EpisodeInfo,
  Feature,
  Features,
  ImageColumn,
  NumberArray,
  NumberDtype,
  ReadOptions,
} from "./dataset/types.ts";
export type { FileStore, RandomAccess, WritableStore } from "./files/store.ts";
export { openLeRobot } from "./lerobot/reader.ts";
export type { VideoDecoder } from "./lerobot/reader.ts";
export type { EpisodeStart, Recorder, RecorderOptions } from "./lerobot/recorder.ts";
export type { FrameValue } from "./lerobot/running-episode.ts";
export type { ShardArray, ShardColumn, ShardDtype } from "./shards/format.ts";
export type { FeatureStats } from "./stats/stats.ts";
