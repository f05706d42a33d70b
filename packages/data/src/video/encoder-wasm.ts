/** An encoder in WebAssembly (packages/codecs): planes in, the bytes of one coded frame out. */

import { BiddenError } from "@bidden/runtime";
import type { Planes } from "./planes.ts";
import type { VideoShape } from "./picture-encoder.ts";
import { WASI } from "./wasi.ts";

/** Functions of both encoders; in WebAssembly their names begin with that of the codec. */
type Functions = {
  encoder_open(width: number, height: number, fps: number, quality: number, gop: number): number;
  /** Bytes of the frame; 0: none, below 0: an error. */
  encode(encoder: number, planes: number, width: number, height: number): number;
  keyframe(): number;
  take(to: number): void;
  encoder_close(encoder: number): void;
};

type Exports = {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(bytes: number): number;
  free(address: number): void;
};

export class WasmEncoder {
  readonly #wasm: Exports;
  readonly #own: Functions;
  readonly #input: number;
  #encoder: number;

  constructor(module: WebAssembly.Module, prefix: string, shape: VideoShape, quality: number, gop: number) {
    const exported = new WebAssembly.Instance(module, { wasi_snapshot_preview1: WASI }).exports;
    this.#wasm = exported as unknown as Exports;
    const names = ["encoder_open", "encode", "keyframe", "take", "encoder_close"] as const;
    this.#own = Object.fromEntries(names.map((name) => [name, exported[`${prefix}_${name}`]])) as unknown as Functions;
    this.#wasm._initialize();
    const { width, height, fps } = shape;
    this.#encoder = this.#own.encoder_open(width, height, fps, quality, gop);
    this.#input = this.#wasm.malloc(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1));
    if (this.#encoder === 0 || this.#input === 0)
      throw new BiddenError("internal", `internal: the ${prefix} encoder does not start for ${width} x ${height}.`);
  }

  encode({ width, height, y, u, v }: Planes, number: number): { bytes: Uint8Array; key: boolean } {
    const wasm = this.#wasm;
    const memory = new Uint8Array(wasm.memory.buffer);
    memory.set(y, this.#input);
    memory.set(u, this.#input + y.length);
    memory.set(v, this.#input + y.length + u.length);
    const length = this.#own.encode(this.#encoder, this.#input, width, height);
    if (length <= 0) throw new BiddenError("internal", `internal: frame ${number} was not encoded (${length}).`);
    const address = wasm.malloc(length);
    if (address === 0) throw new BiddenError("internal", `internal: no memory for frame ${number} of ${length} bytes.`);
    this.#own.take(address);
    const bytes = new Uint8Array(wasm.memory.buffer).slice(address, address + length);
    wasm.free(address);
    return { bytes, key: this.#own.keyframe() !== 0 };
  }

  close(): void {
    if (this.#encoder !== 0) this.#own.encoder_close(this.#encoder);
    this.#encoder = 0;
  }
}
