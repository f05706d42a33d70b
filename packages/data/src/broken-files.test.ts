/** Mutated files of every format: an error of ours or a dataset, within bounded time, never anything else. */

import * as fs from "node:fs";
import { join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset } from "./dataset/types.ts";
import { MemoryStore } from "./files/memory-store.ts";
import type { RandomAccess } from "./files/store.ts";
import { openZip } from "./files/zip-store.ts";
import { GOLDEN } from "./golden.test-kit.ts";
import { decodeImage } from "./image/decode.ts";
import { readMcap } from "./mcap/messages.ts";
import { readVideoTrack } from "./media/mp4.ts";
import { openRlds } from "./rlds/reader.ts";
import { openZarr } from "./zarr/reader.ts";

function load(path: string): Uint8Array {
  return new Uint8Array(fs.readFileSync(join(GOLDEN, path)));
}

function access(bytes: Uint8Array): RandomAccess {
  return {
    byteLength: bytes.length,
    slice: (start, end) => Promise.resolve(new Uint8Array(bytes.subarray(start, end)).buffer),
    close: () => Promise.resolve(),
  };
}

async function readAll(dataset: Dataset): Promise<void> {
  for (let index = 0; index < dataset.episodeCount; index++) {
    const { columns } = await dataset.read(index);
    for (const column of Object.values(columns))
      if (column.kind === "images" && column.length > 0) await column.image(0);
  }
}

const RLDS = "rlds/odd_rlds/2.3.4";
const RLDS_FILES = fs
  .readdirSync(join(GOLDEN, RLDS))
  .map((name): [string, Uint8Array] => [name, load(join(RLDS, name))]);
const VIDEO = "lerobot/arm-h264-deleted/videos/observation.images.front/chunk-000/file-000.mp4";

const READERS: Record<string, { bytes: Uint8Array; read: (bytes: Uint8Array) => Promise<unknown> }> = {
  "tfrecord shard": {
    bytes: RLDS_FILES.find(([name]) => name.includes("00000-of"))?.[1] as Uint8Array,
    read: async (bytes) => {
      const files = RLDS_FILES.map(([name, own]): [string, Uint8Array] => [
        name,
        name.includes("00000-of") ? bytes : own,
      ]);
      await readAll(await openRlds(new MemoryStore(files)));
    },
  },
  "features.json": {
    bytes: load(join(RLDS, "features.json")),
    read: async (bytes) => {
      const files = RLDS_FILES.map(([name, own]): [string, Uint8Array] => [
        name,
        name === "features.json" ? bytes : own,
      ]);
      await readAll(await openRlds(new MemoryStore(files)));
    },
  },
  "zarr in a zip": {
    bytes: load("zarr/umi_like.zarr.zip"),
    read: async (bytes) => readAll(await openZarr(await openZip(access(bytes), "zip"))),
  },
  mcap: {
    bytes: load("mcap/ros2-chunked-lz4.mcap"),
    read: async (bytes) => {
      const { messages, damage } = await readMcap(access(bytes), "mcap");
      for (const message of messages) message.decode();
      if (damage !== null) throw new BiddenError("bad-dataset", damage);
    },
  },
  "mcap with zstd": {
    bytes: load("mcap/foxglove-protobuf-json-zstd.mcap"),
    read: async (bytes) => {
      const { messages, damage } = await readMcap(access(bytes), "mcap");
      for (const message of messages) message.decode();
      if (damage !== null) throw new BiddenError("bad-dataset", damage);
    },
  },
  mp4: { bytes: load(VIDEO), read: (bytes) => readVideoTrack(access(bytes), "mp4") },
  jpeg: { bytes: load("hdf5-expected/aloha_jpeg_cam_high_2.jpg"), read: (bytes) => decodeImage(bytes, "jpeg") },
  png: { bytes: load("hdf5-expected/aloha_jpeg_cam_high_2.png"), read: (bytes) => decodeImage(bytes, "png") },
};

describe("mutated files", () => {
  it.each(Object.entries(READERS))("%s", async (_name, { bytes, read }) => {
    await read(bytes);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("flip", "cut", "head", "tail"),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 })), {
          minLength: 1,
          maxLength: 5,
        }),
        async (kind, edits) => {
          let copy = bytes.slice();
          if (kind === "cut") copy = copy.slice(0, Math.floor((edits[0]?.[0] ?? 0) * copy.length));
          const span = kind === "flip" ? copy.length : Math.min(copy.length, 300);
          const from = kind === "tail" ? copy.length - span : 0;
          for (const [at, value] of kind === "cut" ? [] : edits) copy[from + Math.floor(at * (span - 1))] = value;
          const error = await read(copy).then(
            () => null,
            (thrown: unknown) => thrown,
          );
          if (error === null) return true;
          refused++;
          return error instanceof BiddenError;
        },
      ),
      { numRuns: 60 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});
