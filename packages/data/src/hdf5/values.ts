/** Stored bytes as values: numbers in typed arrays, texts, and what has no array as plain JSON. */

import { halfToNumber } from "../bytes/half.ts";
import { createNumbers } from "../dataset/columns.ts";
import type { NumberArray, NumberDtype } from "../dataset/types.ts";
import type { H5File } from "./bytes.ts";
import type { Datatype } from "./datatype.ts";

type NumberType = Extract<Datatype, { kind: "number" }>;

export function numbersFrom(bytes: Uint8Array, { dtype, size, bigEndian }: NumberType): NumberArray {
  const count = Math.floor(bytes.length / size);
  const out = createNumbers(dtype, count);
  if (dtype === "float16") {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) out[i] = halfToNumber(view.getUint16(2 * i, !bigEndian));
    return out;
  }
  const target = new Uint8Array(out.buffer);
  target.set(bytes.subarray(0, count * size));
  if (bigEndian) for (let i = 0; i < count; i++) target.subarray(i * size, (i + 1) * size).reverse();
  // HDF5 has no booleans: any number but 0 is true.
  if (dtype === "bool") for (let i = 0; i < count; i++) target[i] = target[i] === 0 ? 0 : 1;
  return out;
}

const NULL_TERMINATED = 0;
const SPACE_PADDED = 2;

function fixedText(bytes: Uint8Array, padding: number): string {
  let end = bytes.length;
  if (padding === NULL_TERMINATED) {
    const zero = bytes.indexOf(0);
    end = zero < 0 ? end : zero;
  } else {
    const filler = padding === SPACE_PADDED ? 32 : 0;
    while (end > 0 && bytes[end - 1] === filler) end--;
  }
  return new TextDecoder().decode(bytes.subarray(0, end));
}

/** Length, address of a collection, number in it. */
const VLEN_BYTES = (file: H5File): number => 8 + file.widths.address;

async function vlenBytes(file: H5File, bytes: Uint8Array, at: number, elementBytes: number): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(at, true);
  const address = Number(view.getBigUint64(at + 4, true));
  const index = view.getUint32(at + 4 + file.widths.address, true);
  if (length === 0 || address === 0) return new Uint8Array(0);
  return (await heapItem(file, address, index)).subarray(0, length * elementBytes);
}

/** An object of a global heap (HDF5 File Format Specification 3.0, III.E). */
async function heapItem(file: H5File, address: number, index: number): Promise<Uint8Array> {
  const head = await file.at(address, 8 + file.widths.length);
  head.signature("GCOL");
  head.skip(4);
  const size = head.length();
  const cursor = await file.at(address, size);
  cursor.skip(head.at);
  while (cursor.left >= 8 + file.widths.length) {
    const number = cursor.u16();
    cursor.skip(6);
    const length = cursor.length();
    if (number === index) return cursor.take(length);
    if (number === 0) break;
    cursor.skip(Math.min(cursor.left, Math.ceil(length / 8) * 8));
  }
  throw cursor.bad("global-heap", `object ${index} is not in its collection`);
}

/** One value of any type, for JSON. */
async function valueAt(file: H5File, type: Datatype, bytes: Uint8Array, at: number): Promise<unknown> {
  const own = bytes.subarray(at, at + type.size);
  switch (type.kind) {
    case "number": {
      const [value] = numbersFrom(own, type);
      return type.dtype === "bool" ? value === 1 : typeof value === "bigint" ? Number(value) : value;
    }
    case "string":
      return fixedText(own, type.padding);
    case "vlen-string":
      return fixedText(await vlenBytes(file, bytes, at, 1), NULL_TERMINATED);
    case "vlen": {
      const inner = await vlenBytes(file, bytes, at, type.base.size);
      return valuesFrom(file, type.base, inner, Math.floor(inner.length / Math.max(1, type.base.size)));
    }
    case "array": {
      const count = type.shape.reduce((product, n) => product * n, 1);
      return valuesFrom(file, type.base, own, Math.min(count, Math.floor(own.length / Math.max(1, type.base.size))));
    }
    case "compound": {
      const out: Record<string, unknown> = {};
      for (const member of type.members) out[member.name] = await valueAt(file, member.type, own, member.offset);
      return out;
    }
    case "other":
      return null;
    default:
      return type satisfies never;
  }
}

/** `count` values one after the other. */
export async function valuesFrom(file: H5File, type: Datatype, bytes: Uint8Array, count: number): Promise<unknown[]> {
  const size = type.kind === "vlen" || type.kind === "vlen-string" ? Math.max(type.size, VLEN_BYTES(file)) : type.size;
  const out: unknown[] = [];
  for (let i = 0; i < count; i++) out.push(await valueAt(file, type, bytes, i * size));
  return out;
}

export function dtypeOf(type: Datatype): NumberDtype | "string" | "json" {
  if (type.kind === "number") return type.dtype;
  return type.kind === "string" || type.kind === "vlen-string" ? "string" : "json";
}
