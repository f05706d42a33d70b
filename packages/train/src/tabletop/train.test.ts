import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openShards } from "@bidden/data/node";
import type { TabletopConfig } from "@bidden/models";
import { loadMinilm, loadTabletopPolicy } from "@bidden/models/node";
import { readSafetensors } from "@bidden/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectShard } from "../collect/collect.node.ts";
import type { EpisodeMeta } from "../collect/columns.ts";
import { saidAgain, sayShardAgain } from "../collect/say-again.node.ts";
import { trainingConfig } from "./config.ts";
import { TabletopSampler } from "./sampler.node.ts";
import { TextStore } from "./text-store.node.ts";
import { type TrainOptions, trainTabletop } from "./train.node.ts";

/** The real policy in small, on the real world. */
const config: TabletopConfig = {
  ...trainingConfig,
  cameras: [
    { name: "front", grid: { width: 56, height: 40, stride: 8, window: 12 } },
    { name: "wrist", grid: { width: 16, height: 16, stride: 8, window: 12 } },
  ],
  width: 16,
  heads: 2,
  mlpWidth: 16,
  stemWidth: 8,
  patchWidth: 16,
  motorWidth: 16,
  mixLayers: 1,
  textLayers: 1,
  groundLayers: 1,
  latentLayers: 1,
};

let folder = "";
const data = (): string => join(folder, "data");
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bidden-train-"));
  await collectShard(config, { folder: data(), kind: "still", firstSeed: 400, episodes: 3 });
  await collectShard(config, { folder: data(), kind: "demonstration", firstSeed: 300, episodes: 2 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (out: string, options: Partial<TrainOptions> = {}): Promise<string> =>
  trainTabletop(config, {
    data: data(),
    out: join(folder, out),
    steps: 6,
    batch: 4,
    sentences: 2,
    threads: 1,
    ...options,
  });

describe("collected shards", () => {
  it("hold episodes with their sentences, and go on where they were interrupted", async () => {
    const path = join(data(), "still-400.shard");
    const whole = readFileSync(path);
    const options = { folder: data(), kind: "still", firstSeed: 400 } as const;
    truncateSync(path, whole.length - 10);
    expect(openShards(path).torn).toHaveLength(1);
    await collectShard(config, { ...options, episodes: 3 });
    expect(readFileSync(path).equals(whole)).toBe(true);
    const metas = openShards(path).episodes.map(({ meta }) => meta as EpisodeMeta);
    expect(metas.map(({ seed }) => seed)).toEqual([400, 401, 402]);
    for (const { queries, things } of metas) {
      expect(queries).toHaveLength(6);
      for (const { act, place } of queries) {
        for (const index of [...(act ?? []), ...(place ?? [])]) expect(things[index]).toBeDefined();
      }
    }
  });
});

describe("saying again", () => {
  it("says of every episode what collecting would say of it, and leaves its frames alone", () => {
    for (const name of ["still-400.shard", "demonstration-300.shard"]) {
      const path = join(data(), name);
      const before = readFileSync(path);
      const metas = openShards(path).episodes.map(({ meta }) => meta as EpisodeMeta);
      expect(metas.map(saidAgain)).toEqual(metas);
      // Data of before tasks were kept: drawn anew from the seed.
      const older = metas.map((meta) => {
        const { task, ...rest } = meta;
        return { ...rest, skill: task?.skill ?? null };
      });
      expect(older.map(saidAgain)).toEqual(metas);
      sayShardAgain(path);
      expect(readFileSync(path).equals(before)).toBe(true);
    }
  });
});

describe("training", () => {
  it("resumes to the bit, and what it exports opens as a policy", async () => {
    await train("straight");
    const checkpoint = await train("paused", { stopAt: 3 });
    await expect(train("paused")).rejects.toThrow(/resume it, or name another folder/);
    await train("paused", { resume: true });
    const state = (out: string): Buffer => readFileSync(join(folder, out, "state.safetensors"));
    expect(state("paused").equals(state("straight"))).toBe(true);
    const policy = await loadTabletopPolicy(checkpoint);
    expect(policy.info.cameras.front).toEqual({ width: 56, height: 40 });
    await policy.close();
  });

  it("brings the loss down", async () => {
    const losses: number[] = [];
    await train("down", { steps: 150, onStep: ({ metrics }) => losses.push(metrics.loss as number), peakRate: 3e-3 });
    expect(losses).toHaveLength(3);
    expect(losses[2] as number).toBeLessThan((losses[0] as number) * 0.8);
  });

  it("learns to read and to see first, once, and leaves both as they are", async () => {
    const losses: number[] = [];
    const onRead: TrainOptions["onRead"] = (_, { loss }) => losses.push(loss as number);
    const looks: number[] = [];
    const onSee: TrainOptions["onSee"] = (_, { loss }) => looks.push(loss as number);
    const first = { readSteps: 200, onRead, seeSteps: 200, onSee };
    await train("reader", { ...first, stopAt: 3 });
    expect(losses).toHaveLength(2);
    expect(losses[1] as number).toBeLessThan((losses[0] as number) * 0.8);
    expect(looks[1] as number).toBeLessThan((looks[0] as number) * 0.9);
    const checkpoint = await train("reader", { ...first, resume: true });
    expect([losses.length, looks.length]).toEqual([2, 2]);
    const tensors = (path: string): ReturnType<typeof readSafetensors>["tensors"] =>
      readSafetensors(readFileSync(path)).tensors;
    const whole = tensors(join(checkpoint, "model.safetensors"));
    for (const stage of ["reading", "seeing"]) {
      const learned = tensors(join(folder, "reader", `${stage}.safetensors`));
      expect(learned.size).toBeGreaterThan(10);
      for (const [name, tensor] of learned) expect({ name, ...whole.get(name) }).toEqual({ name, ...tensor });
    }
  });

  it("says where to get shards when there are none", async () => {
    await expect(train("none", { data: join(folder, "nothing") })).rejects.toThrow(/bidden demo collect/);
  });
});

describe("batches", () => {
  it("depend on seed and step alone", async () => {
    const shards = openShards([join(data(), "still-400.shard"), join(data(), "demonstration-300.shard")]);
    const texts = new TextStore(await loadMinilm({ threads: 1 }), join(data(), "texts.bin"));
    const sampler = new TabletopSampler(shards, texts, config, { batch: 4, sentences: 3, seed: 5 });
    const [a, b] = [sampler.allocate(), sampler.allocate()];
    await sampler.fill(a, 7);
    await sampler.fill(b, 8);
    expect(b.arrays.windows).not.toEqual(a.arrays.windows);
    await sampler.fill(b, 7);
    expect(b.arrays).toEqual(a.arrays);
    for (const array of Object.values(a.arrays)) expect(array.every(Number.isFinite)).toBe(true);
    shards.close();
  });
});

describe("encoded sentences", () => {
  it("survive a torn file", async () => {
    const encoder = await loadMinilm({ threads: 1 });
    const path = join(folder, "texts.bin");
    const store = new TextStore(encoder, path);
    const known = await store.get("lift the can");
    await store.get("push the block");
    truncateSync(path, readFileSync(path).length - 5);
    const again = new TextStore(encoder, path);
    expect(again.size).toBe(1);
    expect(await again.get("lift the can")).toEqual(known);
    appendFileSync(path, new Uint8Array(3));
    await new TextStore(encoder, path).get("push the block");
    expect(new TextStore(encoder, path).size).toBe(2);
  });
});
