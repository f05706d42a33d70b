/**
 * Parquet as LeRobot lays it out (data.md 1.3): image → struct<bytes, path>, shape [1] → scalar, one axis → list, more axes
 * → nested lists. Every column is optional, compression is snappy.
 */

import { BiddenError, messageOf } from "@bidden/runtime";
import { type FileMetaData, parquetMetadataAsync, parquetScan, type SchemaElement } from "hyparquet";
import { ByteWriter, type ColumnSource, ParquetWriter } from "hyparquet-writer";
import { isNumberDtype } from "../dataset/columns.ts";
import type { Feature, Features, NumberDtype } from "../dataset/types.ts";
import type { RandomAccess } from "../files/store.ts";

/** What hyparquet-writer takes for a leaf. */
type Leaf = Omit<SchemaElement, "name" | "repetition_type">;

/** Integers carry the older `converted_type` only: as a logical type hyparquet-writer 0.17.0 writes bytes that Arrow refuses. */
const LEAVES: Record<NumberDtype | "string" | "binary", Leaf> = {
  bool: { type: "BOOLEAN" },
  float16: { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } },
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  int8: { type: "INT32", converted_type: "INT_8" },
  int16: { type: "INT32", converted_type: "INT_16" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  uint8: { type: "INT32", converted_type: "UINT_8" },
  uint16: { type: "INT32", converted_type: "UINT_16" },
  uint32: { type: "INT32", converted_type: "UINT_32" },
  uint64: { type: "INT64", converted_type: "UINT_64" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  binary: { type: "BYTE_ARRAY" },
};

/** Schema of one column: a leaf inside `depth` nested lists. */
export function columnSchema(name: string, leaf: keyof typeof LEAVES, depth: number): SchemaElement[] {
  const lists = Array.from({ length: depth }, (_, i): SchemaElement[] => [
    { name: i === 0 ? name : "element", repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
  ]).flat();
  return [...lists, { ...LEAVES[leaf], name: depth === 0 ? name : "element", repetition_type: "OPTIONAL" }];
}

/** Schema of one feature in a data file; none for videos, which lie elsewhere. */
export function featureSchema(name: string, feature: Feature): SchemaElement[] {
  const { dtype, shape } = feature;
  if (dtype === "video") return [];
  if (dtype === "image") {
    return [
      { name, repetition_type: "OPTIONAL", num_children: 2 },
      { ...LEAVES.binary, name: "bytes", repetition_type: "OPTIONAL" },
      { ...LEAVES.string, name: "path", repetition_type: "OPTIONAL" },
    ];
  }
  if (dtype === "string") return columnSchema(name, "string", 0);
  if (isNumberDtype(dtype)) return columnSchema(name, dtype, shape.length === 1 && shape[0] === 1 ? 0 : shape.length);
  throw new BiddenError("unsupported", `Feature "${name}" of dtype ${dtype} cannot be written to parquet.`);
}

/** The `huggingface` key, by which `datasets` and the Hub's viewer know images and list lengths. */
export function huggingFaceMetadata(features: Features): { key: string; value: string } {
  const described: Record<string, unknown> = {};
  for (const [name, { dtype, shape }] of Object.entries(features)) {
    if (dtype === "video") continue;
    const value = { dtype, _type: "Value" };
    if (dtype === "image") described[name] = { _type: "Image" };
    else if (shape.length > 1) described[name] = { shape, dtype, _type: `Array${shape.length}D` };
    else described[name] = shape[0] === 1 ? value : { feature: value, length: shape[0], _type: "List" };
  }
  return { key: "huggingface", value: JSON.stringify({ info: { features: described } }) };
}

export type TableColumn = { readonly name: string; readonly schema: SchemaElement[]; readonly data: unknown[] };

/** A file of one row group. Column statistics are left out where they would only repeat pictures. */
export function encodeTable(
  columns: readonly TableColumn[],
  kvMetadata: { key: string; value: string }[],
  rowGroups: readonly number[],
): Uint8Array {
  const writer = new ByteWriter(1 << 16);
  const root: SchemaElement = { name: "schema", repetition_type: "REQUIRED", num_children: columns.length };
  const schema = [root, ...columns.flatMap((column) => column.schema)];
  const file = new ParquetWriter({ writer, schema, kvMetadata, createdBy: "bidden" });
  const columnData: ColumnSource[] = columns.map(({ name, schema: own, data }) => {
    const binary = own.some((element) => element.name === "bytes" && element.type === "BYTE_ARRAY");
    return { name, data, ...(binary ? { statistics: false, encoding: "PLAIN" as const } : {}) };
  });
  void file.write({ columnData, rowGroupSize: [...rowGroups] });
  void file.finish();
  return writer.getBytes().slice();
}

/** Byte arrays as texts where the schema says that they are; everything else, pictures too, as it came. */
export function textCells(schema: readonly SchemaElement[], cells: ArrayLike<unknown>): unknown[] {
  const texts = new Set(schema.filter((leaf) => leaf.converted_type === "UTF8").map((leaf) => leaf.name));
  const [top] = schema;
  const visit = (value: unknown, name: string): unknown => {
    if (value instanceof Uint8Array) return texts.has(name) ? new TextDecoder().decode(value) : value;
    if (Array.isArray(value)) return value.map((inner) => visit(inner, texts.has("element") ? "element" : "item"));
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, visit(inner, key)]));
  };
  return Array.from(cells, (cell) => visit(cell, top?.name ?? ""));
}

/** An opened parquet file. */
export type Table = {
  readonly rows: number;
  readonly rowGroups: readonly number[];
  readonly columns: readonly string[];
  readonly metadata: FileMetaData;
  /** One column's rows [from, to), as hyparquet gives them (64-bit integers as bigint, byte arrays as Uint8Array). */
  read(column: string, from?: number, to?: number): Promise<ArrayLike<unknown>>;
  /** The subtree of one column. */
  schemaOf(column: string): SchemaElement[];
  close(): Promise<void>;
};

/** @param name of the file, for messages. */
export async function openTable(file: RandomAccess, name: string): Promise<Table> {
  const bad = (what: string, cause: unknown): BiddenError =>
    new BiddenError("bad-dataset", `${name}: ${what} (${messageOf(cause)}).`, { file: name }, cause);
  let metadata: FileMetaData;
  try {
    // Without marks for maps: looking for them never ends in a schema that counts its children below zero.
    metadata = await parquetMetadataAsync(file, { geoparquet: false });
    checkMetadata(metadata, file.byteLength);
  } catch (error) {
    await file.close();
    throw bad("not a whole parquet file", error);
  }
  const columns: string[] = [];
  for (let i = 1; i < metadata.schema.length; i = skipElement(metadata.schema, i)) {
    columns.push((metadata.schema[i] as SchemaElement).name);
  }
  const rows = Number(metadata.num_rows);
  return {
    rows,
    rowGroups: metadata.row_groups.map((group) => Number(group.num_rows)),
    columns,
    metadata,
    read: async (column, from = 0, to = rows) => {
      if (to <= from) return [];
      try {
        const scan = await parquetScan({ file, metadata, columns: [column], rowStart: from, rowEnd: to, utf8: false });
        return await readRanges(scan, column, from, to);
      } catch (error) {
        throw bad(`column "${column}" cannot be read`, error);
      }
    },
    schemaOf: (column) => {
      const start = metadata.schema.findIndex((element, i) => i > 0 && element.name === column);
      return start < 0 ? [] : metadata.schema.slice(start, skipElement(metadata.schema, start));
    },
    close: () => file.close(),
  };
}

async function readRanges(
  scan: Awaited<ReturnType<typeof parquetScan>>,
  column: string,
  from: number,
  to: number,
): Promise<ArrayLike<unknown>> {
  const parts: ArrayLike<unknown>[] = [];
  for (const range of scan.ranges) {
    const rowStart = Math.max(range.rowStart, from);
    const rowEnd = Math.min(range.rowEnd, to);
    if (rowStart < rowEnd) parts.push(await scan.readColumn({ column, rowStart, rowEnd }));
  }
  const all = parts.length === 1 ? (parts[0] as ArrayLike<unknown>) : parts.flatMap((part) => Array.from(part));
  if (all.length !== to - from) {
    throw new BiddenError("bad-dataset", `expected ${to - from} rows, found ${all.length}`);
  }
  return all;
}

/** Index of the element after the subtree at `i`. */
function skipElement(schema: readonly SchemaElement[], i: number): number {
  let next = i + 1;
  for (let child = 0; child < (schema[i]?.num_children ?? 0) && next < schema.length; child++) {
    next = skipElement(schema, next);
  }
  return next;
}

/** Numbers that a reader would trust when it allocates. */
function checkMetadata(metadata: FileMetaData, byteLength: number): void {
  let rows = 0n;
  for (const group of metadata.row_groups) {
    rows += group.num_rows;
    for (const { meta_data: chunk } of group.columns) {
      if (chunk === undefined) throw new BiddenError("bad-dataset", "a column chunk has no metadata");
      const start = chunk.dictionary_page_offset ?? chunk.data_page_offset;
      const within = start >= 0n && chunk.total_compressed_size >= 0n;
      if (!within || start + chunk.total_compressed_size > BigInt(byteLength)) {
        throw new BiddenError("bad-dataset", "a column chunk lies outside the file");
      }
    }
  }
  if (rows !== metadata.num_rows || rows < 0n) {
    throw new BiddenError("bad-dataset", `row groups hold ${rows} rows, the file claims ${metadata.num_rows}`);
  }
}
