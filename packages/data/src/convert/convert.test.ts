import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { GOLDEN } from "../golden.test-kit.ts";
import { lintLeRobot } from "../lint/lint.ts";
import { createFolderStore } from "../files/store.node.ts";
import { openDataset } from "../open.node.ts";
import { writeRlds } from "../rlds/writer.ts";
import { convertToLeRobot, convertToRlds, convertToV21 } from "./convert.node.ts";

const base = fs.mkdtempSync(join(tmpdir(), "bidden-convert-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

const STRUCTURE = [
  "index-gap",
  "episode-length",
  "info-totals",
  "task-index",
  "timestamp-gap",
  "stats-stale",
  "feature-mismatch",
  "fps-mismatch",
];

describe("pictures as videos", () => {
  it.each([
    ["v3.0", convertToLeRobot],
    ["v2.1", convertToV21],
  ] as const)(
    "LeRobot %s: what the videos show was compared, and the rest arrives exactly",
    async (version, convert) => {
      const to = join(base, `videos-${version}`);
      const remarks: string[] = [];
      const remark = (sentence: string): void => void remarks.push(sentence);
      const { compared } = await convert(join(GOLDEN, "lerobot/arm-images"), to, {
        video: { codec: "h264", gop: 4 },
        remark,
      });
      expect(compared).toBeGreaterThan(1000);
      expect(remarks).toEqual([]);
      const dataset = await openDataset(to);
      expect(dataset.format).toBe(`lerobot-${version}`);
      expect(dataset.features["observation.images.front"]).toMatchObject({ dtype: "video", shape: [96, 96, 3] });
      await dataset.close();
      const findings = await lintLeRobot(createFolderStore(to));
      expect(findings.filter((finding) => finding.severity !== "info")).toEqual([]);
      const files = fs
        .readdirSync(join(to, "videos"), { recursive: true })
        .filter((name) => String(name).endsWith(".mp4"));
      expect(files.length).toBe(version === "v3.0" ? 2 : 8);
      expect(fs.existsSync(`${to}.v3`)).toBe(false);
    },
  );
});

describe("conversion to LeRobot v3", () => {
  it.each([
    ["rlds/bridge_dataset", 5],
    ["rlds/odd_rlds", 3],
    ["lerobot/arm-images", undefined],
    ["lerobot/odd-features", undefined],
    ["hdf5/libero_pick_up_the_black_bowl_demo.hdf5", undefined],
    ["mcap/ros2-chunked-zstd.mcap", undefined],
  ])("%s: every value and picture arrives", async (name, fps) => {
    const to = join(base, name.replaceAll("/", "-"));
    const { episodes, compared } = await convertToLeRobot(join(GOLDEN, name), to, fps === undefined ? {} : { fps });
    expect(episodes).toBeGreaterThan(0);
    expect(compared).toBeGreaterThan(50);
    const findings = await lintLeRobot(createFolderStore(to));
    expect(findings.filter((finding) => STRUCTURE.includes(finding.rule))).toEqual([]);
  });

  it("asks for a rate where the source has none or no whole one", async () => {
    const to = join(base, "none");
    await expect(convertToLeRobot(join(GOLDEN, "rlds/odd_rlds"), to)).rejects.toThrow(
      /does not say how many frames a second/,
    );
    expect([to, `${to}.partial`].some((path) => fs.existsSync(path))).toBe(false);
  });

  it("goes on where it was stopped, and is whole or not there", async () => {
    const [from, to] = [join(GOLDEN, "hdf5/robomimic.hdf5"), join(base, "resumed")];
    const stop = new Error("stopped");
    const stopping = convertToLeRobot(from, to, { fps: 20 }, ({ done }) => {
      if (done === 2) throw stop;
    });
    await expect(stopping).rejects.toThrow(stop);
    expect(fs.existsSync(to)).toBe(false);
    const file = "data/chunk-000/file-000.parquet";
    const written = fs.statSync(join(`${to}.partial`, file)).mtimeMs;
    await expect(convertToLeRobot(from, to, { fps: 10 })).rejects.toThrow(/is what another command left/);
    await convertToLeRobot(from, to, { fps: 20 });
    expect(fs.statSync(join(to, file)).mtimeMs).toBe(written);
    expect(fs.existsSync(`${to}.partial`)).toBe(false);
    // Once more: nothing to do but to compare.
    expect((await convertToLeRobot(from, to, { fps: 20 })).compared).toBeGreaterThan(50);
    await expect(convertToLeRobot(join(GOLDEN, "lerobot/arm-images"), to)).rejects.toThrow(/is not empty/);
  });

  it("RLDS: goes on behind the whole shards", async () => {
    const [from, to] = [join(GOLDEN, "rlds/libero_spatial_no_noops"), join(base, "rlds")];
    const source = await openDataset(from);
    const store = createFolderStore(join(base, "direct"));
    const stop = new Error("stopped");
    const options = { name: "again", deflate: (bytes: Uint8Array) => bytes, shardBytes: 20_000 };
    const report = ({ done }: { done: number }) => {
      if (done === 4) throw stop;
    };
    await expect(writeRlds(source, store, { ...options, report })).rejects.toThrow(stop);
    const shards = await store.list(".");
    expect(shards).toContain("shard-0.part");
    fs.truncateSync(join(base, "direct", shards.at(-1) as string), 100);
    await writeRlds(source, store, options);
    const target = await openDataset(join(base, "direct"));
    expect(target.episodeCount).toBe(source.episodeCount);
    await target.close();
    await source.close();
    expect((await convertToRlds(from, to, "again")).compared).toBeGreaterThan(50);
  });

  it("any format to v2.1, by way of v3.0", async () => {
    const to = join(base, "old");
    await convertToV21(join(GOLDEN, "hdf5/robomimic.hdf5"), to, { fps: 20 });
    const dataset = await openDataset(to);
    expect(dataset.format).toBe("lerobot-v2.1");
    await dataset.close();
    expect(fs.readdirSync(base).filter((name) => name.startsWith("old"))).toEqual(["old"]);
  });
});
