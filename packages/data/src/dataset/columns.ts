/** Typed arrays for columns. */

import type { NumberArray, NumberDtype } from "./types.ts";
import { NUMBER_DTYPES } from "./types.ts";

export function isNumberDtype(dtype: string): dtype is NumberDtype {
  return (NUMBER_DTYPES as readonly string[]).includes(dtype);
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

export function createNumbers(dtype: NumberDtype, length: number): NumberArray {
  switch (dtype) {
    case "float16":
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int8":
      return new Int8Array(length);
    case "int16":
      return new Int16Array(length);
    case "int32":
      return new Int32Array(length);
    case "int64":
      return new BigInt64Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
    case "uint16":
      return new Uint16Array(length);
    case "uint32":
      return new Uint32Array(length);
    case "uint64":
      return new BigUint64Array(length);
    default:
      return dtype satisfies never;
  }
}

/** Stores a number, boolean or bigint in whatever array; 64-bit arrays take the integer part. */
export function setNumber(values: NumberArray, index: number, value: number | bigint | boolean): void {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    values[index] = typeof value === "bigint" ? value : BigInt(Math.trunc(Number(value)));
  } else {
    values[index] = Number(value);
  }
}

export function isNumberArray(value: unknown): value is NumberArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
