import * as fs from "node:fs";
import { join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../files/memory-store.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openLeRobot } from "./reader.ts";

function load(name: string): [string, Uint8Array][] {
  const root = join(GOLDEN, "lerobot", name);
  const out: [string, Uint8Array][] = [];
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    out.push([path.slice(root.length + 1), new Uint8Array(fs.readFileSync(path))]);
  }
  return out;
}

/** Opens and reads everything. @returns the error, if it is one of ours. */
async function readAll(store: MemoryStore): Promise<BiddenError | null> {
  try {
    const dataset = await openLeRobot(store);
    for (let index = 0; index < dataset.episodeCount; index++) {
      const episode = await dataset.read(index);
      for (const column of Object.values(episode.columns)) {
        if (column.kind === "images" && column.encoded(0) !== null) await column.image(0);
      }
    }
    return null;
  } catch (error) {
    if (error instanceof BiddenError) return error;
    throw error;
  }
}

function edited(name: string, path: string, edit: (text: string) => string): MemoryStore {
  const store = new MemoryStore(load(name));
  const text = new TextDecoder().decode(store.files.get(path));
  const after = edit(text);
  expect(after).not.toBe(text);
  store.files.set(path, new TextEncoder().encode(after));
  return store;
}

describe("broken LeRobot datasets", () => {
  it.each([
    ["fps of 0", '"fps": 30', '"fps": 0', /meta\/info.json: "fps" must be a positive number/],
    ["an unknown dtype", '"float32"', '"float33"', /has unknown dtype "float33"/],
    ["a shape of words", "[\n                7\n            ]", '["seven"]', /has shape \["seven"\]/],
    ["a path out of the dataset", '"data/chunk-', '"../../data/chunk-', /must stay inside the dataset/],
    ["an absolute path", '"data/chunk-', '"/data/chunk-', /must stay inside the dataset/],
    ["an unknown template part", "{file_index:03d}", "{secret}", /unknown part \{secret\}/],
    ["another version", '"v3.0"', '"v1.6"', /is LeRobot v1.6; bidden reads v3.0 and v2.1/],
    ["another storage", '"fps": 30', '"fps": 30, "storage_format": "lance"', /keeps its frames as "lance"|\\?"lance/],
    ["no JSON", "{", "<", /not JSON/],
  ])("%s is named with its file", async (_what, from, to, message) => {
    const error = await readAll(edited("arm-images", "meta/info.json", (text) => text.replace(from, to)));
    expect(error?.message).toMatch(message);
  });

  it("a schema that counts its children below zero", async () => {
    const path = "data/chunk-000/file-000.parquet";
    const whole = new Map(load("arm-images")).get(path) as Uint8Array;
    const footer = whole.length - 8 - new DataView(whole.buffer, whole.byteOffset).getInt32(whole.length - 8, true);
    const outcomes = new Set<string>();
    // In a footer 2 is a one, of children among others, and 3 is -2.
    for (let at = footer; at < whole.length - 8; at++) {
      if (whole[at] !== 2) continue;
      const store = new MemoryStore(load("arm-images"));
      store.files.set(path, whole.with(at, 3));
      outcomes.add((await readAll(store))?.code ?? "read");
    }
    expect([...outcomes]).toContain("bad-dataset");
  });

  it("a feature that the files lack, and a shape that they contradict", async () => {
    const lacking = await readAll(
      edited("arm-images", "meta/info.json", (text) => text.replace('"action": {', '"deed": {')),
    );
    expect(lacking?.message).toMatch(/data\/chunk-000\/file-000.parquet: column "deed" is missing/);
    const other = await readAll(edited("arm-images", "meta/info.json", (text) => text.replace(/(\s)7(\s)/, "$18$2")));
    expect(other?.message).toMatch(/"observation.state", row 0: expected 8 numbers as shape \[8\] says, found 7/);
  });

  it.each([
    ["meta/info.json", /holds no LeRobot dataset: meta\/info.json is missing/],
    ["meta/tasks.parquet", /Not found while opening memory\/meta\/tasks.parquet/],
    ["data/chunk-000/file-001.parquet", /Not found while opening memory\/data\/chunk-000\/file-001.parquet/],
    ["meta/episodes/chunk-000/file-000.parquet", /meta\/episodes holds no episodes; meta\/info.json says 4/],
  ])("without %s there is a sentence", async (path, message) => {
    const store = new MemoryStore(load("arm-images"));
    store.files.delete(path);
    expect((await readAll(store))?.message).toMatch(message);
  });

  it("mutated files never crash, hang or pass as anything but ours", async () => {
    const sets = ["arm-images", "odd-features", "arm-v21-images"].map(load);
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 }),
        fc.nat(),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 255 })), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.constantFrom("flip", "cut", "tail"),
        async (set, which, edits, kind) => {
          const files = sets[set] as [string, Uint8Array][];
          const store = new MemoryStore(files);
          const [path, bytes] = files[which % files.length] as [string, Uint8Array];
          const first = edits[0] as [number, number];
          if (kind === "cut") store.files.set(path, bytes.slice(0, Math.floor(first[0] * bytes.length)));
          else {
            const copy = bytes.slice();
            // "tail": where parquet keeps its footer.
            const from = kind === "tail" ? Math.max(0, copy.length - 3000) : 0;
            for (const [at, value] of edits) copy[from + Math.floor(at * (copy.length - from - 1))] = value;
            store.files.set(path, copy);
          }
          const error = await readAll(store);
          if (error !== null) seen.add(error.code);
        },
      ),
      { numRuns: 250 },
    );
    expect([...seen].sort()).toEqual(expect.arrayContaining(["bad-dataset"]));
  }, 30_000);
});
