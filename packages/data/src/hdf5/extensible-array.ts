/** Extensible arrays: the index of chunked arrays that grow along one axis (HDF5 File Format Specification 3.0, VII.D). */

import type { Cursor, H5File } from "./bytes.ts";
import { type Chunk, type ChunkedLayout, readEntry } from "./chunk-index.ts";

type Facts = {
  readonly entryBytes: number;
  readonly offsetBytes: number;
  readonly inIndex: number;
  readonly leastInBlock: number;
  readonly leastPointers: number;
  readonly perPage: number;
  readonly realised: number;
};

/** Chunks by number. */
export async function extensibleArray(
  file: H5File,
  layout: ChunkedLayout,
  filtered: boolean,
): Promise<Map<number, Chunk>> {
  const { address: a, length: l } = file.widths;
  const head = await file.at(layout.address, 12 + 6 * l + a);
  head.signature("EAHD");
  head.skip(2);
  const [entryBytes, bits, inIndex, leastInBlock, leastPointers, pageBits] = [
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
    head.u8(),
  ];
  head.skip(4 * l);
  const most = head.length();
  head.skip(l);
  const block = head.address();
  const powers = [leastInBlock, leastPointers].every((n) => n > 0 && (n & (n - 1)) === 0);
  if (!powers || entryBytes < a || bits > 64 || pageBits > 24 || most > file.byteLength)
    throw head.bad("extensible-array", "an array of odd sizes");
  const out = new Map<number, Chunk>();
  if (!Number.isFinite(block)) return out;
  const offsetBytes = Math.ceil(bits / 8);
  const facts: Facts = {
    entryBytes,
    offsetBytes,
    inIndex,
    leastInBlock,
    leastPointers,
    perPage: 2 ** pageBits,
    realised: most,
  };
  const add = (cursor: Cursor, first: number, count: number): void => {
    for (let i = 0; i < count && first + i < most; i++) {
      const own = readEntry(cursor, layout, filtered, entryBytes);
      if (own !== undefined) out.set(first + i, own);
    }
  };
  await readIndexBlock(file, block, facts, bits, add);
  return out;
}

type Add = (cursor: Cursor, first: number, count: number) => void;

async function readIndexBlock(file: H5File, block: number, facts: Facts, bits: number, add: Add): Promise<void> {
  const a = file.widths.address;
  const { entryBytes, inIndex, leastInBlock, leastPointers, realised } = facts;
  const superBlocks = 1 + bits - Math.log2(leastInBlock);
  const direct = 2 * Math.log2(leastPointers);
  const pointers = 2 * (leastPointers - 1);
  const behind = Math.max(0, superBlocks - direct);
  const cursor = await file.at(block, 6 + a + inIndex * entryBytes + (pointers + behind) * a);
  cursor.signature("EAIB");
  cursor.skip(2 + a);
  add(cursor.sub(inIndex * entryBytes), 0, inIndex);
  let first = inIndex;
  for (let level = 0; level < superBlocks && first < realised; level++) {
    const blocks = 2 ** Math.floor(level / 2);
    const entries = 2 ** Math.floor((level + 1) / 2) * leastInBlock;
    if (level < direct) {
      for (let i = 0; i < blocks; i++, first += entries)
        await readDataBlock(file, cursor.address(), facts, first, entries, null, add);
    } else {
      await readSuperBlock(file, cursor.address(), facts, first, blocks, entries, add);
      first += blocks * entries;
    }
  }
}

async function readSuperBlock(
  file: H5File,
  at: number,
  facts: Facts,
  start: number,
  blocks: number,
  entries: number,
  add: Add,
): Promise<void> {
  if (!Number.isFinite(at)) return;
  const a = file.widths.address;
  const pages = entries > facts.perPage ? entries / facts.perPage : 0;
  const bitmap = Math.ceil(pages / 8);
  const wanted = Math.min(blocks, Math.ceil(Math.max(0, facts.realised - start) / entries));
  const cursor = await file.at(at, 6 + a + facts.offsetBytes + blocks * bitmap + wanted * a);
  cursor.signature("EASB");
  cursor.skip(2 + a + facts.offsetBytes);
  const used = cursor.take(blocks * bitmap);
  for (let i = 0; i < wanted; i++) {
    const own = pages === 0 ? null : used.subarray(i * bitmap, (i + 1) * bitmap);
    await readDataBlock(file, cursor.address(), facts, start + i * entries, entries, own, add);
  }
}

/** @param pages which pages were written, a bit each; null: the block is in one piece. */
async function readDataBlock(
  file: H5File,
  at: number,
  facts: Facts,
  first: number,
  entries: number,
  pages: Uint8Array | null,
  add: Add,
): Promise<void> {
  const count = Math.min(entries, facts.realised - first);
  if (!Number.isFinite(at) || count <= 0) return;
  const { entryBytes, perPage } = facts;
  const headBytes = 6 + file.widths.address + facts.offsetBytes;
  const head = await file.at(at, headBytes);
  head.signature("EADB");
  if (pages === null) {
    add(await file.at(at + headBytes, count * entryBytes), first, count);
    return;
  }
  for (let page = 0; page * perPage < count; page++) {
    if (((pages[page >> 3] ?? 0) & (0x80 >> (page & 7))) === 0) continue;
    const own = Math.min(perPage, count - page * perPage);
    const start = at + headBytes + 4 + page * (perPage * entryBytes + 4);
    add(await file.at(start, own * entryBytes), first + page * perPage, own);
  }
}
