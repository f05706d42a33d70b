import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Column, ImageColumn } from "../dataset/types.ts";
import { GOLDEN, readJson, readSafetensors } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";

const SETS: readonly [folder: string, expected: string][] = [
  ["arm-images", "arm-images"],
  ["odd-features", "odd-features"],
  ["odd-language", "odd-language"],
  ["odd-oneframe", "odd-oneframe"],
  ["arm-h264-deleted", "arm-h264-deleted"],
  ["arm-v21-images", "arm-v21-images"],
  ["arm-v21-video", "arm-v21-video"],
  ["arm-v21-video-to-v30-smallfiles", "arm-v21-video-to-v30-smallfiles"],
];

type Expected = {
  total_frames: number;
  fps: number;
  task_per_frame: string[];
  text_columns?: Record<string, string[]>;
  loader_item_sha256_CHW?: Record<string, string[]>;
  loader_item_uint8_sha256_CHW?: Record<string, string[]>;
};

/** [height, width, 3] to [3, height, width], as the loader hands pictures out: float32 in [0, 1], or uint8. */
async function hashes(column: ImageColumn, float: boolean): Promise<string[]> {
  const out: string[] = [];
  for (let frame = 0; frame < column.length; frame++) {
    const { width, height, data } = await column.image(frame);
    const planes = float ? new Float32Array(data.length) : new Uint8Array(data.length);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) planes[c * width * height + i] = (data[i * 3 + c] as number) / (float ? 255 : 1);
    }
    out.push(createHash("sha256").update(new Uint8Array(planes.buffer)).digest("hex").slice(0, 24));
  }
  return out;
}

describe("LeRobot sets written by LeRobot", () => {
  const opened: { close(): Promise<void> }[] = [];
  afterAll(() => Promise.all(opened.map((dataset) => dataset.close())));

  it.each(SETS)("%s reads as LeRobot's own loader reads it", async (folder, name) => {
    const expected = readJson(`lerobot-expected/${name}.json`) as Expected;
    const arrays = readSafetensors(`lerobot-expected/${name}.safetensors`);
    const dataset = await openDataset(join(GOLDEN, "lerobot", folder));
    opened.push(dataset);
    expect(dataset.frameCount).toBe(expected.total_frames);
    const columns = new Map<string, Column[]>();
    const tasks: string[] = [];
    for (let index = 0; index < dataset.episodeCount; index++) {
      const episode = await dataset.read(index);
      tasks.push(...episode.tasks);
      for (const [key, column] of Object.entries(episode.columns))
        columns.set(key, [...(columns.get(key) ?? []), column]);
    }
    expect(tasks).toEqual(expected.task_per_frame);
    const numbers: Record<string, number[]> = {};
    const texts: Record<string, string[]> = {};
    const loaderNumbers: Record<string, number[]> = {};
    for (const [key, parts] of columns) {
      const array = arrays.get(`col/${key}`);
      if (array !== undefined) {
        // The loader widens what it hands out (float64 to float32 among others): compare in its type.
        const own = parts.flatMap((part) => (part.kind === "numbers" ? Array.from(part.values, Number) : []));
        numbers[key] = array.dtype === "float32" ? own.map(Math.fround) : own;
        loaderNumbers[key] = Array.from(array.values, Number);
      }
      if (expected.text_columns?.[key] !== undefined && parts[0]?.kind === "text") {
        texts[key] = parts.flatMap((part) => (part.kind === "text" ? part.values : []));
      }
    }
    expect(numbers).toEqual(loaderNumbers);
    expect(Object.keys(numbers).length).toBeGreaterThanOrEqual(7);
    const loaderTexts = Object.entries(expected.text_columns ?? {}).filter(([key]) => key in texts);
    expect(texts).toEqual(Object.fromEntries(loaderTexts));
  });

  it.each([
    ["arm-images", true],
    ["arm-v21-images", false],
  ])("%s: every picture is LeRobot's, bit for bit", async (name, float) => {
    const expected = readJson(`lerobot-expected/${name}.json`) as Expected;
    const truth = expected.loader_item_sha256_CHW ?? expected.loader_item_uint8_sha256_CHW ?? {};
    const dataset = await openDataset(join(GOLDEN, "lerobot", name));
    opened.push(dataset);
    const got: Record<string, string[]> = {};
    for (let index = 0; index < dataset.episodeCount; index++) {
      const episode = await dataset.read(index, { columns: Object.keys(truth) });
      for (const [key, column] of Object.entries(episode.columns)) {
        if (column.kind === "images") got[key] = [...(got[key] ?? []), ...(await hashes(column, float))];
      }
    }
    expect(got).toEqual(truth);
  });

  it("decodes pictures that are a video, where the decoders are installed", async () => {
    const dataset = await openDataset(join(GOLDEN, "lerobot/arm-h264-deleted"));
    opened.push(dataset);
    const { columns } = await dataset.read(1, { columns: ["observation.images.front"] });
    const column = columns["observation.images.front"] as ImageColumn;
    expect(await column.image(0)).toMatchObject({ width: 96, height: 96 });
  });

  it("reads part of an episode", async () => {
    const dataset = await openDataset(join(GOLDEN, "lerobot/arm-images"));
    opened.push(dataset);
    const whole = await dataset.read(2);
    const part = await dataset.read(2, { from: 3, to: 5, columns: ["action"] });
    const values = (column: Column | undefined) =>
      column?.kind === "numbers" ? Array.from(column.values, Number) : [];
    expect(part.length).toBe(2);
    expect(values(part.columns["action"])).toEqual(values(whole.columns["action"]).slice(21, 35));
    expect(part.tasks).toEqual(whole.tasks.slice(3, 5));
  });
});
