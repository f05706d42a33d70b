import { createHash } from "node:crypto";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { streamSteps } from "../dataset/stream.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import type { NumberArray } from "../dataset/types.ts";
import { type Batch, BatchReader } from "./batch.ts";
import { createLoader } from "./loader.node.ts";
import { createSampler } from "./sampler.ts";
import { shuffledOrder } from "./shuffle.ts";

/** Comparing a million numbers one by one takes seconds. */
function digest(values: NumberArray): string {
  return createHash("sha256")
    .update(values as Uint8Array)
    .digest("hex");
}

function digestOf(batch: Batch | null): unknown {
  if (batch === null) return null;
  const columns = Object.entries(batch.columns).map(([name, { values, shape }]) => [name, shape, digest(values)]);
  return { ...batch, columns };
}

const SET = join(GOLDEN, "lerobot/arm-h264-deleted");

describe("the order of an epoch", () => {
  it("has every item once, and is another for another seed or epoch", () => {
    fc.assert(
      fc.property(fc.nat({ max: 3000 }), fc.integer(), fc.nat({ max: 9 }), (length, seed, epoch) => {
        const order = shuffledOrder(length, seed, epoch);
        const items = Array.from({ length }, (_, place) => order(place));
        expect(new Set(items).size).toBe(length);
        expect(items.every((item) => item >= 0 && item < length)).toBe(true);
      }),
      { numRuns: 60 },
    );
    const of = (seed: number, epoch: number): number[] =>
      Array.from({ length: 200 }, (_, i) => shuffledOrder(200, seed, epoch)(i));
    expect(of(1, 0)).toEqual(of(1, 0));
    expect(of(1, 0)).not.toEqual(of(2, 0));
    expect(of(1, 0)).not.toEqual(of(1, 1));
    // Mixed well: the mean distance between neighbours of a random order is a third of the length.
    const items = of(3, 4);
    const distance = items.slice(1).reduce((sum, item, i) => sum + Math.abs(item - (items[i] as number)), 0) / 199;
    expect(distance).toBeGreaterThan(50);
    expect(distance).toBeLessThan(85);
  });
});

describe("the sampler", () => {
  it("covers every frame once an epoch, reads by episode and frame, keeps pools together", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 17 }),
        fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        (lengths, batchSize, pool) => {
          const sampler = createSampler(lengths, { batchSize, seed: 5, ...(pool === undefined ? {} : { pool }) });
          const seen: string[] = [];
          for (let batch = 0; batch < sampler.batches; batch++) {
            const { episodes, frames, readOrder } = sampler.plan(2, batch);
            const keys = Array.from(readOrder, (row) => (episodes[row] as number) * 1000 + (frames[row] as number));
            expect(keys).toEqual([...keys].sort((a, b) => a - b));
            for (const [row, episode] of episodes.entries()) seen.push(`${episode}:${frames[row]}`);
          }
          const all = lengths.flatMap((length, episode) => Array.from({ length }, (_, frame) => `${episode}:${frame}`));
          expect([...seen].sort()).toEqual(all.sort());
        },
      ),
      { numRuns: 60 },
    );
    const pooled = createSampler([10, 10, 10, 10], { batchSize: 20, pool: 2 });
    expect(new Set(pooled.plan(0, 0).episodes).size).toBe(2);
  });
});

describe("batches", () => {
  it("hold what the dataset holds, with windows and where they were padded", async () => {
    const dataset = await openDataset(SET);
    const columns = ["action", "observation.state", "observation.images.front", "index"];
    const reader = new BatchReader(dataset, { columns, windows: { action: [0, 1, 2], "observation.state": [-1, 0] } });
    const lengths: number[] = [];
    for (let i = 0; i < dataset.episodeCount; i++) lengths.push((await dataset.episode(i)).length);
    const sampler = createSampler(lengths, { batchSize: 8, seed: 3 });
    const { episodes, frames, columns: got, tasks } = await reader.read(sampler.plan(0, 1));
    expect(got["action"]?.shape).toEqual([8, 3, 7]);
    expect(got["observation.images.front"]?.shape).toEqual([8, 96, 96, 3]);
    for (const [row, episode] of episodes.entries()) {
      const frame = frames[row] as number;
      const last = (lengths[episode] as number) - 1;
      const whole = await dataset.read(episode, { columns });
      const actions = whole.columns["action"];
      if (actions?.kind !== "numbers") throw new Error("no actions");
      const expected = [0, 1, 2].flatMap((offset) => {
        const at = Math.min(last, frame + offset);
        return Array.from(actions.values.subarray(at * 7, at * 7 + 7), Number);
      });
      expect(Array.from(got["action"]?.values.subarray(row * 21, row * 21 + 21) ?? [], Number)).toEqual(expected);
      expect(Array.from(got["action"]?.padded?.subarray(row * 3, row * 3 + 3) ?? [])).toEqual(
        [0, 1, 2].map((offset) => (frame + offset > last ? 1 : 0)),
      );
      expect(tasks[row]).toBe(whole.tasks[frame]);
    }
    const numbered = Array.from(got["index"]?.values ?? [], Number);
    const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, n) => sum + n, 0));
    expect(numbered).toEqual(
      Array.from(episodes, (episode, row) => (starts[episode] as number) + (frames[row] as number)),
    );
    await dataset.close();
  });

  it("from threads are the same whatever their number, and go on where they stopped", async () => {
    const options = { batchSize: 32, seed: 9, columns: ["index", "observation.images.wrist"], epochs: 2 };
    const one = await createLoader(SET, { ...options, workers: 1 });
    const all = [];
    for await (const batch of one) all.push(digestOf(batch));
    expect(all.length).toBe(2 * one.batches);
    expect(await one.next()).toBeNull();
    await one.close();
    const two = await createLoader(SET, { ...options, workers: 2 });
    for (const expected of all.slice(0, 3)) expect(digestOf(await two.next())).toEqual(expected);
    const { state } = two;
    await two.close();
    const again = await createLoader(SET, { ...options, workers: 2, from: state });
    expect(digestOf(await again.next())).toEqual(all[3]);
    await again.close();
    await expect(createLoader(SET, { ...options, seed: 1, from: state })).rejects.toThrow(/seed 9/);
  });

  it("say what is wrong when a thread meets it", async () => {
    const loader = await createLoader(SET, { batchSize: 4, workers: 1, columns: ["nothing"] });
    await expect(loader.next()).rejects.toThrow(/"nothing" is no column/);
    await loader.close();
    await expect(loader.next()).rejects.toThrow(/has ended/);
  });
});

it("steps of any dataset, in short stretches as in long ones", async () => {
  for (const path of [
    "lerobot/arm-images",
    "rlds/bridge_dataset/1.0.0",
    "hdf5/robomimic.hdf5",
    "zarr/umi_like.zarr.zip",
  ]) {
    const dataset = await openDataset(join(GOLDEN, path));
    const read = async (chunk: number): Promise<unknown[]> => {
      const out: unknown[] = [];
      for await (const { episode, frame, task, isFirst, isLast, values } of streamSteps(dataset, {
        chunk,
        episodes: [0],
      })) {
        const numbers = Object.entries(values).flatMap(([name, value]) =>
          value.kind === "numbers" ? [[name, digest(value.values)]] : [],
        );
        out.push([episode, frame, task, isFirst, isLast, numbers]);
      }
      return out;
    };
    const steps = await read(5);
    expect(steps.length).toBe((await dataset.episode(0)).length);
    expect(steps).toEqual(await read(1000));
    await dataset.close();
  }
});
