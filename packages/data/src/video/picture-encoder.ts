/** What an encoder is to the rest: pictures in, coded frames out, each decoded again and compared with what went in. */

import type { Image } from "@bidden/runtime";

export type VideoOptions = {
  readonly codec: "h264";
  /** Distance of keyframes, in frames: 2 when absent, as LeRobot has it, so that any frame is two decodings away. */
  readonly gop?: number;
  /** Quantiser: 0 (nothing visible is lost) to 51; 24 when absent. */
  readonly quality?: number;
};

export type VideoShape = { readonly width: number; readonly height: number; readonly fps: number };

/** One video while it grows. */
export interface VideoRecording {
  /** Frames so far. */
  readonly length: number;
  /** Throws `bad-dataset` when a frame does not decode to what it was made of. */
  add(image: Image): void;
  /** The whole MP4 file, once every frame was compared. Nothing can be added afterwards. */
  finish(): Uint8Array;
  close(): void;
}

/** Compiled encoders. */
export interface VideoEncoders {
  start(shape: VideoShape, options: VideoOptions): VideoRecording;
}

export const DEFAULT_GOP = 2;
export const DEFAULT_QUALITY = 24;
