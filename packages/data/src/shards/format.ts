/**
 * Demonstration shards: episodes as fixed-size binary records, for training that reads frames at random.
 *
 * ```
 * file    = "BIDSHRD1" | u32 json length | u32 CRC-32 of json | json | zeros to a multiple of 8 | block*
 * json    = { "columns": [{ "name", "dtype", "shape" }] }
 * block   = header (32 bytes) | meta JSON | zeros to 8 | record * frames          (one block an episode)
 * header  = u32 "EPIS" | u32 frames | u32 meta length | u32 CRC-32 of meta
 *         | u32 CRC-32 of all records | u32 0 | u32 0 | u32 CRC-32 of the 28 bytes before
 * record  = every column's values in the order of `columns`, each aligned to its element size, zeros to a multiple of 8
 * ```
 * Little-endian throughout. Files only grow; a killed writer leaves at most one torn block at the end, which readers report
 * and the next writer cuts off. Not an exchange format: that is LeRobot's.
 */

import { BiddenError } from "@bidden/runtime";

export const SHARD_MAGIC = "BIDSHRD1";
/** "EPIS", little-endian. */
export const BLOCK_MAGIC = 0x53495045;
export const BLOCK_HEADER_BYTES = 32;
/** Longest header JSON and episode meta that a reader accepts. */
export const MAX_JSON_BYTES = 16 * 1024 * 1024;

export const SHARD_DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"] as const;
export type ShardDtype = (typeof SHARD_DTYPES)[number];

export type ShardArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** `shape` is that of one frame: [16] for a state, [80, 112, 3] for an image, [] for one number. */
export type ShardColumn = { readonly name: string; readonly dtype: ShardDtype; readonly shape: readonly number[] };

const ELEMENT_BYTES: Record<ShardDtype, number> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  float64: 8,
};

const ARRAY_NAMES: Record<ShardDtype, string> = {
  uint8: "Uint8Array",
  int8: "Int8Array",
  uint16: "Uint16Array",
  int16: "Int16Array",
  uint32: "Uint32Array",
  int32: "Int32Array",
  float32: "Float32Array",
  float64: "Float64Array",
};

/** Where a column lies in a record. */
export type ColumnPlace = ShardColumn & {
  /** Elements a frame. */
  readonly size: number;
  readonly elementBytes: number;
  /** Bytes from the record's start. */
  readonly byteOffset: number;
};

export type RecordLayout = { readonly columns: readonly ColumnPlace[]; readonly recordBytes: number };

export function alignUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** Checks the columns and places them. */
export function layoutOf(columns: readonly ShardColumn[]): RecordLayout {
  const names = new Set<string>();
  let offset = 0;
  const places = columns.map((column): ColumnPlace => {
    checkColumn(column);
    if (names.has(column.name)) throw new BiddenError("bad-argument", `Column "${column.name}" is given twice.`);
    names.add(column.name);
    const elementBytes = ELEMENT_BYTES[column.dtype];
    const size = column.shape.reduce((product, n) => product * n, 1);
    const byteOffset = alignUp(offset, elementBytes);
    offset = byteOffset + size * elementBytes;
    return { name: column.name, dtype: column.dtype, shape: [...column.shape], size, elementBytes, byteOffset };
  });
  if (places.length === 0) throw new BiddenError("bad-argument", "A shard needs at least one column.");
  return { columns: places, recordBytes: alignUp(offset, 8) };
}

function checkColumn(column: ShardColumn): void {
  const { name, dtype, shape } = column;
  if (typeof name !== "string" || name === "") throw new BiddenError("bad-argument", "A column needs a name.");
  if (!SHARD_DTYPES.includes(dtype)) {
    throw new BiddenError(
      "bad-argument",
      `Column "${name}": expected a dtype of ${SHARD_DTYPES.join(", ")}; got ${dtype as string}.`,
    );
  }
  const sizes = Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n > 0 && n <= 1 << 24);
  if (!sizes || shape.reduce((product, n) => product * n, 1) > 1 << 28) {
    throw new BiddenError(
      "bad-argument",
      `Column "${name}": expected a shape of positive integers; got [${String(shape)}].`,
    );
  }
}

/** Throws when `values` is not the array type that `column` holds. */
export function checkArrayType(column: ShardColumn, values: unknown): asserts values is ShardArray {
  const came = Object.prototype.toString.call(values).slice(8, -1);
  if (came === ARRAY_NAMES[column.dtype] || (column.dtype === "uint8" && came === "Uint8ClampedArray")) return;
  throw new BiddenError(
    "bad-argument",
    `Column "${column.name}" holds ${column.dtype}: expected a ${ARRAY_NAMES[column.dtype]}; got ${came}.`,
    { column: column.name },
  );
}

/** Whether two column lists are the same, in the same order; if not, a sentence that says where. */
export function columnDifference(expected: readonly ShardColumn[], came: readonly ShardColumn[]): string | null {
  const say = (c: ShardColumn): string => `"${c.name}" ${c.dtype}[${c.shape.join(",")}]`;
  for (let i = 0; i < Math.max(expected.length, came.length); i++) {
    const a = expected[i];
    const b = came[i];
    if (a === undefined) return `column ${say(b as ShardColumn)} is not in it`;
    if (b === undefined) return `column ${say(a)} is missing`;
    if (say(a) !== say(b)) return `column ${i} is ${say(a)}, not ${say(b)}`;
  }
  return null;
}

export type BlockHeader = {
  readonly frames: number;
  readonly metaBytes: number;
  readonly metaCrc: number;
  readonly recordsCrc: number;
};

/** Bytes of a whole block. */
export function blockBytes(header: BlockHeader, recordBytes: number): number {
  return BLOCK_HEADER_BYTES + alignUp(header.metaBytes, 8) + header.frames * recordBytes;
}

export type Crc32 = (bytes: Uint8Array) => number;

export function encodeBlockHeader(header: BlockHeader, crc32: Crc32, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, BLOCK_HEADER_BYTES);
  view.setUint32(0, BLOCK_MAGIC, true);
  view.setUint32(4, header.frames, true);
  view.setUint32(8, header.metaBytes, true);
  view.setUint32(12, header.metaCrc, true);
  view.setUint32(16, header.recordsCrc, true);
  view.setUint32(20, 0, true);
  view.setUint32(24, 0, true);
  view.setUint32(28, crc32(out.subarray(0, 28)), true);
}

/** Null when the bytes are no block header. */
export function decodeBlockHeader(bytes: Uint8Array, crc32: Crc32): BlockHeader | null {
  if (bytes.length < BLOCK_HEADER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, BLOCK_HEADER_BYTES);
  if (view.getUint32(0, true) !== BLOCK_MAGIC) return null;
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, 28))) return null;
  return {
    frames: view.getUint32(4, true),
    metaBytes: view.getUint32(8, true),
    metaCrc: view.getUint32(12, true),
    recordsCrc: view.getUint32(16, true),
  };
}

/** The bytes before the first block. */
export function encodeFileHeader(columns: readonly ShardColumn[], crc32: Crc32): Uint8Array {
  const named = columns.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const json = new TextEncoder().encode(JSON.stringify({ columns: named }));
  const out = new Uint8Array(alignUp(16 + json.length, 8));
  out.set(new TextEncoder().encode(SHARD_MAGIC));
  const view = new DataView(out.buffer);
  view.setUint32(8, json.length, true);
  view.setUint32(12, crc32(json), true);
  out.set(json, 16);
  return out;
}
