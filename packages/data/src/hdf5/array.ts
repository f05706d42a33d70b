/** Arrays of an HDF5 file: shape, type and any rows of them. */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { ArrayNode } from "../arrays/tree.ts";
import { elementsOf } from "../dataset/columns.ts";
import type { Cursor, H5File } from "./bytes.ts";
import { type ChunkedLayout, type ChunkIndex, type Extent, readChunkIndex } from "./chunk-index.ts";
import { type Datatype, readDatatype } from "./datatype.ts";
import { type Filter, unfilter } from "./filters.ts";
import { findMessage, MESSAGE, type Message } from "./header.ts";
import { dtypeOf, numbersFrom, valuesFrom } from "./values.ts";

type Layout =
  | { readonly kind: "compact"; readonly bytes: Uint8Array }
  | { readonly kind: "contiguous"; readonly address: number; readonly size: number }
  | ({ readonly kind: "chunked" } & ChunkedLayout);

/** Null for an object that is no array, or one without elements. */
export async function readArray(file: H5File, messages: readonly Message[], path: string): Promise<ArrayNode | null> {
  const [space, type, layout] = [
    await findMessage(file, messages, MESSAGE.dataspace),
    await findMessage(file, messages, MESSAGE.datatype),
    await findMessage(file, messages, MESSAGE.layout),
  ];
  if (space === null || type === null || layout === null) return null;
  const extent = readExtent(space);
  if (extent === null || extent.shape.length === 0) return null;
  const array = new H5Array(file, path, extent, readDatatype(type), readLayout(layout));
  array.filters = readFilters(await findMessage(file, messages, MESSAGE.filters));
  array.fill = readFill(await findMessage(file, messages, MESSAGE.fill));
  return { path, shape: extent.shape, dtype: dtypeOf(array.type), rows: (from, to) => array.rows(from, to) };
}

const MOST_AXES = 32;

/** Null for a space without elements; a scalar has no axes. */
export function readExtent(cursor: Cursor): Extent | null {
  const [version, rank, flags] = [cursor.u8(), cursor.u8(), cursor.u8()];
  if (rank > MOST_AXES) throw cursor.bad("dataspace", `${rank} axes`);
  if (version === 1) cursor.skip(5);
  else if (cursor.u8() === 2) return null;
  const shape = Array.from({ length: rank }, () => cursor.length());
  const most = flags & 1 ? shape.map(() => cursor.length()) : shape;
  if (!shape.every((n) => Number.isSafeInteger(n))) throw cursor.bad("dataspace", `a shape of ${shape.join(" x ")}`);
  return { shape, most };
}

function readLayout(cursor: Cursor): Layout {
  const version = cursor.u8();
  if (version < 3) return readOldLayout(cursor);
  const kind = cursor.u8();
  if (kind === 0) return { kind: "compact", bytes: cursor.take(cursor.u16()) };
  if (kind === 1) return { kind: "contiguous", address: cursor.address(), size: cursor.length() };
  if (kind !== 2) throw new BiddenError("unsupported", "virtual arrays (parts of other files) are not read");
  if (version === 3) {
    const rank = cursor.u8();
    const address = cursor.address();
    return chunked(
      cursor,
      Array.from({ length: rank }, () => cursor.u32()),
      () => ({ address, index: { kind: "b-tree" } }),
    );
  }
  const flags = cursor.u8();
  const rank = cursor.u8();
  const width = cursor.u8();
  const sides = Array.from({ length: rank }, () => cursor.uint(width));
  return chunked(cursor, sides, (bytes) => readIndexKind(cursor, flags, bytes));
}

function readOldLayout(cursor: Cursor): Layout {
  const [rank, kind] = [cursor.u8(), cursor.u8()];
  cursor.skip(5);
  const address = kind === 0 ? 0 : cursor.address();
  const sides = Array.from({ length: Math.min(rank, MOST_AXES + 1) }, () => cursor.u32());
  if (kind === 0) return { kind: "compact", bytes: cursor.take(cursor.u32()) };
  if (kind === 1) return { kind: "contiguous", address, size: Number.POSITIVE_INFINITY };
  sides.push(cursor.u32());
  return chunked(cursor, sides.slice(0, rank), () => ({ address, index: { kind: "b-tree" } }));
}

/** @param sides of a chunk, and the size of an element. */
function chunked(
  cursor: Cursor,
  sides: number[],
  place: (bytes: number) => Pick<ChunkedLayout, "address" | "index">,
): Layout {
  const bytes = sides.reduce((product, n) => product * n, 1);
  if (!(bytes > 0 && bytes < 2 ** 32)) throw cursor.bad("layout", `chunks of ${sides.join(" x ")} bytes`);
  return { kind: "chunked", chunk: sides.slice(0, -1), bytes, ...place(bytes) };
}

function readIndexKind(cursor: Cursor, flags: number, bytes: number): Pick<ChunkedLayout, "address" | "index"> {
  const kind = cursor.u8();
  switch (kind) {
    case 1: {
      const filtered = (flags & 2) !== 0;
      const [size, mask] = filtered ? [cursor.length(), cursor.u32()] : [bytes, 0];
      return { index: { kind: "single", size, mask }, address: cursor.address() };
    }
    case 2:
      return { index: { kind: "implicit" }, address: cursor.address() };
    case 3:
      cursor.skip(1);
      return { index: { kind: "fixed-array" }, address: cursor.address() };
    case 4:
      cursor.skip(5);
      return { index: { kind: "extensible-array" }, address: cursor.address() };
    case 5:
      cursor.skip(6);
      return { index: { kind: "b-tree-2" }, address: cursor.address() };
    default:
      throw cursor.bad("layout", `a chunk index of kind ${kind}`);
  }
}

function readFilters(cursor: Cursor | null): Filter[] {
  if (cursor === null) return [];
  const [version, count] = [cursor.u8(), cursor.u8()];
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, (): Filter => {
    const id = cursor.u16();
    const nameBytes = version === 1 || id >= 256 ? cursor.u16() : 0;
    cursor.skip(2);
    const values = cursor.u16();
    const name = new TextDecoder().decode(cursor.take(version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes));
    const own = Array.from({ length: values }, () => cursor.u32());
    if (version === 1 && values % 2 === 1) cursor.skip(4);
    return { id, name: name.replace(/\0.*$/s, ""), values: own };
  });
}

/** Bytes of one element where nothing was written; null: zeros. */
function readFill(cursor: Cursor | null): Uint8Array | null {
  if (cursor === null) return null;
  const version = cursor.u8();
  if (version === 3) return cursor.u8() & 0x20 ? cursor.take(cursor.u32()) : null;
  cursor.skip(2);
  const defined = cursor.u8() === 1 || version === 1;
  return defined && cursor.left >= 4 ? cursor.take(cursor.u32()) : null;
}

/** What an array may take beside what the best compression (DEFLATE) can make of its file. */
const FREE_BYTES = 1 << 26;
const MOST_RATIO = 1100;
/** Decoded chunks kept an array: rows of one chunk are often read one after the other. */
const KEPT_BYTES = 8 << 20;

class H5Array {
  readonly file: H5File;
  readonly type: Datatype;
  filters: readonly Filter[] = [];
  fill: Uint8Array | null = null;
  readonly #path: string;
  readonly #extent: Extent;
  readonly #layout: Layout;
  #index: Promise<ChunkIndex> | null = null;
  readonly #kept = new Map<string, Promise<Uint8Array>>();

  constructor(file: H5File, path: string, extent: Extent, type: Datatype, layout: Layout) {
    this.file = file;
    this.type = type;
    this.#path = path;
    this.#extent = extent;
    this.#layout = layout;
  }

  async rows(from: number, to: number): ReturnType<ArrayNode["rows"]> {
    const [rows = 0, ...inner] = this.#extent.shape;
    const count = Math.max(0, Math.min(to, rows) - from);
    const perRow = elementsOf(inner);
    try {
      const bytes = await this.#bytes(from, count, perRow * this.type.size);
      if (this.type.kind === "number") return numbersFrom(bytes, this.type);
      const values = await valuesFrom(this.file, this.type, bytes, count * perRow);
      if (inner.length === 0) return values;
      return Array.from({ length: count }, (_, i) => values.slice(i * perRow, (i + 1) * perRow));
    } catch (error) {
      throw new BiddenError(
        error instanceof BiddenError && error.code === "unsupported" ? "unsupported" : "bad-dataset",
        `${this.file.path}: "${this.#path}" cannot be read (${messageOf(error)}).`,
        { ...(error instanceof BiddenError ? error.fields : {}), array: this.#path },
        error,
      );
    }
  }

  async #bytes(from: number, count: number, rowBytes: number): Promise<Uint8Array> {
    const layout = this.#layout;
    const length = count * rowBytes;
    switch (layout.kind) {
      case "compact":
        return this.#padded(layout.bytes.slice(from * rowBytes, from * rowBytes + length), length);
      case "contiguous": {
        if (!Number.isFinite(layout.address)) return this.#filled(length);
        const there = Math.min(length, Math.max(0, layout.size - from * rowBytes));
        return this.#padded((await this.file.read(layout.address + from * rowBytes, there)).slice(), length);
      }
      case "chunked":
        return this.#fromChunks(layout, from, count);
      default:
        return layout satisfies never;
    }
  }

  #padded(bytes: Uint8Array, length: number): Uint8Array {
    if (bytes.length === length) return bytes;
    const out = this.#filled(length);
    out.set(bytes);
    return out;
  }

  /** A claim in a header does not allocate by itself. */
  #filled(length: number): Uint8Array {
    this.#checkLength(length);
    const out = new Uint8Array(length);
    const { fill } = this;
    if (fill?.some((byte) => byte !== 0))
      for (let at = 0; at + fill.length <= length; at += fill.length) out.set(fill, at);
    return out;
  }

  #checkLength(length: number): void {
    const most = Math.min(2 ** 31, FREE_BYTES + this.file.byteLength * MOST_RATIO);
    if (!(length <= most))
      throw new BiddenError(
        "bad-dataset",
        `${length} bytes are claimed; a file of ${this.file.byteLength} cannot hold them`,
      );
  }

  async #fromChunks(layout: ChunkedLayout, from: number, count: number): Promise<Uint8Array> {
    this.#checkLength(layout.bytes);
    this.#index ??= readChunkIndex(this.file, layout, this.#extent, this.filters.length > 0);
    const index = await this.#index;
    const shape = [count, ...this.#extent.shape.slice(1)];
    const size = this.type.size;
    const out = this.#filled(elementsOf(shape) * size);
    const start = shape.map((_, axis) => (axis === 0 ? from : 0));
    for (const place of chunksOf(start, shape, layout.chunk)) {
      const chunk = index.get(place.join());
      if (chunk === undefined) continue;
      const bytes = await this.#chunk(place.join(), chunk, layout.bytes);
      copyBox(
        bytes,
        layout.chunk,
        place.map((n, axis) => n * (layout.chunk[axis] as number) - (start[axis] as number)),
        out,
        shape,
        size,
      );
    }
    return out;
  }

  #chunk(
    key: string,
    { address, size, mask }: { address: number; size: number; mask: number },
    bytes: number,
  ): Promise<Uint8Array> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const read = this.file.read(address, size).then((stored) => unfilter(stored, this.filters, mask, bytes));
    this.#kept.set(key, read);
    read.catch(() => this.#kept.delete(key));
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size * bytes <= KEPT_BYTES || this.#kept.size <= 1) break;
      this.#kept.delete(oldest);
    }
    return read;
  }
}

/** Places of all chunks that a box touches. */
function chunksOf(start: readonly number[], shape: readonly number[], chunk: readonly number[]): number[][] {
  if (shape.includes(0)) return [];
  return chunk.reduce<number[][]>(
    (places, side, axis) => {
      const first = Math.floor((start[axis] as number) / side);
      const last = Math.floor(((start[axis] as number) + (shape[axis] as number) - 1) / side);
      return places.flatMap((place) => Array.from({ length: last - first + 1 }, (_, i) => [...place, first + i]));
    },
    [[]],
  );
}

/** Copies what of a chunk lies in the target. @param offset of the chunk's first element in the target, by axis. */
function copyBox(
  chunk: Uint8Array,
  sides: readonly number[],
  offset: readonly number[],
  out: Uint8Array,
  shape: readonly number[],
  size: number,
): void {
  const last = sides.length - 1;
  const visit = (axis: number, from: number, to: number): void => {
    const [side, length, at] = [sides[axis] as number, shape[axis] as number, offset[axis] as number];
    const [first, end] = [Math.max(0, -at), Math.min(side, length - at)];
    if (first >= end) return;
    if (axis === last) {
      const source = (from * side + first) * size;
      out.set(chunk.subarray(source, source + (end - first) * size), (to * length + at + first) * size);
      return;
    }
    for (let i = first; i < end; i++) visit(axis + 1, from * side + i, to * length + at + i);
  };
  visit(0, 0, 0);
}
