/** Mutated files of every format: an error of ours or a dataset, within bounded time, never anything else. */

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Dataset } from "./dataset/types.ts";
import { MemoryStore } from "./files/memory-store.ts";
import type { RandomAccess } from "./files/store.ts";
import { openZip } from "./files/zip-store.ts";
import { GOLDEN } from "./golden.test-kit.ts";
import { decodeImage } from "./image/decode.ts";
import { readMcap } from "./mcap/messages.ts";
import { openHdf5, openTree } from "./hdf5/file.ts";
import { openLeRobot } from "./lerobot/reader.ts";
import { lintLeRobot } from "./lint/lint.ts";
import { readVideoTrack } from "./media/mp4.ts";
import { readVideoSamples } from "./media/mp4-samples.ts";
import { openRlds } from "./rlds/reader.ts";
import { openZarr } from "./zarr/reader.ts";

const FOLDER = fs.mkdtempSync(join(tmpdir(), "bidden-broken-"));
afterAll(() => fs.rmSync(FOLDER, { recursive: true }));

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

async function readTree(bytes: Uint8Array): Promise<void> {
  const tree = await openTree(access(bytes), "hdf5");
  for (const node of tree.arrays) await node.rows(0, Math.min(4, node.shape[0] ?? 0));
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

/** All files of a LeRobot dataset, one of them in another form. */
const lerobot = (
  set: string,
  path: string,
): { bytes: Uint8Array; read: (bytes: Uint8Array) => Promise<unknown>; runs: number } => {
  const root = join(GOLDEN, "lerobot", set);
  const files = fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, Uint8Array] => {
      const full = join(entry.parentPath, entry.name);
      return [full.slice(root.length + 1), new Uint8Array(fs.readFileSync(full))];
    });
  return {
    bytes: files.find(([name]) => name === path)?.[1] as Uint8Array,
    read: async (bytes) => {
      const store = new MemoryStore(files.map(([name, own]) => [name, name === path ? bytes : own]));
      await readAll(await openLeRobot(store));
    },
    runs: 15,
  };
};

const READERS: Record<string, { bytes: Uint8Array; read: (bytes: Uint8Array) => Promise<unknown>; runs?: number }> = {
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
  "sample table of an mp4": { bytes: load(VIDEO), read: (bytes) => readVideoSamples(access(bytes), "mp4") },
  "parquet with pictures": lerobot("arm-images", "data/chunk-000/file-000.parquet"),
  "parquet with odd columns": lerobot("odd-oneframe", "data/chunk-000/file-000.parquet"),
  "list of episodes": lerobot("arm-images", "meta/episodes/chunk-000/file-000.parquet"),
  "list of tasks": lerobot("arm-images", "meta/tasks.parquet"),
  "info.json": lerobot("arm-images", "meta/info.json"),
  "episodes.jsonl": lerobot("arm-v21-images", "meta/episodes.jsonl"),
  hdf5: {
    runs: 30,
    bytes: load("hdf5/robomimic.hdf5"),
    read: async (bytes) => {
      const dataset = await openHdf5(access(bytes), "hdf5");
      await readAll(dataset).finally(() => dataset.close());
    },
  },
  "hdf5 of the newest format": { bytes: load("hdf5/chunk_indexes.h5"), read: (bytes) => readTree(bytes) },
  "hdf5 with every kind of storage": { bytes: load("hdf5/storage_zoo.h5"), read: (bytes) => readTree(bytes) },
  jpeg: { bytes: load("hdf5-expected/aloha_jpeg_cam_high_2.jpg"), read: (bytes) => decodeImage(bytes, "jpeg") },
  png: { bytes: load("hdf5-expected/aloha_jpeg_cam_high_2.png"), read: (bytes) => decodeImage(bytes, "png") },
};

describe("mutated files", () => {
  it.each(Object.entries(READERS))("%s", async (_name, { bytes, read, runs = 60 }) => {
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
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(0);
  });
});

describe("files that are refused", () => {
  it("are closed: a ZIP archive without its table, a data file without its columns", async () => {
    let open = 0;
    const counted = (bytes: Uint8Array): RandomAccess => {
      open++;
      return { ...access(bytes), close: () => Promise.resolve(void open--) };
    };
    await expect(openZip(counted(new Uint8Array(100)), "a.zip")).rejects.toThrow(/is no readable ZIP archive/);
    const root = join(GOLDEN, "lint/clean-arrays");
    const names = fs.readdirSync(root, { recursive: true }).map(String);
    const store = new MemoryStore(
      names
        .filter((name) => fs.statSync(join(root, name)).isFile())
        .map((name) => {
          const bytes = new Uint8Array(fs.readFileSync(join(root, name)));
          // Pages of the columns, not the index at the end.
          return [name, name.startsWith("data/") ? bytes.fill(0xff, 4, bytes.length / 2) : bytes];
        }),
    );
    const opening = store.open.bind(store);
    store.open = async (path) => {
      const file = await opening(path);
      return counted(new Uint8Array(await file.slice(0)));
    };
    const findings = await lintLeRobot(store);
    expect(findings.map(({ rule }) => rule)).toContain("file-unreadable");
    expect(open).toBe(0);
  });
});
