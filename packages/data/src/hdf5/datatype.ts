/** Types of numbers, texts and records (HDF5 File Format Specification 3.0, IV.A.2.d). */

import type { NumberDtype } from "../dataset/types.ts";
import { bytesFor, type Cursor } from "./bytes.ts";

export type Datatype = { readonly size: number } & (
  | { readonly kind: "number"; readonly dtype: NumberDtype; readonly bigEndian: boolean }
  | { readonly kind: "string"; readonly padding: number }
  | { readonly kind: "vlen-string" }
  | { readonly kind: "vlen"; readonly base: Datatype }
  | { readonly kind: "array"; readonly base: Datatype; readonly shape: readonly number[] }
  | { readonly kind: "compound"; readonly members: readonly Member[] }
  /** Times, references, opaque bytes, floats of other widths. */
  | { readonly kind: "other"; readonly name: string }
);

export type Member = { readonly name: string; readonly offset: number; readonly type: Datatype };

const CLASS_NAMES: Readonly<Record<number, string>> = { 2: "time", 4: "bit field", 5: "opaque", 7: "reference" };
const MOST_MEMBERS = 4096;
const DEEPEST = 16;

export function readDatatype(cursor: Cursor, depth = 0): Datatype {
  if (depth > DEEPEST) throw cursor.bad("datatype", "types are nested too deep");
  const head = cursor.u8();
  const [version, kind] = [head >> 4, head & 15];
  const bits = cursor.uint(3);
  const size = cursor.u32();
  switch (kind) {
    case 0:
      cursor.skip(4);
      return integer(size, (bits & 8) !== 0, (bits & 1) !== 0);
    case 1:
      return float(cursor, size, (bits & 1) !== 0);
    case 3:
      return { kind: "string", size, padding: bits & 15 };
    case 4:
      cursor.skip(4);
      return { kind: "other", size, name: "bit field" };
    case 5:
      cursor.skip(bits & 0xff);
      return { kind: "other", size, name: "opaque" };
    case 6:
      return compound(cursor, version, size, bits & 0xffff, depth);
    case 8:
      return enumeration(cursor, version, size, bits & 0xffff, depth);
    case 9: {
      const base = readDatatype(cursor, depth + 1);
      return (bits & 15) === 1 ? { kind: "vlen-string", size } : { kind: "vlen", size, base };
    }
    case 10: {
      const rank = cursor.u8();
      if (version < 3) cursor.skip(3);
      const shape = Array.from({ length: rank }, () => cursor.u32());
      if (version < 3) cursor.skip(4 * rank);
      return { kind: "array", size, shape, base: readDatatype(cursor, depth + 1) };
    }
    default:
      return { kind: "other", size, name: CLASS_NAMES[kind] ?? `class ${kind}` };
  }
}

function integer(size: number, signed: boolean, bigEndian: boolean): Datatype {
  const types: Readonly<Record<number, readonly [NumberDtype, NumberDtype]>> = {
    1: ["int8", "uint8"],
    2: ["int16", "uint16"],
    4: ["int32", "uint32"],
    8: ["int64", "uint64"],
  };
  const dtype = types[size]?.[signed ? 0 : 1];
  return dtype === undefined
    ? { kind: "other", size, name: `integer of ${size} bytes` }
    : { kind: "number", size, dtype, bigEndian };
}

/** IEEE 754's three; their places of exponent and mantissa are compared, because others have the same size (bfloat16). */
const FLOATS: Readonly<Record<string, NumberDtype>> = {
  "10,5,0,10": "float16",
  "23,8,0,23": "float32",
  "52,11,0,52": "float64",
};

function float(cursor: Cursor, size: number, bigEndian: boolean): Datatype {
  cursor.skip(4);
  const places = [cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8()].join();
  cursor.skip(4);
  const dtype = FLOATS[places];
  return dtype === undefined
    ? { kind: "other", size, name: `float of ${size} bytes` }
    : { kind: "number", size, dtype, bigEndian };
}

function compound(cursor: Cursor, version: number, size: number, count: number, depth: number): Datatype {
  if (count > MOST_MEMBERS) throw cursor.bad("datatype", `${count} members`);
  // H5O__dtype_decode_helper: the offset takes as many bytes as the size of the whole needs.
  const offsetBytes = version < 3 ? 4 : bytesFor(size);
  const members = Array.from({ length: count }, (): Member => {
    const name = cursor.text(version < 3 ? 8 : 1);
    const offset = cursor.uint(offsetBytes);
    let shape: number[] = [];
    if (version === 1) {
      const rank = cursor.u8();
      cursor.skip(11);
      shape = [cursor.u32(), cursor.u32(), cursor.u32(), cursor.u32()].slice(0, rank);
    }
    const base = readDatatype(cursor, depth + 1);
    const elements = shape.reduce((product, n) => product * n, 1);
    const type: Datatype = shape.length === 0 ? base : { kind: "array", size: base.size * elements, shape, base };
    if (!(offset + type.size <= size)) throw cursor.bad("datatype", `member "${name}" lies outside its record`);
    return { name, offset, type };
  });
  return { kind: "compound", size, members };
}

/** h5py's booleans are an enumeration of FALSE and TRUE; others are their numbers. */
function enumeration(cursor: Cursor, version: number, size: number, count: number, depth: number): Datatype {
  const base = readDatatype(cursor, depth + 1);
  if (count > MOST_MEMBERS) throw cursor.bad("datatype", `${count} members`);
  const names = Array.from({ length: count }, () => cursor.text(version < 3 ? 8 : 1));
  cursor.skip(count * base.size);
  const bool = size === 1 && [...names].sort().join() === "FALSE,TRUE";
  return bool && base.kind === "number" ? { ...base, dtype: "bool" } : base;
}
