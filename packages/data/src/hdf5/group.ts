/** What is in a group: names and where their objects are (HDF5 File Format Specification 3.0, III.A to III.D, IV.A.2). */

import { readBTree2 } from "./btree2.ts";
import type { Cursor, H5File } from "./bytes.ts";
import { heapObject, openHeap } from "./fractal-heap.ts";
import { findMessage, MESSAGE, type Message } from "./header.ts";

export type Link =
  | { readonly kind: "hard"; readonly name: string; readonly address: number }
  | { readonly kind: "soft"; readonly name: string; readonly path: string }
  /** Into other files, which are not opened. */
  | { readonly kind: "other"; readonly name: string };

/** Null for an object that is no group. */
export async function readLinks(file: H5File, messages: readonly Message[]): Promise<Link[] | null> {
  const table = await findMessage(file, messages, MESSAGE.symbolTable);
  if (table !== null) return oldLinks(file, table.address(), table.address());
  const info = await findMessage(file, messages, MESSAGE.linkInfo);
  if (info === null) return null;
  const links = messages.filter((own) => own.type === MESSAGE.link).map((own) => parseLink(own.body));
  info.skip(1);
  if (info.u8() & 1) info.skip(8);
  const [heapAt, treeAt] = [info.address(), info.address()];
  if (!Number.isFinite(heapAt) || !Number.isFinite(treeAt)) return links;
  const heap = await openHeap(file, heapAt);
  for (const record of (await readBTree2(file, treeAt)).records) {
    // The hash of the name stands before the identifier.
    record.skip(4);
    links.push(parseLink(await heapObject(heap, record)));
  }
  return links.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function parseLink(cursor: Cursor): Link {
  const version = cursor.u8();
  if (version !== 1) throw cursor.bad("link", `a link of version ${version}`);
  const flags = cursor.u8();
  const type = flags & 8 ? cursor.u8() : 0;
  if (flags & 4) cursor.skip(8);
  if (flags & 16) cursor.skip(1);
  const name = new TextDecoder().decode(cursor.take(cursor.uint(1 << (flags & 3))));
  if (type === 0) return { kind: "hard", name, address: cursor.address() };
  if (type === 1) return { kind: "soft", name, path: new TextDecoder().decode(cursor.take(cursor.u16())) };
  return { kind: "other", name };
}

const MOST_LINKS = 1 << 20;

/** A tree of tables of names, which lie in a heap. */
async function oldLinks(file: H5File, tree: number, heap: number): Promise<Link[]> {
  const { address: a, length: l } = file.widths;
  const head = await file.at(heap, 8 + 2 * l + a);
  head.signature("HEAP");
  head.skip(4);
  const size = head.length();
  head.skip(l);
  const names = await file.at(head.address(), size);
  const nameAt = (offset: number): string => {
    names.at = 0;
    names.skip(offset);
    return names.text();
  };
  const links: Link[] = [];
  const seen = new Set<number>();
  const table = async (at: number): Promise<void> => {
    const count = await file.at(at, 8);
    count.signature("SNOD");
    count.skip(2);
    const entries = await file.at(at + 8, count.u16() * (2 * a + 24));
    while (entries.left > 0) {
      const [name, address, kind] = [nameAt(entries.address()), entries.address(), entries.u32()];
      entries.skip(4);
      const scratch = entries.sub(16);
      if (kind === 2) links.push({ kind: "soft", name, path: nameAt(scratch.u32()) });
      else links.push({ kind: "hard", name, address });
    }
  };
  const node = async (at: number): Promise<void> => {
    const cursor = await file.at(at, 8 + 2 * a);
    cursor.signature("TREE");
    if (cursor.u8() !== 0 || seen.has(at) || links.length > MOST_LINKS)
      throw cursor.bad("b-tree", "a tree of names is broken");
    seen.add(at);
    const [level, count] = [cursor.u8(), cursor.u16()];
    const entries = await file.at(at + 8 + 2 * a, l + count * (a + l));
    for (let i = 0; i < count; i++) {
      entries.skip(l);
      const child = entries.address();
      await (level === 0 ? table(child) : node(child));
    }
  };
  await node(tree);
  return links;
}
