/**
 * The scale-offset filter (H5Zscaleoffset.c): numbers less their minimum, in as few bits as the largest needs, the first bit highest;
 * floats were multiplied by a power of ten and rounded before.
 */

import { BiddenError } from "@bidden/runtime";

const HEAD_BYTES = 21;
const FLOAT_BY_TEN = 0;
const INTEGER = 2;

/** @param values of the filter: kind, decimal places, elements, class, size, sign, byte order, fill value known, fill value. */
export function unpackScaleOffset(bytes: Uint8Array, values: readonly number[], size: number): Uint8Array {
  const [kind = 0, places = 0, count = 0, , width = 0, , order = 0, filled = 0] = values;
  const bad = (what: string): BiddenError => new BiddenError("bad-dataset", `a scale-offset chunk ${what}`);
  if (kind !== FLOAT_BY_TEN && kind !== INTEGER)
    throw new BiddenError("unsupported", "scale-offset by powers of two is not read");
  if (![1, 2, 4, 8].includes(width) || count * width !== size || bytes.length < HEAD_BYTES)
    throw bad("has a wrong size");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const bits = view.getUint32(0, true);
  if (bits > width * 8) throw bad(`claims ${bits} bits a number`);
  if (bits === width * 8) {
    if (bytes.length < HEAD_BYTES + size) throw bad("is cut short");
    return bytes.subarray(HEAD_BYTES, HEAD_BYTES + size);
  }
  if ((bytes.length - HEAD_BYTES) * 8 < bits * count) throw bad("is cut short");
  const minimum = view.getBigUint64(5, true);
  const out = new Uint8Array(size);
  const target = new DataView(out.buffer);
  const least = kind === INTEGER ? 0 : floatOf(minimum, width);
  const fill = filled === 1 ? fillOf(values.slice(8), width) : null;
  const allOnes = (1n << BigInt(bits)) - 1n;
  const read = bitReader(bytes.subarray(HEAD_BYTES), bits);
  for (let i = 0; i < count; i++) {
    const own = read();
    const raw =
      fill !== null && own === allOnes
        ? fill
        : kind === INTEGER
          ? own + minimum
          : bitsOf(Number(own) / 10 ** (places | 0) + least, width);
    put(target, i * width, width, raw, order === 0);
  }
  return out;
}

function bitReader(bytes: Uint8Array, bits: number): () => bigint {
  let at = 0;
  return () => {
    let value = 0n;
    for (let left = bits; left > 0; ) {
      const free = 8 - (at & 7);
      const taken = Math.min(free, left);
      const part = ((bytes[at >> 3] as number) >> (free - taken)) & ((1 << taken) - 1);
      value = (value << BigInt(taken)) | BigInt(part);
      at += taken;
      left -= taken;
    }
    return value;
  };
}

function floatOf(bits: bigint, width: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits, true);
  return width === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

function bitsOf(value: number, width: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return view.getBigUint64(0, true);
}

/** 32-bit words, the lowest first. */
function fillOf(words: readonly number[], width: number): bigint {
  const value = (BigInt(words[1] ?? 0) << 32n) | BigInt(words[0] ?? 0);
  return BigInt.asUintN(width * 8, value);
}

function put(view: DataView, at: number, width: number, value: bigint, little: boolean): void {
  const own = BigInt.asUintN(width * 8, value);
  for (let k = 0; k < width; k++) {
    view.setUint8(at + (little ? k : width - 1 - k), Number((own >> BigInt(8 * k)) & 0xffn));
  }
}
