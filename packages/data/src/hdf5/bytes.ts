/** Bytes of an HDF5 file: numbers of the widths that its superblock names, blocks that are read a page at a time. */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";

const PAGE = 1 << 16;
/** Pages kept for metadata; arrays are read past them. */
const PAGES = 64;

/** Widths of addresses and lengths, in bytes. */
export type Widths = { readonly address: number; readonly length: number };

export class H5File {
  readonly path: string;
  readonly byteLength: number;
  widths: Widths = { address: 8, length: 8 };
  /** Where addresses are counted from: after a user block. */
  base = 0;
  readonly #file: RandomAccess;
  readonly #pages = new Map<number, Promise<Uint8Array>>();

  constructor(file: RandomAccess, path: string) {
    this.#file = file;
    this.path = path;
    this.byteLength = file.byteLength;
  }

  bad(rule: string, offset: number, what: string): BiddenError {
    return new BiddenError("bad-dataset", `${this.path}: ${what} (at ${offset}).`, { path: this.path, rule, offset });
  }

  /** Bytes at an address; small ones come out of pages. */
  async read(address: number, length: number): Promise<Uint8Array> {
    const start = this.base + address;
    if (!(start >= 0 && length >= 0 && start + length <= this.byteLength))
      throw this.bad("truncated", start, `${length} bytes are needed, the file has ${this.byteLength}`);
    const first = Math.floor(start / PAGE);
    if (start + length > (first + 1) * PAGE) return new Uint8Array(await this.#file.slice(start, start + length));
    const page = await this.#page(first);
    return page.subarray(start - first * PAGE, start - first * PAGE + length);
  }

  /** A cursor over bytes at an address. */
  async at(address: number, length: number): Promise<Cursor> {
    return new Cursor(await this.read(address, length), this.widths, address, this);
  }

  /** As `at`, up to `length` bytes: fewer where the file ends. */
  upTo(address: number, length: number): Promise<Cursor> {
    return this.at(address, Math.max(0, Math.min(length, this.byteLength - this.base - address)));
  }

  #page(number: number): Promise<Uint8Array> {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const end = Math.min(this.byteLength, (number + 1) * PAGE);
    const page = this.#file.slice(number * PAGE, end).then((bytes) => new Uint8Array(bytes));
    this.#pages.set(number, page);
    page.catch(() => this.#pages.delete(number));
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= PAGES) break;
      this.#pages.delete(oldest);
    }
    return page;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Reads numbers one after the other, little-endian; never past its end. */
export class Cursor {
  at = 0;
  readonly bytes: Uint8Array;
  readonly widths: Widths;
  readonly #view: DataView;
  readonly #address: number;
  readonly #file: H5File;

  constructor(bytes: Uint8Array, widths: Widths, address: number, file: H5File) {
    this.bytes = bytes;
    this.widths = widths;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#address = address;
    this.#file = file;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  bad(rule: string, what: string): BiddenError {
    return this.#file.bad(rule, this.#address + this.at, what);
  }

  #take(length: number): number {
    if (!(length >= 0 && length <= this.left))
      throw this.bad("truncated", `${length} bytes are needed, ${this.left} are left`);
    const at = this.at;
    this.at += length;
    return at;
  }

  skip(length: number): void {
    this.#take(length);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** An unsigned number of any width up to 8 bytes; all ones, which says "undefined", is infinity. */
  uint(width: number): number {
    const at = this.#take(width);
    let value = 0;
    let ones = width > 0;
    for (let i = width - 1; i >= 0; i--) {
      const byte = this.bytes[at + i] as number;
      value = value * 256 + byte;
      ones &&= byte === 0xff;
    }
    return ones && width >= 4 ? Number.POSITIVE_INFINITY : value;
  }

  address(): number {
    return this.uint(this.widths.address);
  }

  length(): number {
    return this.uint(this.widths.length);
  }

  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A cursor over the next bytes. */
  sub(length: number): Cursor {
    const at = this.#take(length);
    return new Cursor(this.bytes.subarray(at, at + length), this.widths, this.#address + at, this.#file);
  }

  /** Four characters that must stand here. */
  signature(expected: string): void {
    const found = String.fromCharCode(...this.take(4));
    if (found !== expected) throw this.bad("signature", `expected "${expected}", found ${JSON.stringify(found)}`);
  }

  /** Text up to a zero byte, which is passed; padded so that all of it takes a multiple of `padding` bytes. */
  text(padding = 1): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw this.bad("truncated", "a name does not end");
    const bytes = this.take(end - this.at + 1);
    this.skip(Math.min(this.left, (padding - (bytes.length % padding)) % padding));
    return new TextDecoder().decode(bytes.subarray(0, -1));
  }
}

/** How many bytes HDF5 gives numbers up to `most`. */
export function bytesFor(most: number): number {
  return Math.floor(Math.log2(Math.max(1, most)) / 8) + 1;
}
