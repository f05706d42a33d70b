import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { GOLDEN } from "../golden.test-kit.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { lintLeRobot } from "../lint/lint.ts";
import { createFolderStore } from "../files/store.node.ts";
import { openDataset } from "../open.node.ts";
import { convertToLeRobot } from "./convert.node.ts";
import { convertEpisodes, planConversion } from "./to-lerobot.ts";

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
    expect(fs.existsSync(to)).toBe(false);
  });

  it("goes on where it was stopped", async () => {
    const to = join(base, "resumed");
    const source = await openDataset(join(GOLDEN, "lerobot/arm-images"));
    const plan = await planConversion(source);
    const recorder = await openRecorder(to, plan);
    const stop = new Error("stopped");
    await expect(
      convertEpisodes(source, plan, recorder, ({ done }) => {
        if (done === 2) throw stop;
      }),
    ).rejects.toThrow(stop);
    await recorder.close();
    await source.close();
    const written = fs.statSync(join(to, "data/chunk-000/file-000.parquet")).mtimeMs;
    await convertToLeRobot(join(GOLDEN, "lerobot/arm-images"), to);
    expect(fs.statSync(join(to, "data/chunk-000/file-000.parquet")).mtimeMs).toBe(written);
  });
});
