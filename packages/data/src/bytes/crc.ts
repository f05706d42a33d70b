/**
 * CRC-32 (ISO 3309, polynomial 0xEDB88320 reflected) and CRC-32C (Castagnoli, 0x82F63B78 reflected), sixteen bytes a step
 * ("slicing", Kounavis and Berry 2005), and long inputs by vectors in WebAssembly (crc-simd/crc.c).
 */

import { CRC_SIMD } from "./crc-simd.wasm.ts";
import { createKernel } from "./kernel.ts";

/** Table k, from k * 256: the CRC of a byte followed by k zero bytes. One array, for one bounds check; signed, for no doubles. */
function createTable(polynomial: number): Int32Array {
  const table = new Int32Array(16 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[i] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const before = table[i - 256] as number;
    table[i] = (table[before & 0xff] as number) ^ (before >>> 8);
  }
  return table;
}

/** Byte by byte, over [from, to). */
function updateBytes(table: Int32Array, bytes: Uint8Array, from: number, to: number, crc: number): number {
  let c = crc;
  for (let i = from; i < to; i++) c = (c >>> 8) ^ (table[(c ^ (bytes[i] as number)) & 0xff] as number);
  return c;
}

/** Continues `crc` (0 to begin) over `bytes`. */
function update(t: Int32Array, bytes: Uint8Array, crc: number): number {
  // Words are read where they are aligned.
  const head = -bytes.byteOffset & 3;
  if (bytes.length < head + 16) return ~updateBytes(t, bytes, 0, bytes.length, ~crc) >>> 0;
  let c = updateBytes(t, bytes, 0, head, ~crc);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, ((bytes.length - head) >> 4) << 2);
  for (let i = 0; i < words.length; i += 4) {
    const w0 = (words[i] as number) ^ c;
    const w1 = words[i + 1] as number;
    const w2 = words[i + 2] as number;
    const w3 = words[i + 3] as number;
    c =
      (t[0xf00 | (w0 & 0xff)] as number) ^
      (t[0xe00 | ((w0 >>> 8) & 0xff)] as number) ^
      (t[0xd00 | ((w0 >>> 16) & 0xff)] as number) ^
      (t[0xc00 | (w0 >>> 24)] as number) ^
      (t[0xb00 | (w1 & 0xff)] as number) ^
      (t[0xa00 | ((w1 >>> 8) & 0xff)] as number) ^
      (t[0x900 | ((w1 >>> 16) & 0xff)] as number) ^
      (t[0x800 | (w1 >>> 24)] as number) ^
      (t[0x700 | (w2 & 0xff)] as number) ^
      (t[0x600 | ((w2 >>> 8) & 0xff)] as number) ^
      (t[0x500 | ((w2 >>> 16) & 0xff)] as number) ^
      (t[0x400 | (w2 >>> 24)] as number) ^
      (t[0x300 | (w3 & 0xff)] as number) ^
      (t[0x200 | ((w3 >>> 8) & 0xff)] as number) ^
      (t[0x100 | ((w3 >>> 16) & 0xff)] as number) ^
      (t[w3 >>> 24] as number);
  }
  return ~updateBytes(t, bytes, head + words.byteLength, bytes.length, c) >>> 0;
}

type Kernel = {
  readonly memory: WebAssembly.Memory;
  prepare(polynomial: number): void;
  memory_at(): number;
  memory_bytes(): number;
  update(blocks: number, crc: number): number;
};

/** Bytes that the vector code takes at once. */
const BLOCK = 4096;
/** From here on it is worth its call. */
const LONG = 4 * BLOCK;

/** A CRC by its polynomial; the vector code is compiled when the first long input comes. */
function createCrc(polynomial: number): (bytes: Uint8Array, crc?: number) => number {
  const table = createTable(polynomial);
  let kernel: Kernel | null | undefined;
  return (bytes, crc = 0) => {
    if (bytes.length < LONG) return update(table, bytes, crc);
    if (kernel === undefined) {
      kernel = createKernel(CRC_SIMD) as Kernel | null;
      kernel?.prepare(polynomial);
    }
    if (kernel === null) return update(table, bytes, crc);
    const memory = new Uint8Array(kernel.memory.buffer, kernel.memory_at(), kernel.memory_bytes());
    let own = ~crc;
    let at = 0;
    for (const end = bytes.length - (bytes.length % BLOCK); at < end; ) {
      const part = bytes.subarray(at, Math.min(end, at + memory.length));
      memory.set(part);
      own = kernel.update(part.length / BLOCK, own);
      at += part.length;
    }
    return update(table, bytes.subarray(at), ~own >>> 0);
  };
}

/** `crc32(bytes, crc)`: `crc` is that of the bytes before, to go on from. */
export const crc32 = createCrc(0xedb88320);

/** `crc32c(bytes, crc)`: `crc` is that of the bytes before, to go on from. */
export const crc32c = createCrc(0x82f63b78);
