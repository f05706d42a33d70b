export { evaluateInWorkers, serveEpisodes } from "./pool.node.ts";
export type { PoolOptions, PoolResult } from "./pool.node.ts";
export { openRunRecording, RunRecording } from "./recording.node.ts";
export type { RunRecordingOptions } from "./recording.node.ts";
export { encodePicture } from "./picture.node.ts";
