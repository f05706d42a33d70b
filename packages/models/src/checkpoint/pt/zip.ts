/**
 * The directory of a zip file as torch.save writes it: stored entries only (PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3).
 * Everything is checked against the bytes that are there before anything is read: sizes, places, names, overlaps.
 */
import { BiddenError } from "@bidden/runtime";
import { crc32 } from "./crc32.ts";

/** Bytes at places. Reading never goes beyond `size`: callers check first. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A source over bytes in memory; reads are views. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

export type ZipEntry = {
  readonly name: string;
  /** Where the entry's bytes begin in the file. */
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
};

/** One error for everything that is wrong with a file: what was expected where, and what came. */
export function refuse(file: string, part: string, expected: string, came: string): BiddenError {
  return new BiddenError("bad-checkpoint", `${file}, ${part}: expected ${expected}; came ${came}.`, {
    file,
    part,
    expected,
    came,
  });
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** A state dict of a thousand tensors needs 100 kB. */
const MAX_DIRECTORY_BYTES = 64 << 20;
const PIECE_BYTES = 16 << 20;

/** Entries by name, none of them compressed, encrypted, overlapping, or named like another. */
export async function readZipDirectory(source: ByteSource, file: string): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, size, count } = await findDirectory(source, file);
  const directory = viewOf(await source.read(offset, size));
  const entries = new Map<string, ZipEntry>();
  const taken: { readonly name: string; readonly start: number; readonly end: number }[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const central = readCentral(directory, at, file);
    at = central.next;
    if (entries.has(central.name)) throw refuse(file, `entry "${central.name}"`, "one entry of that name", "two");
    const start = await readLocal(source, central, offset, file);
    entries.set(central.name, { name: central.name, offset: start, size: central.size, crc: central.crc });
    taken.push({ name: central.name, start: central.header, end: start + central.size });
  }
  if (at !== size) throw refuse(file, "zip directory", `${size} bytes for ${count} entries`, `${at}`);
  let end = 0;
  for (const entry of taken.sort((a, b) => a.start - b.start)) {
    if (entry.start < end) throw refuse(file, `entry "${entry.name}"`, "bytes of its own", "an overlap with another");
    end = entry.end;
  }
  return entries;
}

/** An entry's bytes, its checksum verified. */
export async function readZipEntry(source: ByteSource, entry: ZipEntry, file: string): Promise<Uint8Array> {
  const bytes = await source.read(entry.offset, entry.size);
  checkCrc(crc32(bytes), entry, file);
  return bytes;
}

/** Verifies an entry's checksum piece by piece, keeping nothing. */
export async function verifyZipEntry(source: ByteSource, entry: ZipEntry, file: string): Promise<void> {
  let crc = 0;
  for (let at = 0; at < entry.size; at += PIECE_BYTES) {
    crc = crc32(await source.read(entry.offset + at, Math.min(PIECE_BYTES, entry.size - at)), crc);
  }
  checkCrc(crc, entry, file);
}

function checkCrc(crc: number, entry: ZipEntry, file: string): void {
  if (crc === entry.crc) return;
  throw refuse(file, `entry "${entry.name}"`, `checksum ${hex(entry.crc)}`, `${hex(crc)}: the file is damaged`);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

type Directory = { readonly offset: number; readonly size: number; readonly count: number };

async function findDirectory(source: ByteSource, file: string): Promise<Directory> {
  const tailBytes = Math.min(source.size, 22 + 0xffff);
  const tailAt = source.size - tailBytes;
  const tail = viewOf(await source.read(tailAt, tailBytes));
  let end = tailBytes - 22;
  while (end >= 0 && !(tail.getUint32(end, true) === END && tail.getUint16(end + 20, true) === tailBytes - end - 22)) {
    end--;
  }
  if (end < 0) throw refuse(file, "end of file", "the end of a zip directory", "none: the file is cut off");
  const disks = tail.getUint16(end + 4, true) + tail.getUint16(end + 6, true);
  if (disks !== 0) throw refuse(file, "zip directory", "one file", "a part of several");
  const short = {
    count: tail.getUint16(end + 10, true),
    size: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  };
  const found = (await findDirectory64(source, tailAt + end, file)) ?? { ...short, end: tailAt + end };
  const { offset, size, count } = found;
  if (offset + size !== found.end || size > MAX_DIRECTORY_BYTES || count * 46 > size) {
    throw refuse(
      file,
      "zip directory",
      `${count} entries in the bytes up to ${found.end}, ${MAX_DIRECTORY_BYTES} at most`,
      `${size} bytes at ${offset}`,
    );
  }
  return { offset, size, count };
}

/** The 64-bit record that torch always writes, where there is one before the end record at `end`. */
async function findDirectory64(
  source: ByteSource,
  end: number,
  file: string,
): Promise<(Directory & { readonly end: number }) | null> {
  if (end < 20) return null;
  const locator = viewOf(await source.read(end - 20, 20));
  if (locator.getUint32(0, true) !== LOCATOR64) return null;
  const at = safe(locator.getBigUint64(8, true), file, "zip directory");
  if (at + 56 > end - 20) throw refuse(file, "zip directory", `a 64-bit record before ${end - 20}`, `one at ${at}`);
  const record = viewOf(await source.read(at, 56));
  if (record.getUint32(0, true) !== END64) throw refuse(file, "zip directory", `a 64-bit record at ${at}`, "none");
  return {
    count: safe(record.getBigUint64(32, true), file, "zip directory"),
    size: safe(record.getBigUint64(40, true), file, "zip directory"),
    offset: safe(record.getBigUint64(48, true), file, "zip directory"),
    end: at,
  };
}

function safe(value: bigint, file: string, part: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw refuse(file, part, "a size below 2^53", `${value}`);
  return Number(value);
}

type Central = {
  readonly name: string;
  readonly header: number;
  readonly size: number;
  readonly crc: number;
  readonly next: number;
};

function readCentral(view: DataView, at: number, file: string): Central {
  if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL) {
    throw refuse(file, "zip directory", `an entry at byte ${at}`, "other bytes");
  }
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((k) => view.getUint16(at + k, true)) as [
    number,
    number,
    number,
  ];
  const next = at + 46 + nameBytes + extraBytes + commentBytes;
  if (next > view.byteLength) throw refuse(file, "zip directory", `${next} bytes`, `${view.byteLength}`);
  const name = entryName(view, at + 46, nameBytes, file);
  const part = `entry "${name}"`;
  if (view.getUint16(at + 10, true) !== 0) {
    throw refuse(file, part, "stored bytes, as torch.save writes them", "compressed ones");
  }
  if ((view.getUint16(at + 8, true) & 1) !== 0) throw refuse(file, part, "plain bytes", "encrypted ones");
  const extra = new DataView(view.buffer, view.byteOffset + at + 46 + nameBytes, extraBytes);
  const [size, packed, header] = wideFields(
    extra,
    [24, 20, 42].map((k) => view.getUint32(at + k, true)),
    file,
    part,
  ) as [number, number, number];
  if (size !== packed) throw refuse(file, part, `${size} stored bytes`, `${packed}`);
  return { name, header, size, crc: view.getUint32(at + 16, true), next };
}

/** Names are paths below the archive's own folder; nothing is ever extracted, yet a name that climbs is refused. */
function entryName(view: DataView, at: number, length: number, file: string): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
  } catch {
    throw refuse(file, "zip directory", "names in UTF-8", "bytes that are not");
  }
  const plain = name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!plain || /[\\\0]/.test(name)) {
    throw refuse(file, `entry ${JSON.stringify(name.slice(0, 80))}`, "a plain path", "one that leaves the archive");
  }
  return name;
}

/** Fields that say 0xffffffff stand in the extra field of kind 1, in this order, as 64 bits. */
function wideFields(extra: DataView, short: readonly number[], file: string, part: string): number[] {
  const wide: number[] = [];
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const kind = extra.getUint16(at, true);
    const end = at + 4 + extra.getUint16(at + 2, true);
    if (end > extra.byteLength) throw refuse(file, part, `an extra field within ${extra.byteLength} bytes`, `${end}`);
    if (kind === 1) for (let k = at + 4; k + 8 <= end; k += 8) wide.push(safe(extra.getBigUint64(k, true), file, part));
    at = end;
  }
  return short.map((value) => {
    if (value !== 0xffffffff) return value;
    const long = wide.shift();
    if (long === undefined) throw refuse(file, part, "a 64-bit size in its extra field", "none");
    return long;
  });
}

/** Where the bytes of an entry begin, its local header agreeing with the directory. */
async function readLocal(source: ByteSource, central: Central, directoryAt: number, file: string): Promise<number> {
  const { name, header, size } = central;
  const part = `entry "${name}"`;
  if (header + 30 > directoryAt) throw refuse(file, part, `a header before byte ${directoryAt}`, `one at ${header}`);
  const local = viewOf(await source.read(header, 30));
  const nameBytes = local.getUint16(26, true);
  const start = header + 30 + nameBytes + local.getUint16(28, true);
  if (local.getUint32(0, true) !== LOCAL || local.getUint16(8, true) !== 0) {
    throw refuse(file, part, `a header of a stored entry at byte ${header}`, "other bytes");
  }
  if (start + size > directoryAt) {
    throw refuse(file, part, `${size} bytes from ${start}, before the directory at ${directoryAt}`, "fewer");
  }
  const written = new TextDecoder().decode(await source.read(header + 30, nameBytes));
  if (written !== name) throw refuse(file, part, "the same name in its header", JSON.stringify(written.slice(0, 80)));
  return start;
}
