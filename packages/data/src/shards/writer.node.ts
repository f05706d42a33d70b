/** Writes demonstration shards; see format.ts. One writer a file. */

import * as fs from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { BiddenError } from "@bidden/runtime";
import { fileError } from "../files/errors.ts";
import { scanShard } from "./file.node.ts";
import {
  alignUp,
  BLOCK_HEADER_BYTES,
  blockBytes,
  checkArrayType,
  type ColumnPlace,
  columnDifference,
  encodeBlockHeader,
  encodeFileHeader,
  layoutOf,
  type RecordLayout,
  type ShardArray,
  type ShardColumn,
} from "./format.ts";

export type ShardWriter = {
  readonly path: string;
  /** Whole episodes and frames in the file, those of earlier writers included. */
  readonly episodes: number;
  readonly frames: number;
  /** Bytes of a torn episode that were cut off when the file was opened. */
  readonly repairedBytes: number;
  /**
   * Appends one episode; durable when it returns.
   * @param meta any JSON value. @param columns by name: all frames stacked, row-major.
   */
  addEpisode(meta: unknown, columns: Readonly<Record<string, ShardArray>>): void;
  close(): void;
};

/** Creates `path` (and its folder) or appends to it; the columns must then be those of the file. */
export function openShardWriter(
  path: string,
  columns: readonly ShardColumn[],
  { sync = true }: { /** fsync after every episode. */ sync?: boolean } = {},
): ShardWriter {
  const layout = layoutOf(columns);
  let fd: number;
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
  } catch (error) {
    throw fileError(error, "creating", path);
  }
  try {
    return new FileShardWriter(path, fd, layout, sync);
  } catch (error) {
    fs.closeSync(fd);
    throw fileError(error, "opening", path);
  }
}

class FileShardWriter implements ShardWriter {
  readonly path: string;
  readonly repairedBytes: number;
  episodes = 0;
  frames = 0;
  readonly #fd: number;
  readonly #layout: RecordLayout;
  readonly #sync: boolean;
  #end: number;

  constructor(path: string, fd: number, layout: RecordLayout, sync: boolean) {
    this.path = path;
    this.#fd = fd;
    this.#layout = layout;
    this.#sync = sync;
    const scan = scanShard(fd, path);
    if (scan === null) {
      const header = encodeFileHeader(layout.columns, crc32);
      fs.ftruncateSync(fd, 0);
      writeAll(fd, header, 0);
      this.repairedBytes = 0;
      this.#end = header.length;
      return;
    }
    const difference = columnDifference(scan.layout.columns, layout.columns);
    if (difference !== null) {
      throw new BiddenError(
        "bad-argument",
        `${path} holds other columns: ${difference}. Write to another file, or delete this one.`,
        { path },
      );
    }
    this.repairedBytes = scan.fileBytes - scan.end;
    if (this.repairedBytes > 0) fs.ftruncateSync(fd, scan.end);
    this.#end = scan.end;
    this.episodes = scan.blocks.length;
    for (const block of scan.blocks) this.frames += block.header.frames;
  }

  addEpisode(meta: unknown, columns: Readonly<Record<string, ShardArray>>): void {
    const { block, frames } = encodeBlock(this.#layout, meta, columns);
    try {
      writeAll(this.#fd, block, this.#end);
      if (this.#sync) fs.fdatasyncSync(this.#fd);
    } catch (error) {
      try {
        fs.ftruncateSync(this.#fd, this.#end);
      } catch {
        // The torn block stays behind the last whole one; the next writer cuts it off.
      }
      throw fileError(error, "writing", this.path);
    }
    this.#end += block.length;
    this.episodes++;
    this.frames += frames;
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += fs.writeSync(fd, bytes, done, Math.min(bytes.length - done, 1 << 30), position + done);
  }
}

function encodeBlock(layout: RecordLayout, meta: unknown, columns: Readonly<Record<string, ShardArray>>) {
  const frames = countFrames(layout, columns);
  const json = new TextEncoder().encode(JSON.stringify(meta ?? null));
  const recordsAt = BLOCK_HEADER_BYTES + alignUp(json.length, 8);
  const sizes = { frames, metaBytes: json.length, metaCrc: crc32(json), recordsCrc: 0 };
  const block = new Uint8Array(blockBytes(sizes, layout.recordBytes));
  block.set(json, BLOCK_HEADER_BYTES);
  for (const column of layout.columns) {
    interleave(column, columns[column.name] as ShardArray, block.subarray(recordsAt), layout.recordBytes);
  }
  encodeBlockHeader({ ...sizes, recordsCrc: crc32(block.subarray(recordsAt)) }, crc32, block);
  return { block, frames };
}

function countFrames(layout: RecordLayout, columns: Readonly<Record<string, ShardArray>>): number {
  const known = new Set(layout.columns.map((column) => column.name));
  const strange = Object.keys(columns).find((name) => !known.has(name));
  if (strange !== undefined) {
    throw new BiddenError(
      "bad-argument",
      `Column "${strange}" was not declared; declared are ${[...known].join(", ")}.`,
    );
  }
  let frames = -1;
  for (const column of layout.columns) {
    const values = columns[column.name];
    if (values === undefined) throw new BiddenError("bad-argument", `Column "${column.name}" is missing.`);
    checkArrayType(column, values);
    const count = values.length / column.size;
    if (frames === -1) frames = count;
    if (!Number.isInteger(count) || count === 0 || count !== frames) {
      throw new BiddenError(
        "bad-argument",
        `Column "${column.name}": expected ${frames >= 1 ? `${frames} frames` : "whole frames"} of ${column.size} numbers; got ${values.length} numbers.`,
        { column: column.name },
      );
    }
  }
  return frames;
}

function interleave(column: ColumnPlace, values: ShardArray, records: Uint8Array, recordBytes: number): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const width = column.size * column.elementBytes;
  let to = column.byteOffset;
  for (let from = 0; from < bytes.length; from += width) {
    records.set(bytes.subarray(from, from + width), to);
    to += recordBytes;
  }
}
