/**
 * TFRecord framing (tensorflow/core/lib/io/record_writer.h), repeated to the end of the file:
 * `uint64 length | uint32 masked CRC-32C of those 8 bytes | data | uint32 masked CRC-32C of data`, little-endian.
 */

import { BiddenError } from "@bidden/runtime";
import { crc32c } from "../bytes/crc.ts";
import { inflate } from "../bytes/inflate.ts";
import type { RandomAccess } from "../files/store.ts";

/** Where one record's data lies. */
export type RecordPlace = { readonly offset: number; readonly length: number };

/** Which rule a file breaks, and where. */
export type RecordDamage = {
  readonly rule: "truncated-header" | "length-crc" | "record-too-long" | "data-crc";
  readonly record: number;
  readonly offset: number;
  readonly message: string;
};

export type RecordScan = { readonly records: readonly RecordPlace[]; readonly damage: RecordDamage | null };

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;

/** Rotated and shifted, so that a CRC of data that holds CRCs does not degenerate. */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

export function maskedCrc(bytes: Uint8Array): number {
  return maskCrc(crc32c(bytes));
}

/**
 * Finds all records by their headers. Stops at the first that cannot be trusted: what follows it cannot be found.
 * A tail shorter than a header is damage too, though TensorFlow takes it for a clean end.
 */
export async function scanRecords(file: RandomAccess): Promise<RecordScan> {
  const records: RecordPlace[] = [];
  let window: Uint8Array = new Uint8Array(0);
  let windowAt = 0;
  let offset = 0;
  while (offset < file.byteLength) {
    const damaged = (rule: RecordDamage["rule"], what: string): RecordScan => ({
      records,
      damage: {
        rule,
        record: records.length,
        offset,
        message: `record ${records.length} at offset ${offset}: ${what}`,
      },
    });
    const left = file.byteLength - offset;
    if (left < HEADER_BYTES) return damaged("truncated-header", `${left} bytes are no record header`);
    if (offset < windowAt || offset + HEADER_BYTES > windowAt + window.length) {
      // Small records share a read; large ones are skipped over.
      const size = Math.min(
        left,
        records.length > 0 && (records.at(-1)?.length ?? 0) > 1 << 16 ? HEADER_BYTES : 1 << 18,
      );
      window = new Uint8Array(await file.slice(offset, offset + size));
      windowAt = offset;
    }
    const header = window.subarray(offset - windowAt, offset - windowAt + HEADER_BYTES);
    const length = recordLength(header);
    if (length === null) return damaged("length-crc", "the checksum of its length does not match");
    if (length > left - HEADER_BYTES - FOOTER_BYTES) {
      return damaged(
        "record-too-long",
        `it claims ${length} bytes, ${Math.max(0, left - HEADER_BYTES - FOOTER_BYTES)} are left`,
      );
    }
    records.push({ offset: offset + HEADER_BYTES, length });
    offset += HEADER_BYTES + length + FOOTER_BYTES;
  }
  return { records, damage: null };
}

/** Null when its checksum is wrong. */
function recordLength(header: Uint8Array): number | null {
  const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
  if (view.getUint32(8, true) !== maskedCrc(header.subarray(0, 8))) return null;
  return Number(view.getBigUint64(0, true));
}

/** @param where file and record, for messages. */
export async function readRecord(file: RandomAccess, place: RecordPlace, where: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await file.slice(place.offset, place.offset + place.length + FOOTER_BYTES));
  const data = bytes.subarray(0, place.length);
  const expected = new DataView(bytes.buffer).getUint32(place.length, true);
  if (maskedCrc(data) !== expected) {
    throw new BiddenError(
      "bad-dataset",
      `${where} (offset ${place.offset - HEADER_BYTES}): the checksum of its data does not match.`,
      { offset: place.offset - HEADER_BYTES, rule: "data-crc" },
    );
  }
  return data;
}

/** Bytes read at once. */
const WINDOW_BYTES = 1 << 20;

/**
 * All records in their order, every checksum compared; for passes that keep nothing, in memory for one record. Ends with the damage
 * that stops it, if any; a record whose data is damaged is named and passed over.
 * @param visit gets views that are valid until it returns.
 */
export async function checkRecords(
  file: RandomAccess,
  visit: (data: Uint8Array, record: number) => void | Promise<void>,
): Promise<RecordDamage[]> {
  const damage: RecordDamage[] = [];
  const window = new Window(file);
  let offset = 0;
  for (let record = 0; offset < file.byteLength; record++) {
    const where = `record ${record} at offset ${offset}`;
    const left = file.byteLength - offset;
    const stop = (rule: RecordDamage["rule"], what: string): RecordDamage[] => [
      ...damage,
      { rule, record, offset, message: `${where}: ${what}` },
    ];
    if (left < HEADER_BYTES) return stop("truncated-header", `${left} bytes are no record header`);
    const length = recordLength(await window.at(offset, HEADER_BYTES));
    if (length === null) return stop("length-crc", "the checksum of its length does not match");
    const room = Math.max(0, left - HEADER_BYTES - FOOTER_BYTES);
    if (length > room) return stop("record-too-long", `it claims ${length} bytes, ${room} are left`);
    const bytes = await window.at(offset + HEADER_BYTES, length + FOOTER_BYTES);
    const data = bytes.subarray(0, length);
    const expected = new DataView(bytes.buffer, bytes.byteOffset).getUint32(length, true);
    if (maskedCrc(data) === expected) await visit(data, record);
    else
      damage.push({ rule: "data-crc", record, offset, message: `${where}: the checksum of its data does not match` });
    offset += HEADER_BYTES + length + FOOTER_BYTES;
  }
  return damage;
}

/** The part of a file that a pass has come to, in one buffer. */
class Window {
  readonly #file: RandomAccess;
  #buffer: Uint8Array = new Uint8Array(0);
  #start = 0;
  #used = 0;

  constructor(file: RandomAccess) {
    this.#file = file;
  }

  /** Bytes [start, start + length), which lie in the file; valid until the next call. */
  async at(start: number, length: number): Promise<Uint8Array> {
    if (start < this.#start || start + length > this.#start + this.#used) await this.#fill(start, length);
    return this.#buffer.subarray(start - this.#start, start - this.#start + length);
  }

  async #fill(start: number, length: number): Promise<void> {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.#file.byteLength - start);
    if (wanted > this.#buffer.length) this.#buffer = new Uint8Array(Math.max(wanted, WINDOW_BYTES));
    const target = this.#buffer.subarray(0, wanted);
    if (this.#file.readInto !== undefined) await this.#file.readInto(target, start);
    else target.set(new Uint8Array(await this.#file.slice(start, start + wanted)));
    [this.#start, this.#used] = [start, wanted];
  }
}

/** Files may be compressed as a whole; a first header whose checksum is right is a plain file, whatever it looks like. */
export async function uncompressed(file: RandomAccess, name: string): Promise<RandomAccess> {
  const head = new Uint8Array(await file.slice(0, Math.min(HEADER_BYTES, file.byteLength)));
  if (head.length === HEADER_BYTES && recordLength(head) !== null) return file;
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  const zlib = head[0] === 0x78 && (((head[0] ?? 0) << 8) | (head[1] ?? 0)) % 31 === 0;
  if (!gzip && !zlib) return file;
  const all = new Uint8Array(await file.slice(0, file.byteLength));
  const plain = await inflate(all, gzip ? "gzip" : "deflate", name);
  return {
    byteLength: plain.length,
    slice: (start, end) => Promise.resolve(plain.slice(start, end).buffer),
    close: () => file.close(),
  };
}

/** One framed record. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskedCrc(data), true);
  return out;
}
