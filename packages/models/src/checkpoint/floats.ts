/** Stored numbers as float32: half, bfloat16, whole numbers. */
import { BiddenError } from "@bidden/runtime";
import type { DType, Elements } from "@bidden/tensor";

/** float32 values of elements; float32 itself is returned as it is, without a copy. */
export function toFloat32(data: Elements, dtype: DType): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "bfloat16") return fromBfloat16(data as Uint16Array);
  if (dtype === "float16") return fromFloat16(data as Uint16Array);
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  return Float32Array.from(data as Float64Array);
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  const words = new Uint32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] as number) << 16;
  return out;
}

/** All 65 536 halves, computed once. */
let halves: Float32Array | null = null;

function fromFloat16(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, half) => widenHalf(half));
  const table = halves;
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] as number] as number;
  return out;
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) === 0 ? 1 : -1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** The nearest bfloat16, ties to even; bits. */
export function bfloat16Bits(value: number): number {
  word[0] = value;
  const bits = wordBits[0] as number;
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The nearest IEEE 754 binary16, ties to even; bits. Beyond 65504 it is infinite. */
export function float16Bits(value: number): number {
  word[0] = value;
  const bits = wordBits[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(word[0]);
  if (Number.isNaN(magnitude)) return 0x7e00;
  if (magnitude >= 65_520) return sign | 0x7c00;
  // Below 2^-14 halves are multiples of 2^-24; above, a half keeps 10 of float32's 23 fraction bits.
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const rounded = (bits & 0x7fffffff) + 0xfff + ((bits >>> 13) & 1);
  return sign | ((rounded - (112 << 23)) >>> 13);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** float32 values as elements of a type that weights are written in. */
export function fromFloat32(values: Float32Array, dtype: DType): Elements {
  if (dtype === "float32") return values;
  if (dtype === "bfloat16") return Uint16Array.from(values, bfloat16Bits);
  if (dtype === "float16") return Uint16Array.from(values, float16Bits);
  throw new BiddenError("unsupported", `Weights are written as float32, float16 or bfloat16, not ${dtype}.`, { dtype });
}

/** Arrays one after another; no arrays are an empty float32. */
export function joinRows<A extends Float32Array | Uint8Array>(rows: readonly A[]): A {
  const size = rows.reduce((sum, row) => sum + row.length, 0);
  const out = (rows[0] instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size)) as A;
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}
