import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { fixDataset } from "./fix.node.ts";
import { lintLeRobot } from "./lint.ts";

const base = fs.mkdtempSync(join(tmpdir(), "bidden-fix-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

function copy(name: string): string {
  const to = join(base, name);
  fs.cpSync(join(GOLDEN, "lint", name), to, { recursive: true });
  for (const file of fs.readdirSync(to, { recursive: true, encoding: "utf8" })) fs.chmodSync(join(to, file), 0o755);
  fs.chmodSync(to, 0o755);
  return to;
}

/** Everything but what numbers rows. */
async function values(path: string): Promise<unknown[]> {
  const dataset = await openDataset(path);
  const out: unknown[] = [];
  for (let i = 0; i < dataset.episodeCount; i++) {
    const { columns, tasks } = await dataset.read(i, { columns: ["action", "observation.state", "timestamp"] });
    out.push(columns, tasks);
  }
  await dataset.close();
  return out;
}

describe("lint --fix", () => {
  it.each([
    "stats-stale",
    "stats-count-wrong",
    "tasks-unsorted",
    "tasks-no-pandas-metadata",
    "totals-wrong",
    "index-gap",
    "from-timestamp-drift",
  ])("%s: mended in place, the frames as they were", async (name) => {
    const path = copy(name);
    // Unsorted tasks cannot be read before they are mended.
    const read = async () => (name === "tasks-unsorted" ? [] : values(path));
    const before = await read();
    const { fixed, left } = await fixDataset(path, null);
    expect(left).toEqual([]);
    expect(fixed.length).toBeGreaterThan(0);
    expect(await lintLeRobot(createFolderStore(path))).toEqual([]);
    expect(await read()).toEqual(before);
    expect(fs.readdirSync(path).filter((file) => file.startsWith("."))).toEqual([]);
  });

  it("leaves alone what it would have to guess, and clean datasets", async () => {
    for (const name of ["duplicate-episode", "dropped-frames", "wrong-video-file-index", "clean-v21"]) {
      const path = copy(name);
      const before = fs.statSync(join(path, "meta/info.json")).mtimeMs;
      const { fixed, left } = await fixDataset(path, null);
      expect(fixed).toEqual([]);
      expect(left.length).toBe(name.startsWith("clean") ? 0 : 1);
      expect(fs.statSync(join(path, "meta/info.json")).mtimeMs).toBe(before);
    }
  });

  it("into a new folder: the old one stays as it is", async () => {
    const from = join(GOLDEN, "lint/totals-wrong");
    const to = join(base, "mended");
    expect((await fixDataset(from, to)).left).toEqual([]);
    expect((await lintLeRobot(createFolderStore(from))).map(({ rule }) => rule)).toEqual(["info-totals"]);
    await expect(fixDataset(from, to)).rejects.toThrow(/is not empty/);
  });

  it("statistics that are not finite become those of the finite values", async () => {
    const path = copy("nan-state");
    const { fixed, left } = await fixDataset(path, null);
    expect(fixed.map(({ finding }) => finding.rule)).toContain("stats-non-finite");
    expect(left.map(({ rule }) => rule)).toEqual(["non-finite"]);
    expect(() => JSON.parse(fs.readFileSync(join(path, "meta/stats.json"), "utf8"))).not.toThrow();
  });
});
