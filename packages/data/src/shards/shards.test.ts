import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ShardColumn } from "./format.ts";
import { openShards } from "./reader.node.ts";
import { openShardWriter } from "./writer.node.ts";

const COLUMNS: ShardColumn[] = [
  { name: "done", dtype: "uint8", shape: [] },
  { name: "front", dtype: "uint8", shape: [3, 5, 3] },
  { name: "state", dtype: "float32", shape: [4] },
  { name: "tick", dtype: "int16", shape: [1] },
];

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "bidden-shards-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function episode(frames: number, seed: number) {
  const fill = (n: number, scale: number) => Array.from({ length: n }, (_, i) => ((i * 37 + seed * 101) % 251) * scale);
  return {
    done: Uint8Array.from(fill(frames, 1)),
    front: Uint8Array.from(fill(frames * 45, 1)),
    state: Float32Array.from(fill(frames * 4, 0.125)),
    tick: Int16Array.from(fill(frames, -7)),
  };
}

function write(path: string, lengths: readonly number[], first = 0): void {
  const writer = openShardWriter(path, COLUMNS);
  for (const [i, length] of lengths.entries())
    writer.addEpisode({ task: `task ${first + i}` }, episode(length, first + i));
  writer.close();
}

describe("demonstration shards", () => {
  it.each([0, 1 << 30])("reads every frame back from several files, memory limit %i", (memoryLimit) => {
    write(join(folder, "a.shard"), [3, 5]);
    write(join(folder, "b.shard"), [2], 2);
    const shards = openShards([join(folder, "a.shard"), join(folder, "b.shard")], { memoryLimit });
    expect(shards.inMemory).toBe(memoryLimit > 0);
    expect(shards.frames).toBe(10);
    expect(shards.torn).toEqual([]);
    expect(shards.episodes.map((e) => [e.meta, e.start, e.length])).toEqual([
      [{ task: "task 0" }, 0, 3],
      [{ task: "task 1" }, 3, 5],
      [{ task: "task 2" }, 8, 2],
    ]);
    for (const [i, ep] of shards.episodes.entries()) {
      const truth = episode(ep.length, i);
      const front = new Uint8Array(ep.length * 45);
      const state = new Float32Array(ep.length * 4 + 1);
      shards.readRange(ep.start, ep.length, "front", front);
      for (let f = ep.length - 1; f >= 0; f--) shards.read(ep.start + f, "state", state, 1 + f * 4);
      expect(front).toEqual(truth.front);
      expect(state.subarray(1)).toEqual(truth.state);
    }
    shards.verify();
    shards.close();
  });

  it("appends, and refuses other columns by name", () => {
    const path = join(folder, "deep", "a.shard");
    write(path, [3]);
    write(path, [4], 1);
    expect(openShards(path).frames).toBe(7);
    const other = COLUMNS.map((c) => (c.name === "state" ? { ...c, shape: [5] } : c));
    expect(() => openShardWriter(path, other)).toThrow(/column 2 is "state" float32\[4\], not "state" float32\[5\]/);
  });

  it("refuses arrays of another type or length, naming the column", () => {
    const writer = openShardWriter(join(folder, "a.shard"), COLUMNS);
    const good = episode(3, 0);
    expect(() => writer.addEpisode({}, { ...good, state: new Float64Array(12) })).toThrow(/"state".*Float32Array/);
    expect(() => writer.addEpisode({}, { ...good, state: new Float32Array(13) })).toThrow(/"state".*3 frames/);
    expect(() => writer.addEpisode({}, { ...good, extra: new Float32Array(3) })).toThrow(/"extra" was not declared/);
    writer.close();
  });

  it("cut at any byte: keeps the whole episodes, says what is torn, and the next writer repairs it", () => {
    const whole = join(folder, "whole.shard");
    write(whole, [2, 1]);
    const bytes = fs.readFileSync(whole);
    const firstEnd = bytes.length - blockLength(bytes);
    const cut = join(folder, "cut.shard");
    fc.assert(
      fc.property(fc.integer({ min: firstEnd, max: bytes.length - 1 }), fc.boolean(), (length, zeros) => {
        const torn = Buffer.from(bytes.subarray(0, length));
        // A file system may have made the length durable before the contents.
        fs.writeFileSync(cut, zeros ? Buffer.concat([torn, Buffer.alloc(bytes.length - length)]) : torn);
        const shards = openShards(cut);
        const same = zeros && Buffer.concat([torn, Buffer.alloc(bytes.length - length)]).equals(bytes);
        expect(shards.episodes.length).toBe(same ? 2 : 1);
        shards.close();
        write(cut, [4], 5);
        const repaired = openShards(cut);
        expect(repaired.torn).toEqual([]);
        expect(repaired.episodes.at(-1)?.meta).toEqual({ task: "task 5" });
        expect(repaired.frames).toBe(same ? 7 : 6);
        repaired.close();
      }),
      { numRuns: 60 },
    );
  });

  it("finds a flipped byte in the middle instead of calling it a torn tail", () => {
    const path = join(folder, "a.shard");
    write(path, [2, 2, 2]);
    const bytes = fs.readFileSync(path);
    const header = Buffer.from(bytes);
    const second = header.indexOf("EPIS", header.indexOf("EPIS") + 4);
    header[second + 4] = (header[second + 4] as number) ^ 1;
    fs.writeFileSync(path, header);
    expect(() => openShards(path)).toThrow(/damaged/);
    const record = Buffer.from(bytes);
    record[second + 100] = (record[second + 100] as number) ^ 1;
    fs.writeFileSync(path, record);
    expect(() => openShards(path)).toThrow(/checksum of episode 1/);
    const lazy = openShards(path, { memoryLimit: 0 });
    expect(() => lazy.verify()).toThrow(/checksum of episode 1/);
    lazy.close();
  });

  it("refuses files that are no shards", () => {
    const path = join(folder, "a.shard");
    fs.writeFileSync(path, "PAR1 and more than sixteen bytes");
    expect(() => openShards(path)).toThrow(/not a demonstration shard/);
    expect(() => openShards(join(folder, "none.shard"))).toThrow(/Not found/);
  });
});

/** Bytes of the last block of a file with two. */
function blockLength(bytes: Buffer): number {
  return bytes.length - bytes.lastIndexOf("EPIS");
}
