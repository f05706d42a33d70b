/** B-trees of version 2: records in order (HDF5 File Format Specification 3.0, III.A.2). */

import { bytesFor, type Cursor, type H5File } from "./bytes.ts";

/** Signature, version, type, checksum. */
const OVERHEAD = 10;

export type Records = { readonly type: number; readonly records: readonly Cursor[] };

export async function readBTree2(file: H5File, address: number): Promise<Records> {
  const head = await file.upTo(address, 64);
  head.signature("BTHD");
  head.skip(1);
  const type = head.u8();
  const [nodeSize, recordSize, depth] = [head.u32(), head.u16(), head.u16()];
  head.skip(2);
  const [root, count] = [head.address(), head.u16()];
  const total = head.length();
  if (recordSize < 1 || nodeSize < OVERHEAD + recordSize || depth > 16 || total * recordSize > file.byteLength)
    throw head.bad("b-tree", "a tree of odd sizes");
  const records: Cursor[] = [];
  if (!Number.isFinite(root)) return { type, records };
  const levels = pointerWidths(file, nodeSize, recordSize, depth);
  const visit = async (node: number, level: number, own: number): Promise<void> => {
    const cursor = await file.at(node, nodeSize);
    cursor.signature(level === 0 ? "BTLF" : "BTIN");
    cursor.skip(2);
    for (let i = 0; i < own; i++) records.push(cursor.sub(recordSize));
    if (records.length > total) throw cursor.bad("b-tree", "a tree holds more than it says");
    const { countBytes, totalBytes } = levels[level] as { countBytes: number; totalBytes: number };
    const children = level === 0 ? 0 : own + 1;
    for (let i = 0; i < children; i++) {
      const child = cursor.address();
      const childCount = cursor.uint(countBytes);
      cursor.skip(totalBytes);
      await visit(child, level - 1, childCount);
    }
  };
  await visit(root, depth, count);
  return { type, records };
}

/** How many bytes a node's pointers give to counts: of the child, and of all below it. */
function pointerWidths(
  file: H5File,
  nodeSize: number,
  recordSize: number,
  depth: number,
): { countBytes: number; totalBytes: number }[] {
  const leafMost = Math.floor((nodeSize - OVERHEAD) / recordSize);
  const countBytes = bytesFor(leafMost);
  const levels = [{ countBytes, totalBytes: 0 }];
  let below = leafMost;
  for (let level = 1; level <= depth; level++) {
    const totalBytes = level === 1 ? 0 : bytesFor(below);
    const pointer = file.widths.address + countBytes + totalBytes;
    levels.push({ countBytes, totalBytes });
    const most = Math.floor((nodeSize - OVERHEAD - pointer) / (recordSize + pointer));
    below = (most + 1) * below + most;
  }
  return levels;
}
