/** Where the chunks of an array lie, by every index that HDF5 has for them (HDF5 File Format Specification 3.0, III.A, VII). */

import { BiddenError } from "@bidden/runtime";
import { readBTree2 } from "./btree2.ts";
import type { Cursor, H5File } from "./bytes.ts";

export type Chunk = { readonly address: number; readonly size: number; readonly mask: number };

/** By "row,column,..." in chunks. */
export type ChunkIndex = ReadonlyMap<string, Chunk>;

export type ChunkedLayout = {
  readonly address: number;
  /** Elements along each axis. */
  readonly chunk: readonly number[];
  /** Bytes of one chunk, unfiltered. */
  readonly bytes: number;
  readonly index:
    | { readonly kind: "b-tree" | "b-tree-2" | "implicit" | "fixed-array" | "extensible-array" }
    | { readonly kind: "single"; readonly size: number; readonly mask: number };
};

export type Extent = {
  readonly shape: readonly number[];
  /** Infinity where an axis may grow without end. */
  readonly most: readonly number[];
};

export async function readChunkIndex(
  file: H5File,
  layout: ChunkedLayout,
  extent: Extent,
  filtered: boolean,
): Promise<ChunkIndex> {
  const { index, address, bytes } = layout;
  if (!Number.isFinite(address)) return new Map();
  switch (index.kind) {
    case "b-tree":
      return fromBTree(file, layout);
    case "b-tree-2":
      return fromBTree2(file, layout);
    case "single":
      return new Map([[layout.chunk.map(() => 0).join(), { address, size: index.size, mask: index.mask }]]);
    case "implicit":
      return fromList(layout, extent, false, (i) => ({ address: address + i * bytes, size: bytes, mask: 0 }));
    case "fixed-array": {
      const chunks = await fixedArray(file, layout, filtered);
      return fromList(layout, extent, false, (i) => chunks[i]);
    }
    case "extensible-array": {
      const { extensibleArray } = await import("./extensible-array.ts");
      const chunks = await extensibleArray(file, layout, filtered);
      return fromList(layout, extent, true, (i) => chunks.get(i));
    }
    default:
      return index satisfies never;
  }
}

async function fromBTree(file: H5File, { address, chunk }: ChunkedLayout): Promise<ChunkIndex> {
  const out = new Map<string, Chunk>();
  const seen = new Set<number>();
  const a = file.widths.address;
  const keyBytes = 8 + 8 * (chunk.length + 1);
  const visit = async (at: number): Promise<void> => {
    const head = await file.at(at, 8 + 2 * a);
    head.signature("TREE");
    if (head.u8() !== 1 || seen.has(at)) throw head.bad("b-tree", "a tree of chunks is broken");
    seen.add(at);
    const [level, count] = [head.u8(), head.u16()];
    const cursor = await file.at(at + 8 + 2 * a, count * (keyBytes + a));
    for (let i = 0; i < count; i++) {
      const [size, mask] = [cursor.u32(), cursor.u32()];
      const place = chunk.map((side) => cursor.uint(8) / side);
      cursor.skip(8);
      const child = cursor.address();
      if (level > 0) await visit(child);
      else out.set(place.join(), { address: child, size, mask });
    }
  };
  await visit(address);
  return out;
}

const FILTERED_RECORD = 11;

async function fromBTree2(file: H5File, layout: ChunkedLayout): Promise<ChunkIndex> {
  const { type, records } = await readBTree2(file, layout.address);
  const out = new Map<string, Chunk>();
  for (const record of records) {
    const address = record.address();
    // What is left of the record beside the mask and the place is the size.
    const sizeBytes = record.left - 4 - 8 * layout.chunk.length;
    const [size, mask] = type === FILTERED_RECORD ? [record.uint(sizeBytes), record.u32()] : [layout.bytes, 0];
    out.set(layout.chunk.map(() => record.uint(8)).join(), { address, size, mask });
  }
  return out;
}

/** One entry of an array of chunks. */
export function readEntry(
  cursor: Cursor,
  layout: ChunkedLayout,
  filtered: boolean,
  entryBytes: number,
): Chunk | undefined {
  const own = cursor.sub(entryBytes);
  const address = own.address();
  const size = filtered ? own.uint(entryBytes - own.widths.address - 4) : layout.bytes;
  const mask = filtered ? own.u32() : 0;
  return Number.isFinite(address) ? { address, size, mask } : undefined;
}

const MOST_CHUNKS = 1 << 24;

async function fixedArray(file: H5File, layout: ChunkedLayout, filtered: boolean): Promise<(Chunk | undefined)[]> {
  const { address: a, length: l } = file.widths;
  const head = await file.at(layout.address, 8 + l + a + 4);
  head.signature("FAHD");
  head.skip(2);
  const [entryBytes, pageBits, count, block] = [head.u8(), head.u8(), head.length(), head.address()];
  if (count > MOST_CHUNKS || entryBytes < a || pageBits > 24)
    throw head.bad("fixed-array", `an array of ${count} chunks`);
  if (!Number.isFinite(block)) return [];
  const perPage = 2 ** pageBits;
  const pages = count > perPage ? Math.ceil(count / perPage) : 0;
  const bitmap = Math.ceil(pages / 8);
  const headBytes = 6 + a + bitmap;
  const start = await file.at(block, headBytes);
  start.signature("FADB");
  start.skip(2 + a);
  const used = start.take(bitmap);
  const out: (Chunk | undefined)[] = [];
  if (pages === 0) {
    const cursor = await file.at(block + headBytes, count * entryBytes);
    for (let i = 0; i < count; i++) out.push(readEntry(cursor, layout, filtered, entryBytes));
    return out;
  }
  const pageBytes = perPage * entryBytes + 4;
  for (let page = 0; page < pages; page++) {
    const entries = Math.min(perPage, count - page * perPage);
    // A page that was never written holds nothing.
    if (((used[page >> 3] as number) & (0x80 >> (page & 7))) === 0) {
      for (let i = 0; i < entries; i++) out.push(undefined);
      continue;
    }
    const cursor = await file.at(block + headBytes + 4 + page * pageBytes, entries * entryBytes);
    for (let i = 0; i < entries; i++) out.push(readEntry(cursor, layout, filtered, entryBytes));
  }
  return out;
}

/** Chunks numbered row by row, over the largest extent; an extensible array has the axis that grows first. */
function fromList(
  { chunk }: ChunkedLayout,
  { shape, most }: Extent,
  growing: boolean,
  at: (i: number) => Chunk | undefined,
): ChunkIndex {
  const axes = chunk.map((_, axis) => axis);
  const endless = most.findIndex((side) => !Number.isFinite(side));
  if (growing && endless > 0) axes.unshift(...axes.splice(endless, 1));
  const counts = chunk.map((side, axis) => {
    const own = most[axis] as number;
    return Math.ceil((Number.isFinite(own) ? own : (shape[axis] as number)) / side);
  });
  const here = chunk.map((side, axis) => Math.ceil((shape[axis] as number) / side));
  if (here.reduce((product, n) => product * n, 1) > MOST_CHUNKS)
    throw new BiddenError("bad-dataset", `${here.join(" x ")} chunks`, { rule: "chunk-index" });
  const out = new Map<string, Chunk>();
  const place = chunk.map(() => 0);
  const visit = (k: number, number: number): void => {
    const axis = axes[k];
    if (axis === undefined) {
      const own = at(number);
      if (own !== undefined) out.set(place.join(), own);
      return;
    }
    for (let i = 0; i < (here[axis] as number); i++) {
      place[axis] = i;
      visit(k + 1, number * (counts[axis] as number) + i);
    }
    place[axis] = 0;
  };
  visit(0, 0);
  return out;
}
