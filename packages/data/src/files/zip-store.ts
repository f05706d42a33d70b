/** A ZIP archive (PKWARE APPNOTE 6.3.9) as a folder to read from; entries stored or deflated, ZIP64 too. */

import { BiddenError } from "@bidden/runtime";
import { inflate } from "../bytes/inflate.ts";
import type { FileStore, RandomAccess } from "./store.ts";

type Entry = { readonly method: number; readonly compressed: number; readonly size: number; readonly header: number };

const END_RECORD = 0x06054b50;
const END64_RECORD = 0x06064b50;
const END64_LOCATOR = 0x07064b50;
const CENTRAL_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;

/** Reads the table of contents. Takes over `file`. */
export async function openZip(file: RandomAccess, root: string): Promise<ZipStore> {
  try {
    return new ZipStore(file, root, await readContents(file, root));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readContents(file: RandomAccess, root: string): Promise<Map<string, Entry>> {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${root} is no readable ZIP archive: ${what}.`, { path: root });
  const tailAt = Math.max(0, file.byteLength - 65_557);
  const tail = new DataView(await file.slice(tailAt));
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END_RECORD) end--;
  if (end < 0) throw bad("its table of contents is missing (cut short?)");
  let count = tail.getUint16(end + 10, true);
  let size = tail.getUint32(end + 12, true);
  let offset = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === END64_LOCATOR) {
    const at = Number(tail.getBigUint64(end - 12, true));
    if (at + 56 > file.byteLength) throw bad("its ZIP64 record lies outside");
    const record = new DataView(await file.slice(at, at + 56));
    if (record.getUint32(0, true) !== END64_RECORD) throw bad("its ZIP64 record is damaged");
    count = Number(record.getBigUint64(32, true));
    size = Number(record.getBigUint64(40, true));
    offset = Number(record.getBigUint64(48, true));
  }
  if (offset + size > file.byteLength) throw bad("its table of contents lies outside");
  return readEntries(new DataView(await file.slice(offset, offset + size)), count, bad);
}

function readEntries(view: DataView, count: number, bad: (what: string) => BiddenError): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL_ENTRY) throw bad(`entry ${i} is damaged`);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > view.byteLength) throw bad(`entry ${i} is cut short`);
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameLength));
    const wide = wideFields(view, at + 46 + nameLength, extraLength);
    const field = (position: number): number => {
      const value = view.getUint32(position, true);
      return value === 0xffffffff ? (wide.shift() ?? value) : value;
    };
    const size = field(at + 24);
    const compressed = field(at + 20);
    const header = field(at + 42);
    if (!name.endsWith("/")) entries.set(name, { method: view.getUint16(at + 10, true), compressed, size, header });
    at = next;
  }
  return entries;
}

/** The 64-bit numbers of extra field 1, in their order. */
function wideFields(view: DataView, start: number, length: number): number[] {
  const out: number[] = [];
  for (let at = start; at + 4 <= start + length; ) {
    const bytes = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      for (let i = 0; i + 8 <= bytes && at + 12 + i <= start + length; i += 8)
        out.push(Number(view.getBigUint64(at + 4 + i, true)));
    }
    at += 4 + bytes;
  }
  return out;
}

export class ZipStore implements FileStore {
  readonly root: string;
  readonly #file: RandomAccess;
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(file: RandomAccess, root: string, entries: ReadonlyMap<string, Entry>) {
    this.#file = file;
    this.root = root;
    this.#entries = entries;
  }

  async read(path: string): Promise<Uint8Array | null> {
    const entry = this.#entries.get(path);
    if (entry === undefined) return null;
    const bad = (what: string): BiddenError =>
      new BiddenError("bad-dataset", `${this.root}: "${path}" ${what}.`, { path });
    if (entry.header + 30 > this.#file.byteLength) throw bad("lies outside the archive");
    const local = new DataView(await this.#file.slice(entry.header, entry.header + 30));
    if (local.getUint32(0, true) !== LOCAL_ENTRY) throw bad("has a damaged header");
    const start = entry.header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    if (start + entry.compressed > this.#file.byteLength) throw bad("is cut short");
    const bytes = new Uint8Array(await this.#file.slice(start, start + entry.compressed));
    if (entry.method === 0) return bytes;
    if (entry.method !== 8) throw bad(`is compressed by method ${entry.method}, which bidden does not read`);
    return inflate(bytes, "deflate-raw", `${this.root}: "${path}"`);
  }

  async open(path: string): Promise<RandomAccess> {
    const bytes = await this.read(path);
    if (bytes === null)
      throw new BiddenError("not-found", `Not found while opening ${this.root}: "${path}".`, { path });
    return {
      byteLength: bytes.length,
      slice: (start, end) => Promise.resolve(new Uint8Array(bytes.subarray(start, end)).buffer),
      close: () => Promise.resolve(),
    };
  }

  list(folder: string): Promise<string[]> {
    const prefix = folder === "." ? "" : `${folder.replace(/\/$/, "")}/`;
    const names = new Set<string>();
    for (const path of this.#entries.keys()) {
      if (!path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const slash = rest.indexOf("/");
      names.add(slash < 0 ? rest : rest.slice(0, slash + 1));
    }
    return Promise.resolve([...names].sort());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
