/** Attributes of groups (HDF5 File Format Specification 3.0, IV.A.2.m), as plain values. */

import { elementsOf } from "../dataset/columns.ts";
import { readExtent } from "./array.ts";
import { readBTree2 } from "./btree2.ts";
import type { Cursor, H5File } from "./bytes.ts";
import { readDatatype } from "./datatype.ts";
import { heapObject, openHeap } from "./fractal-heap.ts";
import { findMessage, MESSAGE, type Message, sharedMessage } from "./header.ts";
import { valuesFrom } from "./values.ts";

export async function readAttributes(file: H5File, messages: readonly Message[]): Promise<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  for (const message of messages) {
    if (message.type === MESSAGE.attribute && !message.shared) await addAttribute(file, message.body, out);
  }
  const info = await findMessage(file, messages, MESSAGE.attributeInfo);
  if (info === null) return out;
  info.skip(1);
  if (info.u8() & 1) info.skip(2);
  const [heapAt, treeAt] = [info.address(), info.address()];
  if (!Number.isFinite(heapAt) || !Number.isFinite(treeAt)) return out;
  const heap = await openHeap(file, heapAt);
  for (const record of (await readBTree2(file, treeAt)).records)
    await addAttribute(file, await heapObject(heap, record), out);
  return out;
}

async function addAttribute(file: H5File, cursor: Cursor, out: Record<string, unknown>): Promise<void> {
  const version = cursor.u8();
  const flags = cursor.u8();
  const [nameBytes, typeBytes, spaceBytes] = [cursor.u16(), cursor.u16(), cursor.u16()];
  if (version === 3) cursor.skip(1);
  const part = (bytes: number): Cursor => {
    const own = cursor.sub(bytes);
    if (version === 1) cursor.skip(Math.min(cursor.left, (8 - (bytes % 8)) % 8));
    return own;
  };
  const name = part(nameBytes).text();
  const [rawType, rawSpace] = [part(typeBytes), part(spaceBytes)];
  const type = readDatatype(version > 1 && flags & 1 ? await sharedMessage(file, rawType, MESSAGE.datatype) : rawType);
  const extent = readExtent(rawSpace);
  if (extent === null) {
    out[name] = null;
    return;
  }
  const count = elementsOf(extent.shape);
  if (!(count * type.size <= cursor.left)) throw cursor.bad("attribute", `attribute "${name}" is cut short`);
  const values = await valuesFrom(file, type, cursor.take(count * type.size), count);
  out[name] = extent.shape.length === 0 ? values[0] : values;
}
