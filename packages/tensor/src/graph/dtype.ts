/** Element types: the name used in TypeScript, the ONNX code (onnx.proto3, TensorProto.DataType), bytes and typed array. */
import { BiddenError } from "@bidden/runtime";

export type DType =
  | "float32"
  | "float64"
  | "float16"
  | "bfloat16"
  | "int8"
  | "uint8"
  | "int32"
  | "uint32"
  | "int64"
  | "bool";

/** Typed arrays that hold element data. float16 and bfloat16 are raw bits in a Uint16Array, bool is 0 or 1 in a Uint8Array. */
export type Elements =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int32Array
  | Uint32Array
  | BigInt64Array;

export type Shape = readonly number[];

/** A concrete array: row-major elements of one type. */
export type TensorData = { readonly dtype: DType; readonly shape: Shape; readonly data: Elements };

type DTypeFacts = { readonly onnx: number; readonly bytes: number; readonly float: boolean };

const facts: Readonly<Record<DType, DTypeFacts>> = {
  float32: { onnx: 1, bytes: 4, float: true },
  uint8: { onnx: 2, bytes: 1, float: false },
  int8: { onnx: 3, bytes: 1, float: false },
  int32: { onnx: 6, bytes: 4, float: false },
  int64: { onnx: 7, bytes: 8, float: false },
  bool: { onnx: 9, bytes: 1, float: false },
  float16: { onnx: 10, bytes: 2, float: true },
  float64: { onnx: 11, bytes: 8, float: true },
  uint32: { onnx: 12, bytes: 4, float: false },
  bfloat16: { onnx: 16, bytes: 2, float: true },
};

export function onnxCode(dtype: DType): number {
  return facts[dtype].onnx;
}

export function bytesPerElement(dtype: DType): number {
  return facts[dtype].bytes;
}

export function isFloat(dtype: DType): boolean {
  return facts[dtype].float;
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** A zero-filled array for `count` elements. */
export function allocate(dtype: DType, count: number): Elements {
  switch (dtype) {
    case "float32":
      return new Float32Array(count);
    case "float64":
      return new Float64Array(count);
    case "float16":
    case "bfloat16":
      return new Uint16Array(count);
    case "int8":
      return new Int8Array(count);
    case "uint8":
    case "bool":
      return new Uint8Array(count);
    case "int32":
      return new Int32Array(count);
    case "uint32":
      return new Uint32Array(count);
    case "int64":
      return new BigInt64Array(count);
    default:
      return dtype satisfies never;
  }
}

/** Plain numbers (booleans as 0 and 1) as elements of one type. */
export function elementsOf(dtype: DType, values: ArrayLike<number>): Elements {
  if (dtype === "float16" || dtype === "bfloat16") {
    throw new BiddenError("unsupported", `constants of type ${dtype} are given as float32 and cast in the graph.`, {
      dtype,
    });
  }
  const data = allocate(dtype, values.length);
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i] as number);
  } else {
    data.set(values);
  }
  return data;
}

/** The bytes of elements, without a copy (little-endian machines only, which is all that ONNX Runtime supports). */
export function bytesOf(data: Elements): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
