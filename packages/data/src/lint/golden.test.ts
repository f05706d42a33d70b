import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { MemoryStore } from "../files/memory-store.ts";
import { GOLDEN, readJson } from "../golden.test-kit.ts";
import { lintLeRobot } from "./lint.ts";

type Label = { fault: string | null; may_also_report?: string[]; where?: { episode?: number } };

const LABELS = readJson("lint/labels.json") as Record<string, Label>;

describe("lint", () => {
  it.each(Object.entries(LABELS))(
    "%s: its fault and nothing else",
    async (name, { fault, may_also_report = [], where }) => {
      const findings = await lintLeRobot(createFolderStore(join(GOLDEN, "lint", name)));
      const others = findings.filter((finding) => finding.rule !== fault && !may_also_report.includes(finding.rule));
      expect(others).toEqual([]);
      const found = findings.filter((finding) => finding.rule === fault);
      expect(found.length > 0).toBe(fault !== null);
      const placed = found.filter((finding) => finding.episode !== undefined && where?.episode !== undefined);
      // A copy is reported at the later of the two.
      expect(placed.every((finding) => finding.episode === where?.episode)).toBe(true);
      expect(found.every((finding) => finding.evidence.length > 10)).toBe(true);
    },
  );

  it("finds nothing in sets that LeRobot recorded", async () => {
    for (const name of ["arm-images", "arm-v21-images", "arm-v21-video"]) {
      expect(await lintLeRobot(createFolderStore(join(GOLDEN, "lerobot", name)))).toEqual([]);
    }
  });

  it("says of sets that LeRobot edited what it left stale", async () => {
    const findings = await lintLeRobot(createFolderStore(join(GOLDEN, "lerobot/arm-h264-deleted")));
    expect(findings.map(({ rule, severity, column }) => [rule, severity, column])).toEqual([
      ["stats-stale", "warning", "episode_index"],
      ["stats-stale", "warning", "index"],
    ]);
  });

  it("refuses what is no dataset, and survives a dataset cut anywhere", async () => {
    await expect(lintLeRobot(new MemoryStore())).rejects.toThrow(/meta\/info.json/);
    const root = join(GOLDEN, "lint/clean-arrays");
    const files = fs
      .readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const cut of files) {
      const store = new MemoryStore(
        files.map((path) => {
          const bytes = new Uint8Array(fs.readFileSync(path));
          return [path.slice(root.length + 1), path === cut ? bytes.subarray(0, bytes.length / 2) : bytes];
        }),
      );
      const findings = await lintLeRobot(store).catch((error: Error) => [error.message]);
      expect([cut, findings.length > 0]).toEqual([cut, true]);
    }
  });
});
