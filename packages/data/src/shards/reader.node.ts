/**
 * Reads demonstration shards (see format.ts) frame by frame, in any order. Small collections are held in memory, large ones
 * are read through one file descriptor a file, one system call a frame.
 */

import * as fs from "node:fs";
import { crc32 } from "node:zlib";
import { BiddenError } from "@bidden/runtime";
import { fileError } from "../files/errors.ts";
import { type BlockPlace, isBlockWhole, readExactly, readInto, scanShard } from "./file.node.ts";
import {
  type ColumnPlace,
  checkArrayType,
  columnDifference,
  type RecordLayout,
  type ShardArray,
  type ShardColumn,
} from "./format.ts";

export type ShardEpisode = {
  /** As given to `addEpisode`. */
  readonly meta: unknown;
  /** Index of its first frame among all frames of all files. */
  readonly start: number;
  readonly length: number;
  readonly path: string;
};

export type Shards = {
  readonly columns: readonly ShardColumn[];
  readonly episodes: readonly ShardEpisode[];
  /** Frames in all files together. */
  readonly frames: number;
  /** Files whose last episode was cut short (its writer was killed or is still writing), with the bytes not read. */
  readonly torn: readonly { path: string; bytes: number }[];
  readonly inMemory: boolean;
  /** Copies one frame of one column into `out` from element `offset`; `out` must have the column's type. */
  read(frame: number, column: string, out: ShardArray, offset?: number): void;
  /** The same for `count` frames in a row (they may cross episodes). */
  readRange(frame: number, count: number, column: string, out: ShardArray, offset?: number): void;
  /** Compares every checksum; throws `bad-dataset` with file and episode. */
  verify(): void;
  close(): void;
};

type OpenFile = { path: string; fd: number; memory: Uint8Array | null; blocks: BlockPlace[]; layout: RecordLayout };

/**
 * @param memoryLimit bytes up to which all files together are loaded (and their checksums compared).
 */
export function openShards(
  paths: string | readonly string[],
  { memoryLimit = 1 << 30 }: { memoryLimit?: number } = {},
): Shards {
  const list = typeof paths === "string" ? [paths] : paths;
  const files: OpenFile[] = [];
  const torn: { path: string; bytes: number }[] = [];
  try {
    for (const path of list) openOne(path, files, torn);
    if (files.length === 0) {
      throw new BiddenError("bad-dataset", `No episodes: ${list.length} shard files were given and none is whole.`);
    }
    const total = files.reduce((sum, file) => sum + (file.blocks.at(-1)?.end ?? 0), 0);
    const reader = new ShardReader(files, torn, total <= memoryLimit);
    if (reader.inMemory) reader.load();
    return reader;
  } catch (error) {
    for (const file of files) fs.closeSync(file.fd);
    throw error;
  }
}

function openOne(path: string, files: OpenFile[], torn: { path: string; bytes: number }[]): void {
  let fd: number;
  try {
    fd = fs.openSync(path, "r");
  } catch (error) {
    throw fileError(error, "opening", path);
  }
  try {
    const scan = scanShard(fd, path);
    const bytes = scan === null ? fs.fstatSync(fd).size : scan.fileBytes - scan.end;
    if (bytes > 0) torn.push({ path, bytes });
    if (scan === null) {
      fs.closeSync(fd);
      return;
    }
    const first = files[0];
    const difference = first === undefined ? null : columnDifference(first.layout.columns, scan.layout.columns);
    if (first !== undefined && difference !== null) {
      throw new BiddenError("bad-dataset", `${path} does not fit ${first.path}: ${difference}.`, { path });
    }
    files.push({ path, fd, memory: null, blocks: scan.blocks, layout: scan.layout });
  } catch (error) {
    fs.closeSync(fd);
    throw fileError(error, "opening", path);
  }
}

class ShardReader implements Shards {
  readonly columns: readonly ShardColumn[];
  readonly episodes: ShardEpisode[] = [];
  readonly torn: readonly { path: string; bytes: number }[];
  readonly inMemory: boolean;
  frames = 0;
  readonly #files: OpenFile[];
  readonly #layout: RecordLayout;
  readonly #places = new Map<string, ColumnPlace>();
  /** By episode: file and where its records begin. */
  readonly #episodeFile: OpenFile[] = [];
  readonly #episodeAt: number[] = [];
  /** By frame: its episode. */
  #episodeOfFrame = new Uint32Array(0);
  /** The record read last from a disk, so that several columns of one frame cost one system call. */
  readonly #record: Uint8Array;
  #recordFrame = -1;

  constructor(files: OpenFile[], torn: readonly { path: string; bytes: number }[], inMemory: boolean) {
    this.#files = files;
    this.#layout = (files[0] as OpenFile).layout;
    this.columns = this.#layout.columns;
    this.torn = torn;
    this.inMemory = inMemory;
    this.#record = new Uint8Array(this.#layout.recordBytes);
    for (const column of this.#layout.columns) this.#places.set(column.name, column);
    for (const file of files) for (const block of file.blocks) this.#addBlock(file, block);
    this.#episodeOfFrame = new Uint32Array(this.frames);
    for (const [i, episode] of this.episodes.entries()) {
      this.#episodeOfFrame.fill(i, episode.start, episode.start + episode.length);
    }
  }

  #addBlock(file: OpenFile, block: BlockPlace): void {
    const json = readExactly(file.fd, block.header.metaBytes, block.metaOffset, file.path);
    if (crc32(json) !== block.header.metaCrc) throw this.#damaged(file, block);
    const meta: unknown = JSON.parse(new TextDecoder().decode(json));
    this.episodes.push({ meta, start: this.frames, length: block.header.frames, path: file.path });
    this.#episodeFile.push(file);
    this.#episodeAt.push(block.recordsOffset);
    this.frames += block.header.frames;
  }

  #damaged(file: OpenFile, block: BlockPlace): BiddenError {
    const episode = file.blocks.indexOf(block);
    return new BiddenError(
      "bad-dataset",
      `${file.path} is damaged: the checksum of episode ${episode} (offset ${block.offset}) does not match.`,
      { path: file.path, episode, offset: block.offset },
    );
  }

  load(): void {
    for (const file of this.#files) {
      const memory = new Uint8Array(file.blocks.at(-1)?.end ?? 0);
      readInto(file.fd, memory, 0, file.path);
      file.memory = memory;
      for (const block of file.blocks) {
        if (crc32(memory.subarray(block.recordsOffset, block.end)) !== block.header.recordsCrc) {
          throw this.#damaged(file, block);
        }
      }
    }
  }

  read(frame: number, column: string, out: ShardArray, offset = 0): void {
    const place = this.#places.get(column);
    if (place === undefined) {
      const known = this.columns.map((c) => c.name).join(", ");
      throw new BiddenError("bad-argument", `No column "${column}"; there are ${known}.`);
    }
    const episode = this.#episodeOfFrame[frame];
    if (episode === undefined) {
      throw new BiddenError("bad-argument", `Frame ${frame} does not exist; there are ${this.frames}.`);
    }
    if (out.BYTES_PER_ELEMENT !== place.elementBytes) checkArrayType(place, out);
    if (offset < 0 || offset + place.size > out.length) {
      throw new BiddenError(
        "bad-argument",
        `Column "${column}" needs ${place.size} places from ${offset}; there are ${out.length}.`,
      );
    }
    const file = this.#episodeFile[episode] as OpenFile;
    const start = (this.episodes[episode] as ShardEpisode).start;
    const at = (this.#episodeAt[episode] as number) + (frame - start) * this.#layout.recordBytes;
    const source = file.memory ?? this.#readRecord(file, frame, at);
    const from = (file.memory === null ? 0 : at) + place.byteOffset;
    const width = place.size * place.elementBytes;
    new Uint8Array(out.buffer, out.byteOffset + offset * place.elementBytes, width).set(
      source.subarray(from, from + width),
    );
  }

  #readRecord(file: OpenFile, frame: number, at: number): Uint8Array {
    if (this.#recordFrame !== frame) {
      this.#recordFrame = -1;
      readInto(file.fd, this.#record, at, file.path);
      this.#recordFrame = frame;
    }
    return this.#record;
  }

  readRange(frame: number, count: number, column: string, out: ShardArray, offset = 0): void {
    const size = this.#places.get(column)?.size ?? 0;
    for (let i = 0; i < count; i++) this.read(frame + i, column, out, offset + i * size);
  }

  verify(): void {
    for (const file of this.#files) {
      for (const block of file.blocks) {
        if (!isBlockWhole(file.fd, file.path, block, this.#layout)) throw this.#damaged(file, block);
      }
    }
  }

  close(): void {
    for (const file of this.#files) {
      fs.closeSync(file.fd);
      file.memory = null;
    }
  }
}
