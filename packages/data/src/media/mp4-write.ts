/** Boxes of MP4 files (ISO/IEC 14496-12), written. */

import { joinBytes } from "../bytes/join.ts";

const utf8 = new TextEncoder();

export const text = (characters: string): Uint8Array => utf8.encode(characters);

/** 32-bit numbers, big-endian; negative ones in two's complement. */
export function list(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value >>> 0);
  return new Uint8Array(view.buffer);
}

export const words = (...values: number[]): Uint8Array => list(values);

/** 16-bit numbers. */
export function halves(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]));
}

/** 64 bits. */
export const wide = (value: number): Uint8Array => words(Math.floor(value / 2 ** 32), value % 2 ** 32);

export function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const body = joinBytes(content);
  return joinBytes([words(8 + body.length), text(type), body]);
}
