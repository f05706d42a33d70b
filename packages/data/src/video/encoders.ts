/** Videos through the encoders of packages/codecs (OpenH264, libaom), each frame decoded again and compared. */

import { BiddenError, type Image } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";
import { av1ConfigurationOf, frameOfObus } from "../media/av01.ts";
import { configurationOf, frameOfUnits, unitsOf } from "../media/avc1.ts";
import { encodeVideoHeader } from "../media/mp4-header.ts";
import { videoEntry } from "../media/video-entry.ts";
import { createAv1 } from "./av1.ts";
import { WasmEncoder } from "./encoder-wasm.ts";
import { createH264 } from "./h264.ts";
import { allowedError, findLostBlock, type LostBlock } from "./lost-content.ts";
import type { PictureDecoder } from "./picture-decoder.ts";
import {
  DEFAULT_GOP,
  DEFAULT_QUALITY,
  type EncodeOptions,
  holdsPictures,
  MOST_QUALITY,
  picturesHeld,
  type VideoCodec,
  type VideoEncoders,
  type VideoRecording,
  type VideoShape,
} from "./picture-encoder.ts";
import { type Planes, planesFromRgb } from "./planes.ts";

/** Of the clock of the MP4 file, a frame; FFmpeg's number for whole rates. */
const TICKS = 512;

/** What an encoder gives for one picture, as MP4 holds it. */
type Coded = { readonly frame: Uint8Array; readonly configuration: Uint8Array | null };

/** What differs between codecs. */
type Format = {
  readonly entry: "avc1" | "av01";
  readonly coded: (bytes: Uint8Array) => Coded;
  readonly decoder: (module: WebAssembly.Module, configuration: Uint8Array) => PictureDecoder;
};

const FORMATS: Readonly<Record<VideoCodec, Format>> = {
  h264: {
    entry: "avc1",
    coded: (bytes) => {
      const units = unitsOf(bytes);
      return { frame: frameOfUnits(units), configuration: configurationOf(units) };
    },
    decoder: createH264,
  },
  av1: {
    entry: "av01",
    coded: (bytes) => ({ frame: frameOfObus(bytes), configuration: av1ConfigurationOf(bytes) }),
    decoder: createAv1,
  },
};

export type CodecModules = { readonly encoder: WebAssembly.Module; readonly decoder: WebAssembly.Module };

export function createEncoders(codec: VideoCodec, modules: CodecModules): VideoEncoders {
  return { start: (shape, options) => new ComparedRecording(codec, modules, shape, options) };
}

function checkOptions({ width, height }: VideoShape, codec: VideoCodec, gop: number, quality: number): void {
  if (!holdsPictures(codec, width, height))
    throw new BiddenError("bad-argument", `${picturesHeld(codec)}; got ${width} x ${height}.`, { width, height });
  if (!Number.isInteger(gop) || gop < 1 || gop > 1000)
    throw new BiddenError("bad-argument", `Keyframes stand 1 to 1000 frames apart; got ${gop}.`, { gop });
  const most = MOST_QUALITY[codec];
  if (!Number.isInteger(quality) || quality < 0 || quality > most)
    throw new BiddenError("bad-argument", `Quality is a quantiser from 0 to ${most}; got ${quality}.`, { quality });
}

type Lost = { readonly frame: number; readonly block: LostBlock };

function lostContent({ frame, block: { x, y, error } }: Lost): BiddenError {
  return new BiddenError(
    "bad-dataset",
    `Frame ${frame} of the video that was encoded shows something else at (${x}, ${y}): off by ${error.toFixed(0)} of 255 on average over 8 x 8 pixels.`,
    { rule: "video-lost-content", frame },
  );
}

class ComparedRecording implements VideoRecording {
  readonly #format: Format;
  readonly #codec: VideoCodec;
  readonly #encoderModule: WebAssembly.Module;
  readonly #gop: number;
  readonly #quality: number;
  #encoder: WasmEncoder;
  readonly #decoderModule: WebAssembly.Module;
  readonly #shape: VideoShape;
  readonly #allowed: number;
  readonly #frames: Uint8Array[] = [];
  readonly #keys: boolean[] = [];
  #configuration: Uint8Array | null = null;
  #decoder: PictureDecoder | null = null;
  /** What went in and did not come out yet, by frame. */
  readonly #waiting = new Map<number, Planes>();

  constructor(codec: VideoCodec, { encoder, decoder }: CodecModules, shape: VideoShape, options: EncodeOptions) {
    const { gop = DEFAULT_GOP, quality = DEFAULT_QUALITY[codec] } = options;
    checkOptions(shape, codec, gop, quality);
    this.#shape = shape;
    this.#format = FORMATS[codec];
    this.#codec = codec;
    this.#encoderModule = encoder;
    this.#gop = gop;
    this.#quality = quality;
    this.#encoder = this.#newEncoder(quality);
    this.#decoderModule = decoder;
    this.#allowed = allowedError(codec, quality);
  }

  #newEncoder(quality: number): WasmEncoder {
    return new WasmEncoder(this.#encoderModule, this.#codec, this.#shape, quality, this.#gop);
  }

  get length(): number {
    return this.#frames.length;
  }

  add(image: Image): void {
    this.addPlanes(planesFromRgb(image));
  }

  addPlanes(planes: Planes): void {
    const number = this.length;
    this.#frames.push(new Uint8Array());
    this.#keys.push(false);
    this.#code(planes, number);
    let lost = this.#compare();
    // Encoders that decide by light alone lose colours now and then. The picture anew, as a keyframe, and finer if need be.
    for (let quality = this.#quality; lost?.frame === number && quality > 0; quality = Math.floor(quality / 2)) {
      this.#encoder.close();
      this.#encoder = this.#newEncoder(quality);
      this.#code(planes, number);
      lost = this.#compare();
    }
    if (lost !== null) throw lostContent(lost);
  }

  #code(planes: Planes, number: number): void {
    const { bytes, key } = this.#encoder.encode(planes, number);
    const { frame, configuration } = this.#format.coded(bytes);
    this.#configuration ??= configuration;
    this.#frames[number] = frame;
    this.#keys[number] = key;
    this.#waiting.set(number, planes);
    if (this.#configuration === null)
      throw new BiddenError("internal", "internal: the encoder began without what a decoder must know.");
    this.#decoder ??= this.#format.decoder(this.#decoderModule, this.#configuration);
    this.#decoder.push(frame, number);
  }

  /** Decoded pictures with those that they were made of: the first that shows something else, or null. */
  #compare(): Lost | null {
    let first: Lost | null = null;
    for (const [number, decoded] of this.#decoder?.take() ?? []) {
      const source = this.#waiting.get(number);
      this.#waiting.delete(number);
      if (source === undefined || first !== null) continue;
      const block = findLostBlock(source, decoded, this.#allowed);
      if (block !== null) first = { frame: number, block };
    }
    return first;
  }

  finish(): Uint8Array {
    this.#decoder?.flush();
    const lost = this.#compare();
    if (lost !== null) throw lostContent(lost);
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
      sampleEntry: videoEntry(this.#format.entry, width, height, this.#configuration),
      sizes: this.#frames.map((frame) => frame.length),
      keys: this.#keys,
      shown: this.#frames.map((_, i) => i),
      frames: this.length,
    });
    this.close();
    return joinBytes([header, ...this.#frames]);
  }

  close(): void {
    this.#encoder.close();
    this.#decoder?.close();
    this.#decoder = null;
  }
}
