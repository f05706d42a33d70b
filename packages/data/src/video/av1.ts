/** AV1 through dav1d in WebAssembly (packages/codecs/dav1d). */

import { BiddenError } from "@bidden/runtime";
import { MAX_PIXELS, type PictureDecoder } from "./picture-decoder.ts";
import { packRows, type Planes } from "./planes.ts";

type Exports = {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(address: number): void;
  av1_open(pixels: number): number;
  /** 1: a picture, 0: none is shown, below 0: an error. */
  av1_decode(decoder: number, bytes: number, length: number): number;
  av1_reset(decoder: number): void;
  av1_width(): number;
  av1_height(): number;
  av1_bits(): number;
  av1_layout(): number;
  av1_stride(plane: number): number;
  av1_plane(plane: number): number;
  av1_close(decoder: number): void;
};

const I420 = 1;
/** av1C: four bytes before the sequence header. */
const CONFIGURATION_HEAD = 4;

/** @param configuration the body of the box av1C. */
export function createAv1(module: WebAssembly.Module, configuration: Uint8Array): PictureDecoder {
  const wasm = new WebAssembly.Instance(module).exports as unknown as Exports;
  wasm._initialize();
  return new Av1Decoder(wasm, configuration.subarray(CONFIGURATION_HEAD));
}

class Av1Decoder implements PictureDecoder {
  readonly #wasm: Exports;
  readonly #header: Uint8Array;
  readonly #decoder: number;
  #fresh = true;
  #pictures: [number, Planes][] = [];

  constructor(wasm: Exports, header: Uint8Array) {
    this.#wasm = wasm;
    this.#header = header;
    this.#decoder = wasm.av1_open(MAX_PIXELS);
    if (this.#decoder === 0) throw new BiddenError("internal", "The AV1 decoder does not start.");
  }

  push(frame: Uint8Array, number: number): void {
    const bytes = this.#fresh ? joined(this.#header, frame) : frame;
    this.#fresh = false;
    const result = this.#decode(bytes, number);
    if (result < 0) throw new BiddenError("bad-dataset", `frame ${number} is no valid AV1`, { frame: number });
    if (result === 1) this.#pictures.push([number, this.#planes()]);
  }

  #decode(bytes: Uint8Array, number: number): number {
    const wasm = this.#wasm;
    const address = wasm.malloc(bytes.length);
    if (address === 0) throw new BiddenError("bad-dataset", `a frame of ${bytes.length} bytes is too large to decode`);
    try {
      new Uint8Array(wasm.memory.buffer).set(bytes, address);
      return wasm.av1_decode(this.#decoder, address, bytes.length);
    } catch (error) {
      throw new BiddenError("bad-dataset", `the AV1 decoder gave up on frame ${number}`, { frame: number }, error);
    } finally {
      wasm.free(address);
    }
  }

  flush(): void {
    // A temporal unit in, its picture out: nothing waits.
  }

  take(): [number, Planes][] {
    const pictures = this.#pictures;
    this.#pictures = [];
    return pictures;
  }

  reset(): void {
    this.#wasm.av1_reset(this.#decoder);
    this.#fresh = true;
    this.#pictures = [];
  }

  close(): void {
    this.#wasm.av1_close(this.#decoder);
  }

  #planes(): Planes {
    const wasm = this.#wasm;
    const [width, height] = [wasm.av1_width(), wasm.av1_height()];
    if (wasm.av1_bits() !== 8 || wasm.av1_layout() !== I420) {
      throw new BiddenError(
        "unsupported",
        `AV1 of ${wasm.av1_bits()} bits and layout ${wasm.av1_layout()} is not decoded; 8 bits and 4:2:0 are.`,
      );
    }
    const memory = new Uint8Array(wasm.memory.buffer);
    const plane = (i: number, shift: number): Uint8Array =>
      packRows(memory, wasm.av1_plane(i), wasm.av1_stride(i), (width + shift) >> shift, (height + shift) >> shift);
    return { width, height, y: plane(0, 0), u: plane(1, 1), v: plane(2, 1) };
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const out = new Uint8Array(head.length + tail.length);
  out.set(head);
  out.set(tail, head.length);
  return out;
}
