/** Reading the samples in testdata/data and the values expected of them. */

import * as fs from "node:fs";
import { join } from "node:path";
import { createNumbers, isNumberDtype } from "./dataset/columns.ts";
import { halfToNumber } from "./bytes/half.ts";
import type { NumberArray } from "./dataset/types.ts";

export const GOLDEN = join(import.meta.dirname, "../../../testdata/data");

export function readJson(path: string): unknown {
  return JSON.parse(fs.readFileSync(join(GOLDEN, path), "utf8"));
}

const DTYPES: Record<string, string> = {
  F16: "float16",
  F32: "float32",
  F64: "float64",
  I8: "int8",
  I16: "int16",
  I32: "int32",
  I64: "int64",
  U8: "uint8",
  U16: "uint16",
  U32: "uint32",
  U64: "uint64",
  BOOL: "bool",
};

export type GoldenArray = { readonly dtype: string; readonly shape: readonly number[]; readonly values: NumberArray };

/** All arrays of a safetensors file; float16 is widened to float32. */
export function readSafetensors(path: string): Map<string, GoldenArray> {
  const bytes = fs.readFileSync(join(GOLDEN, path));
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const out = new Map<string, GoldenArray>();
  for (const [name, { dtype: short, shape, data_offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const dtype = DTYPES[short] ?? short;
    const raw = new Uint8Array(bytes.subarray(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1]));
    const length = shape.reduce((product, n) => product * n, 1);
    const values = createNumbers(dtype === "float16" ? "uint16" : isNumberDtype(dtype) ? dtype : "uint8", length);
    new Uint8Array(values.buffer).set(raw);
    const widened = dtype === "float16" ? Float32Array.from(values as Uint16Array, halfToNumber) : values;
    out.set(name, { dtype, shape, values: widened });
  }
  return out;
}
