/** H.264 through OpenH264 in WebAssembly (packages/codecs/openh264). */

import { BiddenError } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";
import { readConfiguration } from "../media/avc1.ts";
import type { PictureDecoder } from "./picture-decoder.ts";
import { packRows, type Planes } from "./planes.ts";
import { WASI } from "./wasi.ts";

type Exports = {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(address: number): void;
  h264_open(): number;
  h264_decode(decoder: number, bytes: number, length: number, stamp: number): number;
  h264_end(decoder: number): number;
  h264_flush(decoder: number): number;
  h264_left(decoder: number): number;
  h264_ready(): number;
  h264_stamp(): number;
  h264_width(): number;
  h264_height(): number;
  h264_stride(plane: number): number;
  h264_plane(plane: number): number;
  h264_close(decoder: number): void;
};

const START_CODE = [0, 0, 0, 1] as const;

/** @param configuration the body of the box avcC (ISO/IEC 14496-15). */
export function createH264(module: WebAssembly.Module, configuration: Uint8Array): PictureDecoder {
  const known = readConfiguration(configuration);
  if (known === null) throw new BiddenError("bad-dataset", "The video's H.264 parameters (avcC) are cut short.");
  const parameters = joinBytes(known.sets.flatMap((set) => [Uint8Array.from(START_CODE), set]));
  const wasm = new WebAssembly.Instance(module, { wasi_snapshot_preview1: WASI }).exports as unknown as Exports;
  wasm._initialize();
  return new H264Decoder(wasm, known.lengthBytes, parameters);
}

class H264Decoder implements PictureDecoder {
  readonly #wasm: Exports;
  readonly #lengthBytes: number;
  readonly #parameters: Uint8Array;
  #decoder = 0;
  #fresh = true;
  #pictures: [number, Planes][] = [];
  #input = 0;
  #inputBytes = 0;

  constructor(wasm: Exports, lengthBytes: number, parameters: Uint8Array) {
    this.#wasm = wasm;
    this.#lengthBytes = lengthBytes;
    this.#parameters = parameters;
    this.reset();
  }

  push(frame: Uint8Array, number: number): void {
    const unit = this.#annexB(frame);
    let failed: number;
    try {
      this.#reserve(unit.length);
      new Uint8Array(this.#wasm.memory.buffer).set(unit, this.#input);
      failed = this.#wasm.h264_decode(this.#decoder, this.#input, unit.length, number);
    } catch (error) {
      throw new BiddenError("bad-dataset", `the H.264 decoder gave up on frame ${number}`, { frame: number }, error);
    }
    if (failed !== 0) {
      throw new BiddenError("bad-dataset", `frame ${number} is no valid H.264 (state ${failed})`, { frame: number });
    }
    this.#collect();
  }

  flush(): void {
    this.#wasm.h264_end(this.#decoder);
    this.#collect();
    while (this.#wasm.h264_left(this.#decoder) > 0) {
      this.#wasm.h264_flush(this.#decoder);
      if (this.#wasm.h264_ready() === 0) break;
      this.#collect();
    }
  }

  take(): [number, Planes][] {
    const pictures = this.#pictures;
    this.#pictures = [];
    return pictures;
  }

  reset(): void {
    this.close();
    this.#decoder = this.#wasm.h264_open();
    if (this.#decoder === 0) throw new BiddenError("internal", "The H.264 decoder does not start.");
    this.#fresh = true;
    this.#pictures = [];
  }

  close(): void {
    if (this.#decoder !== 0) this.#wasm.h264_close(this.#decoder);
    this.#decoder = 0;
  }

  /** Start codes instead of lengths; the parameter sets before the first frame. */
  #annexB(frame: Uint8Array): Uint8Array {
    const head = this.#fresh ? this.#parameters : new Uint8Array(0);
    this.#fresh = false;
    const grown = Math.floor(frame.length / this.#lengthBytes) * Math.max(0, 4 - this.#lengthBytes);
    const out = new Uint8Array(head.length + frame.length + grown + 4);
    out.set(head);
    let to = head.length;
    for (let at = 0; at + this.#lengthBytes <= frame.length; ) {
      let length = 0;
      for (let i = 0; i < this.#lengthBytes; i++) length = length * 256 + (frame[at++] as number);
      if (at + length > frame.length) throw new BiddenError("bad-dataset", "a unit is longer than its frame");
      out.set(START_CODE, to);
      out.set(frame.subarray(at, at + length), to + 4);
      to += 4 + length;
      at += length;
    }
    return out.subarray(0, to);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#inputBytes) return;
    if (this.#input !== 0) this.#wasm.free(this.#input);
    this.#inputBytes = Math.max(1 << 16, bytes * 2);
    this.#input = this.#wasm.malloc(this.#inputBytes);
    if (this.#input === 0) throw new BiddenError("bad-dataset", `a frame of ${bytes} bytes is too large to decode`);
  }

  #collect(): void {
    const wasm = this.#wasm;
    if (wasm.h264_ready() === 0) return;
    const width = wasm.h264_width();
    const height = wasm.h264_height();
    const memory = new Uint8Array(wasm.memory.buffer);
    const plane = (i: number, w: number, h: number): Uint8Array =>
      packRows(memory, wasm.h264_plane(i), wasm.h264_stride(i), w, h);
    const [halfWidth, halfHeight] = [(width + 1) >> 1, (height + 1) >> 1];
    const [y, u, v] = [plane(0, width, height), plane(1, halfWidth, halfHeight), plane(2, halfWidth, halfHeight)];
    this.#pictures.push([wasm.h264_stamp(), { width, height, y, u, v }]);
  }
}
