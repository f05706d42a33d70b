/** What an encoder is to the rest: pictures in, coded frames out, each decoded again and compared with what went in. */

import type { Image } from "@bidden/runtime";
import type { Planes } from "./planes.ts";

export type VideoCodec = "h264" | "av1";

export type EncodeOptions = {
  /** Distance of keyframes, in frames: 2 when absent, as LeRobot has it, so that any frame is two decodings away. */
  readonly gop?: number;
  /** Quantiser: 0 (nothing visible is lost) to 51 for H.264, 63 for AV1; 24 and 30 when absent. */
  readonly quality?: number;
};

export type VideoOptions = EncodeOptions & { readonly codec: VideoCodec };

export type VideoShape = { readonly width: number; readonly height: number; readonly fps: number };

/** One video while it grows. */
export interface VideoRecording {
  /** Frames so far. */
  readonly length: number;
  /** Throws `bad-dataset` when a frame does not decode to what it was made of. */
  add(image: Image): void;
  /** The same for a picture that was decoded: its light and colours are not turned into RGB and back. */
  addPlanes(planes: Planes): void;
  /** The whole MP4 file, once every frame was compared. Nothing can be added afterwards. */
  finish(): Uint8Array;
  close(): void;
}

/** A compiled encoder. */
export interface VideoEncoders {
  start(shape: VideoShape, options: EncodeOptions): VideoRecording;
}

export const DEFAULT_VIDEO: VideoOptions = { codec: "h264" };
export const DEFAULT_GOP = 2;
export const DEFAULT_QUALITY: Readonly<Record<VideoCodec, number>> = { h264: 24, av1: 30 };
export const MOST_QUALITY: Readonly<Record<VideoCodec, number>> = { h264: 51, av1: 63 };

export const CODEC_TITLES: Readonly<Record<VideoCodec, string>> = { h264: "H.264", av1: "AV1" };
const LEAST_SIDE = 16;
const MOST_SIDE = 4096;

/** Whether a codec, in 4:2:0, can hold such pictures; OpenH264 takes no odd sides. */
export function holdsPictures(codec: VideoCodec, width: number, height: number): boolean {
  const odd = codec === "h264" && (width % 2 === 1 || height % 2 === 1);
  return !odd && [width, height].every((side) => side >= LEAST_SIDE && side <= MOST_SIDE);
}

/** A clause for messages. */
export function picturesHeld(codec: VideoCodec): string {
  return `${CODEC_TITLES[codec]} holds pictures with ${codec === "h264" ? "even " : ""}sides of ${LEAST_SIDE} to ${MOST_SIDE}`;
}
