/** Fractal heaps, where objects with many links or attributes keep them (HDF5 File Format Specification 3.0, III.G). */

import { bytesFor, type Cursor, type H5File } from "./bytes.ts";

type Heap = {
  readonly file: H5File;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly width: number;
  readonly start: number;
  readonly largest: number;
  readonly root: number;
  readonly rows: number;
  readonly filtered: boolean;
};

export async function openHeap(file: H5File, address: number): Promise<Heap> {
  const cursor = await file.upTo(address, 256);
  cursor.signature("FRHP");
  cursor.skip(3);
  const filterBytes = cursor.u16();
  cursor.skip(1);
  const mostManaged = cursor.u32();
  const { address: a, length: l } = file.widths;
  cursor.skip(l + a + l + a + 8 * l);
  const width = cursor.u16();
  const start = cursor.length();
  const largest = cursor.length();
  const bits = cursor.u16();
  cursor.skip(2);
  const root = cursor.address();
  const rows = cursor.u16();
  if (width < 1 || width > 1024 || !(start > 0) || !(largest >= start) || bits > 64)
    throw cursor.bad("heap", "a heap of odd sizes");
  const offsetBytes = Math.ceil(bits / 8);
  const lengthBytes = Math.min(bytesFor(largest), bytesFor(mostManaged));
  return { file, offsetBytes, lengthBytes, width, start, largest, root, rows, filtered: filterBytes > 0 };
}

/** The object of an identifier. */
export async function heapObject(heap: Heap, id: Cursor): Promise<Cursor> {
  const flags = id.u8();
  const kind = (flags >> 4) & 3;
  if (kind === 2) return id.sub((flags & 15) + 1);
  if (kind !== 0 || heap.filtered) throw id.bad("heap", "huge or compressed heap objects are not read");
  const offset = id.uint(heap.offsetBytes);
  const length = id.uint(heap.lengthBytes);
  if (heap.rows === 0) return heap.file.at(heap.root + offset, length);
  return inIndirect(heap, heap.root, heap.rows, 0, offset, length, 0);
}

const rowSize = (heap: Heap, row: number): number => heap.start * 2 ** Math.max(0, row - 1);

/** Row by row: blocks of data while they are small enough, then further blocks of addresses. */
async function inIndirect(
  heap: Heap,
  address: number,
  rows: number,
  start: number,
  offset: number,
  length: number,
  depth: number,
): Promise<Cursor> {
  const { file, width } = heap;
  const cursor = await file.at(
    address,
    5 + file.widths.address + heap.offsetBytes + rows * width * file.widths.address,
  );
  cursor.signature("FHIB");
  if (depth > 16 || rows > 64) throw cursor.bad("heap", "a heap is nested too deep");
  cursor.skip(1 + file.widths.address + heap.offsetBytes);
  let from = start;
  for (let row = 0; row < rows; row++) {
    const size = rowSize(heap, row);
    for (let column = 0; column < width; column++, from += size) {
      const child = cursor.address();
      if (offset < from || offset >= from + size) continue;
      if (!Number.isFinite(child)) throw cursor.bad("heap", "an object lies in a block that is not there");
      if (size <= heap.largest) return file.at(child + offset - from, length);
      const childRows = Math.log2(size / (heap.start * width)) + 1;
      return inIndirect(heap, child, childRows, from, offset, length, depth + 1);
    }
  }
  throw cursor.bad("heap", "an object lies outside its heap");
}
