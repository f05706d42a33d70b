/** Opening and scanning one shard file: what the reader and the writer share. */

import * as fs from "node:fs";
import { crc32 } from "node:zlib";
import { BiddenError } from "@bidden/runtime";
import {
  alignUp,
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  blockBytes,
  decodeBlockHeader,
  layoutOf,
  MAX_JSON_BYTES,
  type RecordLayout,
  SHARD_MAGIC,
  type ShardColumn,
} from "./format.ts";

/** A block that is whole as far as lengths and its header tell. */
export type BlockPlace = {
  readonly header: BlockHeader;
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly metaOffset: number;
  readonly recordsOffset: number;
  readonly end: number;
};

export type ShardScan = {
  readonly layout: RecordLayout;
  readonly blocks: BlockPlace[];
  /** Where whole blocks end; bytes after it are torn. */
  readonly end: number;
  readonly fileBytes: number;
};

/** Reads exactly `length` bytes or throws. */
export function readExactly(fd: number, length: number, position: number, path: string): Uint8Array {
  const out = new Uint8Array(length);
  readInto(fd, out, position, path);
  return out;
}

/** Fills `out` from `position`; one system call takes at most 1 GiB. */
export function readInto(fd: number, out: Uint8Array, position: number, path: string): void {
  let done = 0;
  while (done < out.length) {
    const got = fs.readSync(fd, out, done, Math.min(out.length - done, 1 << 30), position + done);
    if (got === 0) {
      throw new BiddenError(
        "bad-dataset",
        `${path}: expected ${out.length} bytes at offset ${position}, found ${done}.`,
        {
          path,
          offset: position,
        },
      );
    }
    done += got;
  }
}

/** @returns null when the file is shorter than its own header (a writer was killed while creating it). */
export function scanShard(fd: number, path: string): ShardScan | null {
  const fileBytes = fs.fstatSync(fd).size;
  const start = readFileHeader(fd, path, fileBytes);
  if (start === null) return null;
  const layout = start.layout;
  const blocks: BlockPlace[] = [];
  let offset = start.end;
  while (offset + BLOCK_HEADER_BYTES <= fileBytes) {
    const header = decodeBlockHeader(readExactly(fd, BLOCK_HEADER_BYTES, offset, path), crc32);
    if (header === null) {
      refuseDamageInTheMiddle(fd, path, offset, fileBytes);
      break;
    }
    const end = offset + blockBytes(header, layout.recordBytes);
    if (end > fileBytes) break;
    const metaOffset = offset + BLOCK_HEADER_BYTES;
    blocks.push({ header, offset, metaOffset, recordsOffset: metaOffset + alignUp(header.metaBytes, 8), end });
    offset = end;
  }
  // Lengths may have reached the disk before contents: the last block is trusted only after its checksums.
  const last = blocks.at(-1);
  if (last !== undefined && !isBlockWhole(fd, path, last, layout)) {
    blocks.pop();
    offset = last.offset;
  }
  return { layout, blocks, end: offset, fileBytes };
}

/** Compares both checksums of a block. */
export function isBlockWhole(fd: number, path: string, block: BlockPlace, layout: RecordLayout): boolean {
  const meta = readExactly(fd, block.header.metaBytes, block.metaOffset, path);
  if (crc32(meta) !== block.header.metaCrc) return false;
  const total = block.header.frames * layout.recordBytes;
  const piece = new Uint8Array(Math.min(total, 4 << 20));
  let crc = 0;
  for (let done = 0; done < total; done += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, total - done));
    readInto(fd, part, block.recordsOffset + done, path);
    crc = crc32(part, crc);
  }
  return crc === block.header.recordsCrc;
}

function readFileHeader(fd: number, path: string, fileBytes: number): { layout: RecordLayout; end: number } | null {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${path} is not a demonstration shard: ${what}.`, { path });
  const fixed = readExactly(fd, Math.min(16, fileBytes), 0, path);
  const magic = new TextDecoder("latin1").decode(fixed.subarray(0, 8));
  if (!SHARD_MAGIC.startsWith(magic)) throw bad(`expected it to begin with ${SHARD_MAGIC}`);
  if (fileBytes < 16) return null;
  const view = new DataView(fixed.buffer);
  const length = view.getUint32(8, true);
  if (length > MAX_JSON_BYTES)
    throw bad(`its header claims ${length} bytes of JSON, at most ${MAX_JSON_BYTES} are allowed`);
  const end = alignUp(16 + length, 8);
  if (end > fileBytes) return null;
  const json = readExactly(fd, length, 16, path);
  if (crc32(json) !== view.getUint32(12, true)) throw bad("the checksum of its header does not match");
  const columns = (JSON.parse(new TextDecoder().decode(json)) as { columns: ShardColumn[] }).columns;
  return { layout: layoutOf(columns), end };
}

/** A torn tail is expected after a kill; a damaged block with whole blocks behind it is not. */
function refuseDamageInTheMiddle(fd: number, path: string, from: number, fileBytes: number): void {
  const step = 1 << 20;
  for (let at = from; at + BLOCK_HEADER_BYTES <= fileBytes; at += step) {
    const piece = readExactly(fd, Math.min(step + BLOCK_HEADER_BYTES, fileBytes - at), at, path);
    for (let i = 0; i + BLOCK_HEADER_BYTES <= piece.length; i += 8) {
      if (decodeBlockHeader(piece.subarray(i, i + BLOCK_HEADER_BYTES), crc32) === null) continue;
      throw new BiddenError(
        "bad-dataset",
        `${path} is damaged: the block at offset ${from} is unreadable, but whole blocks follow at ${at + i}.`,
        { path, offset: from },
      );
    }
  }
}
