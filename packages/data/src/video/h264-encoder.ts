/** H.264 videos through OpenH264's encoder in WebAssembly (packages/codecs/openh264), each frame decoded again and compared. */

import { BiddenError, type Image } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";
import { avc1Entry, configurationOf, frameOfUnits, unitsOf } from "../media/avc1.ts";
import { encodeVideoHeader } from "../media/mp4-header.ts";
import { createH264 } from "./h264.ts";
import { allowedError, findLostBlock } from "./lost-content.ts";
import type { PictureDecoder } from "./picture-decoder.ts";
import {
  DEFAULT_GOP,
  DEFAULT_QUALITY,
  type VideoEncoders,
  type VideoOptions,
  type VideoRecording,
  type VideoShape,
} from "./picture-encoder.ts";
import { type Planes, planesFromRgb } from "./planes.ts";
import { WASI } from "./wasi.ts";

type Exports = {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(address: number): void;
  h264_encoder_open(width: number, height: number, fps: number, quality: number, gop: number): number;
  /** Bytes of the frame; 0: none, below 0: an error. */
  h264_encode(encoder: number, planes: number, width: number, height: number): number;
  h264_keyframe(): number;
  h264_take(to: number): void;
  h264_encoder_close(encoder: number): void;
};

/** Of the clock of the MP4 file, a frame; FFmpeg's number for whole rates. */
const TICKS = 512;
const LEAST_SIDE = 16;
const MOST_SIDE = 4096;

/** Whether H.264 in 4:2:0 can hold such pictures. */
export function fitsH264(width: number, height: number): boolean {
  return [width, height].every((side) => side % 2 === 0 && side >= LEAST_SIDE && side <= MOST_SIDE);
}

export function createH264Encoders(encoder: WebAssembly.Module, decoder: WebAssembly.Module): VideoEncoders {
  return { start: (shape, options) => new H264Recording(encoder, decoder, shape, options) };
}

class H264Recording implements VideoRecording {
  readonly #wasm: Exports;
  readonly #decoderModule: WebAssembly.Module;
  readonly #shape: VideoShape;
  readonly #quality: number;
  #encoder: number;
  readonly #input: number;
  readonly #frames: Uint8Array[] = [];
  readonly #keys: boolean[] = [];
  #configuration: Uint8Array | null = null;
  #decoder: PictureDecoder | null = null;
  /** What went in and did not come out yet, by frame. */
  readonly #waiting = new Map<number, Planes>();

  constructor(encoder: WebAssembly.Module, decoder: WebAssembly.Module, shape: VideoShape, options: VideoOptions) {
    const { width, height, fps } = shape;
    const { gop = DEFAULT_GOP, quality = DEFAULT_QUALITY } = options;
    if (!fitsH264(width, height)) {
      throw new BiddenError(
        "bad-argument",
        `H.264 holds pictures with even sides of ${LEAST_SIDE} to ${MOST_SIDE}; got ${width} x ${height}.`,
      );
    }
    if (!Number.isInteger(gop) || gop < 1 || gop > 1000)
      throw new BiddenError("bad-argument", `Keyframes stand 1 to 1000 frames apart; got ${gop}.`, { gop });
    if (!Number.isInteger(quality) || quality < 0 || quality > 51)
      throw new BiddenError("bad-argument", `Quality is a quantiser from 0 to 51; got ${quality}.`, { quality });
    this.#wasm = new WebAssembly.Instance(encoder, { wasi_snapshot_preview1: WASI }).exports as unknown as Exports;
    this.#wasm._initialize();
    this.#decoderModule = decoder;
    this.#shape = shape;
    this.#quality = quality;
    this.#encoder = this.#wasm.h264_encoder_open(width, height, fps, quality, gop);
    this.#input = this.#wasm.malloc(width * height * 1.5);
    if (this.#encoder === 0 || this.#input === 0)
      throw new BiddenError("internal", `internal: the H.264 encoder does not start for ${width} x ${height}.`);
  }

  get length(): number {
    return this.#frames.length;
  }

  add(image: Image): void {
    const number = this.length;
    const planes = planesFromRgb(image);
    const { bytes, key } = this.#encode(planes, number);
    const units = unitsOf(bytes);
    if (key) this.#configuration ??= configurationOf(units);
    const frame = frameOfUnits(units);
    this.#frames.push(frame);
    this.#keys.push(key);
    this.#waiting.set(number, planes);
    if (this.#configuration === null)
      throw new BiddenError("internal", "internal: the H.264 encoder began without parameter sets.");
    this.#decoder ??= createH264(this.#decoderModule, this.#configuration);
    this.#decoder.push(frame, number);
    this.#compare();
  }

  #encode({ width, height, y, u, v }: Planes, number: number): { bytes: Uint8Array; key: boolean } {
    const wasm = this.#wasm;
    const memory = new Uint8Array(wasm.memory.buffer);
    memory.set(y, this.#input);
    memory.set(u, this.#input + y.length);
    memory.set(v, this.#input + y.length + u.length);
    const length = wasm.h264_encode(this.#encoder, this.#input, width, height);
    if (length <= 0) throw new BiddenError("internal", `internal: frame ${number} was not encoded (${length}).`);
    const address = wasm.malloc(length);
    if (address === 0) throw new BiddenError("internal", `internal: no memory for frame ${number} of ${length} bytes.`);
    wasm.h264_take(address);
    const bytes = new Uint8Array(wasm.memory.buffer).slice(address, address + length);
    wasm.free(address);
    return { bytes, key: wasm.h264_keyframe() !== 0 };
  }

  /** Decoded pictures with those that they were made of. */
  #compare(): void {
    for (const [number, decoded] of this.#decoder?.take() ?? []) {
      const source = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (source === undefined) continue;
      const lost = findLostBlock(source, decoded, allowedError(this.#quality));
      if (lost === null) continue;
      throw new BiddenError(
        "bad-dataset",
        `Frame ${number} of the video that was encoded shows something else at (${lost.x}, ${lost.y}): off by ${lost.error.toFixed(0)} of 255 on average over 8 x 8 pixels.`,
        { rule: "video-lost-content", frame: number },
      );
    }
  }

  finish(): Uint8Array {
    this.#decoder?.flush();
    this.#compare();
    const [missing] = this.#waiting.keys();
    if (missing !== undefined || this.#configuration === null)
      throw new BiddenError("bad-dataset", `Frame ${missing ?? 0} of the video that was encoded is not shown.`, {
        rule: "video-frame-count",
      });
    const { width, height, fps } = this.#shape;
    const header = encodeVideoHeader({
      width,
      height,
      timescale: fps * TICKS,
      delta: TICKS,
      sampleEntry: avc1Entry(width, height, this.#configuration),
      sizes: this.#frames.map((frame) => frame.length),
      keys: this.#keys,
      shown: this.#frames.map((_, i) => i),
      frames: this.length,
    });
    this.close();
    return joinBytes([header, ...this.#frames]);
  }

  close(): void {
    if (this.#encoder !== 0) this.#wasm.h264_encoder_close(this.#encoder);
    this.#encoder = 0;
    this.#decoder?.close();
    this.#decoder = null;
  }
}
