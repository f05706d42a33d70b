/** The safetensors format (https://github.com/huggingface/safetensors): u64 header length, JSON header, then the arrays' bytes. */
import type { DType, TensorData } from "../graph/dtype.ts";

export type SafetensorsFile = {
  readonly tensors: Map<string, TensorData>;
  readonly metadata: Readonly<Record<string, string>>;
};

/** Where one tensor lies in its file. */
export type SafetensorsEntry = {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** From the start of the file, bytes. */
  readonly offset: number;
  readonly bytes: number;
};

export type SafetensorsHeader = {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
};

/** As the reference implementation: a longer header is refused before it is read. */
export const MAX_HEADER_BYTES = 100_000_000;

export const dtypeOfCode: Readonly<Record<string, DType>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  U32: "uint32",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};

export const codeOfDtype: Readonly<Record<DType, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  uint32: "U32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
