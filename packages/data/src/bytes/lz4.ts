/** LZ4 frames (lz4_Frame_format.md 1.6.4), decompression only. Checksums within the frame are not compared. */

import { BiddenError } from "@bidden/runtime";

const FRAME_MAGIC = 0x184d2204;

/** @param size of the result, known from outside; it bounds what is allocated. @param where named in errors. */
export function decompressLz4Frame(bytes: Uint8Array, size: number, where: string): Uint8Array {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${where}: damaged LZ4 data (${what}).`, { where });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 7 || view.getUint32(0, true) !== FRAME_MAGIC) throw bad("no frame");
  const flags = bytes[4] as number;
  const blockChecksums = (flags & 0x10) !== 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  const out = new Uint8Array(size);
  let written = 0;
  for (;;) {
    if (at + 4 > bytes.length) throw bad("cut short");
    const header = view.getUint32(at, true);
    at += 4;
    if (header === 0) break;
    const length = header & 0x7fffffff;
    if (at + length > bytes.length) throw bad("a block is cut short");
    const block = bytes.subarray(at, at + length);
    if (header >= 0x80000000) {
      if (written + length > size) throw bad("longer than announced");
      out.set(block, written);
      written += length;
    } else written = decompressBlock(block, out, written, bad);
    at += length + (blockChecksums ? 4 : 0);
  }
  if (written !== size) throw bad(`${written} bytes where ${size} were announced`);
  return out;
}

/** Blocks may refer to what earlier ones wrote. @returns the end of what is written. */
function decompressBlock(
  block: Uint8Array,
  out: Uint8Array,
  start: number,
  bad: (what: string) => BiddenError,
): number {
  let to = start;
  let at = 0;
  const more = (length: number): number => {
    if (length !== 15) return length;
    let total = length;
    for (;;) {
      if (at >= block.length) throw bad("a length is cut short");
      const byte = block[at++] as number;
      total += byte;
      if (byte !== 255) return total;
    }
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = more(token >> 4);
    if (at + literals > block.length || to + literals > out.length) throw bad("literals do not fit");
    out.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at >= block.length) break;
    if (at + 2 > block.length) throw bad("an offset is cut short");
    const offset = (block[at] as number) | ((block[at + 1] as number) << 8);
    at += 2;
    const length = more(token & 15) + 4;
    if (offset === 0 || offset > to || to + length > out.length) throw bad("a match does not fit");
    for (let i = 0; i < length; i++, to++) out[to] = out[to - offset] as number;
  }
  return to;
}
