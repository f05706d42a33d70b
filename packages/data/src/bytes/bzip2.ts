/** Decompresses bzip2 (Seward; the layout as in the unofficial specification by Joe Tsai, 2016). Checksums are compared. */

import { BiddenError } from "@bidden/runtime";

/** A block of 900 kB may stand for fifty times as much; more than this is refused. */
const MAX_BYTES = 1 << 28;
const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const GROUP_SYMBOLS = 50;
const MAX_LENGTH = 20;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24;
  for (let k = 0; k < 8; k++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc >>> 0;
});

type Bad = (what: string) => BiddenError;

/** @param where named in errors. */
export function decompressBzip2(bytes: Uint8Array, where: string): Uint8Array {
  const bad: Bad = (what) =>
    new BiddenError("bad-dataset", `${where} is no readable bzip2: ${what}.`, { where, rule: "bzip2" });
  const bits = new BitReader(bytes, bad);
  const out = new Output(bad);
  if (bits.read(24) !== 0x425a68) throw bad("it does not begin with BZh");
  const level = bits.read(8) - 0x30;
  if (level < 1 || level > 9) throw bad(`its block size is ${level}`);
  for (;;) {
    const magic = bits.read(24) * 2 ** 24 + bits.read(24);
    if (magic === END_MAGIC) return out.finish();
    if (magic !== BLOCK_MAGIC) throw bad(`no block begins at bit ${bits.position - 48}`);
    const crc = bits.read(16) * 65536 + bits.read(16);
    out.begin();
    readBlock(bits, out, level * 100_000, bad);
    if (out.crc() !== crc) throw bad(`the checksum of the block that ends at bit ${bits.position} differs`);
  }
}

class BitReader {
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #bad: Bad;

  constructor(bytes: Uint8Array, bad: Bad) {
    this.#bytes = bytes;
    this.#bad = bad;
  }

  /** @param count up to 24. */
  read(count: number): number {
    let value = 0;
    for (let left = count; left > 0; ) {
      const byte = this.#bytes[this.position >> 3];
      if (byte === undefined) throw this.#bad("it is cut short");
      const inByte = this.position & 7;
      const take = Math.min(8 - inByte, left);
      value = value * 2 ** take + ((byte >> (8 - inByte - take)) & ((1 << take) - 1));
      this.position += take;
      left -= take;
    }
    return value;
  }
}

/** Undoes the first run-length step: four equal bytes, then how many more. */
class Output {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;
  #crc = 0xffffffff;
  #run = 0;
  #last = -1;
  readonly #bad: Bad;

  constructor(bad: Bad) {
    this.#bad = bad;
  }

  begin(): void {
    this.#crc = 0xffffffff;
    this.#run = 0;
    this.#last = -1;
  }

  crc(): number {
    return ~this.#crc >>> 0;
  }

  push(byte: number): void {
    if (this.#run === 4) {
      for (let i = 0; i < byte; i++) this.#put(this.#last);
      this.#run = 0;
      this.#last = -1;
      return;
    }
    this.#run = byte === this.#last ? this.#run + 1 : 1;
    this.#last = byte;
    this.#put(byte);
  }

  #put(byte: number): void {
    if (this.#length === this.#bytes.length) {
      if (this.#length >= MAX_BYTES) throw this.#bad(`it stands for more than ${MAX_BYTES} bytes`);
      const grown = new Uint8Array(this.#length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = byte;
    this.#crc = ((this.#crc << 8) ^ (CRC_TABLE[((this.#crc >>> 24) ^ byte) & 255] as number)) >>> 0;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

function readBlock(bits: BitReader, out: Output, maxSize: number, bad: Bad): void {
  if (bits.read(1) !== 0) throw bad("a block is randomised, as only the oldest versions wrote");
  const origin = bits.read(24);
  const symbols = readSymbols(bits);
  if (symbols.length === 0) throw bad("a block has no symbols");
  const tables = bits.read(3);
  if (tables < 2 || tables > 6) throw bad(`a block has ${tables} code tables`);
  const selectors = readSelectors(bits, tables, bad);
  const codes = Array.from({ length: tables }, () => readCode(bits, symbols.length + 2, bad));
  const block = readRuns(bits, { symbols, selectors, codes, maxSize, bad });
  if (origin >= block.length) throw bad(`a block of ${block.length} bytes begins at ${origin}`);
  unsort(block, origin, out);
}

/** Bytes that occur: a map of sixteen maps. */
function readSymbols(bits: BitReader): number[] {
  const groups = bits.read(16);
  const symbols: number[] = [];
  for (let i = 0; i < 16; i++) {
    if ((groups & (0x8000 >> i)) === 0) continue;
    const map = bits.read(16);
    for (let k = 0; k < 16; k++) if ((map & (0x8000 >> k)) !== 0) symbols.push(i * 16 + k);
  }
  return symbols;
}

function readSelectors(bits: BitReader, tables: number, bad: Bad): Uint8Array {
  const count = bits.read(15);
  if (count === 0) throw bad("a block has no selectors");
  const recent = Array.from({ length: tables }, (_, i) => i);
  return Uint8Array.from({ length: count }, () => {
    let place = 0;
    while (bits.read(1) === 1) if (++place >= tables) throw bad("a selector names no table");
    const [table = 0] = recent.splice(place, 1);
    recent.unshift(table);
    return table;
  });
}

/** Canonical Huffman code: for each length the first code and where its symbols begin. */
type Code = {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly start: Int32Array;
  readonly order: Uint16Array;
};

function readCode(bits: BitReader, size: number, bad: Bad): Code {
  const lengths = new Uint8Array(size);
  let length = bits.read(5);
  for (let i = 0; i < size; i++) {
    for (;;) {
      if (length < 1 || length > MAX_LENGTH) throw bad(`a code has ${length} bits`);
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[i] = length;
  }
  const count = new Int32Array(MAX_LENGTH + 2);
  for (const own of lengths) count[own] = (count[own] as number) + 1;
  const first = new Int32Array(MAX_LENGTH + 2);
  const start = new Int32Array(MAX_LENGTH + 2);
  for (let l = 1, code = 0, at = 0; l <= MAX_LENGTH; l++) {
    first[l] = code;
    start[l] = at;
    at += count[l] as number;
    code = (code + (count[l] as number)) << 1;
  }
  const order = Uint16Array.from(lengths.keys()).sort(
    (a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b,
  );
  return { first, count, start, order };
}

function readSymbol(bits: BitReader, { first, count, start, order }: Code, bad: Bad): number {
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code = (code << 1) | bits.read(1);
    const place = code - (first[length] as number);
    if (place >= 0 && place < (count[length] as number)) return order[(start[length] as number) + place] as number;
  }
  throw bad(`no code ends at bit ${bits.position}`);
}

type Runs = {
  readonly symbols: readonly number[];
  readonly selectors: Uint8Array;
  readonly codes: readonly Code[];
  readonly maxSize: number;
  readonly bad: Bad;
};

/** Undoes the codes, the second run-length step and move-to-front. */
function readRuns(bits: BitReader, { symbols, selectors, codes, maxSize, bad }: Runs): Uint8Array {
  const block = new Uint8Array(maxSize);
  const recent = [...symbols];
  const end = symbols.length + 1;
  let [length, run, weight] = [0, 0, 1];
  for (let group = 0; ; group++) {
    const code = codes[selectors[group] ?? -1];
    if (code === undefined) throw bad("a block has more symbols than selectors");
    for (let i = 0; i < GROUP_SYMBOLS; i++) {
      const symbol = readSymbol(bits, code, bad);
      if (symbol <= 1) {
        run += weight << symbol;
        weight <<= 1;
        if (run > maxSize) throw bad("a run is longer than its block");
        continue;
      }
      if (length + run > maxSize) throw bad("a block is longer than it may be");
      block.fill(recent[0] as number, length, length + run);
      length += run;
      [run, weight] = [0, 1];
      if (symbol === end) return block.subarray(0, length);
      const [byte = 0] = recent.splice(symbol - 1, 1);
      recent.unshift(byte);
      if (length >= maxSize) throw bad("a block is longer than it may be");
      block[length++] = byte;
    }
  }
}

/** Inverse of the Burrows-Wheeler transform. */
function unsort(block: Uint8Array, origin: number, out: Output): void {
  const starts = new Int32Array(257);
  for (const byte of block) starts[byte + 1] = (starts[byte + 1] as number) + 1;
  for (let i = 0; i < 256; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
  const next = new Int32Array(block.length);
  for (const [i, byte] of block.entries()) {
    const at = starts[byte] as number;
    next[at] = i;
    starts[byte] = at + 1;
  }
  for (let i = 0, at = next[origin] as number; i < block.length; i++, at = next[at] as number)
    out.push(block[at] as number);
}
