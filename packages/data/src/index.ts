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
export { catEpisode } from "./inspect/cat.ts";
export type { ImageSink } from "./inspect/cat.ts";
export { describeDataset, sayReport } from "./inspect/describe.ts";
export type { DatasetReport } from "./inspect/describe.ts";
export type { FileStore, RandomAccess, WritableStore } from "./files/store.ts";
export { encodePng } from "./image/png.ts";
export type { Capture, SensorTrack } from "./lerobot/capture.ts";
export { openLeRobot } from "./lerobot/reader.ts";
export type { EpisodeStart, Recorder, RecorderOptions } from "./lerobot/recorder.ts";
export type { FrameValue } from "./lerobot/running-episode.ts";
export { lintLeRobot } from "./lint/lint.ts";
export type { Finding, Severity } from "./lint/types.ts";
export { parseMixture, publishedMixture, sayMixture, table as sayTable } from "./mix/mixture.ts";
export type { MixPart, MixPlan, MixReport } from "./mix/mixture.ts";
export { denormalise, normalise } from "./oxe/normalise.ts";
export type { Normalisation, NormalisationStats } from "./oxe/normalise.ts";
export { MIXTURES, planMixture } from "./oxe/mixtures.ts";
export { OXE_DATASETS } from "./oxe/registry.ts";
export * as rotations from "./oxe/rotations.ts";
export { oxeColumns, standardise } from "./oxe/standardise.ts";
export { openRlds } from "./rlds/reader.ts";
export type { ShardArray, ShardColumn, ShardDtype } from "./shards/format.ts";
export type { FeatureStats } from "./stats/stats.ts";
export { createCodecs } from "./video/codecs.ts";
export type { CodecSources } from "./video/codecs.ts";
export { createVideoDecoder } from "./video/decoder.ts";
export type { VideoDecoder } from "./video/decoder.ts";
export type { VideoOptions } from "./video/picture-encoder.ts";
export { streamSteps } from "./dataset/stream.ts";
export type { Step, StepValue, StreamOptions } from "./dataset/stream.ts";
export { BatchReader } from "./loader/batch.ts";
export type { Batch, BatchColumn, BatchOptions } from "./loader/batch.ts";
export { createSampler } from "./loader/sampler.ts";
export type { BatchPlan, Sampler, SamplerOptions } from "./loader/sampler.ts";
export { QuantileSketch, statsFromSketches } from "./stats/sketch.ts";
export type { SketchState } from "./stats/sketch.ts";
