import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { nodeEngine } from "../checkpoint/load.node.ts";
import { unpacked } from "../testdata.test-kit.ts";
import { checkGoldenFolders, type FolderReport } from "./check.node.ts";

async function reportsOf(folder: string): Promise<FolderReport[]> {
  const reports: FolderReport[] = [];
  for await (const report of checkGoldenFolders(folder, nodeEngine({ threads: 1 }))) reports.push(report);
  return reports;
}

const problemsOf = (reports: readonly FolderReport[]): string[] =>
  reports.flatMap(({ error, results }) => [
    ...(error === null ? [] : [error]),
    ...results.filter((result) => !result.pass).map((result) => `${result.stage}: ${result.problem ?? result.maxAbs}`),
  ]);

describe("golden sets that belong to no checkpoint", () => {
  test("pictures are resized, cropped and compressed as the references do it", async () => {
    const reports = await reportsOf(unpacked("images"));
    expect(problemsOf(reports)).toEqual([]);
    expect(reports[0]?.results.length).toBeGreaterThan(30);
    expect(reports[0]?.notes).toEqual([]);
    const jpeg = reports[0]?.results.find(({ stage }) => stage.includes("jpeg"));
    expect(jpeg?.maxAbs).toBe(0);
  });

  test("tokenizers give the ids and texts of their own libraries", async () => {
    const reports = await reportsOf(unpacked("tokenizers"));
    expect(problemsOf(reports)).toEqual([]);
    expect(reports.map(({ folder }) => folder.split("/").at(-1))).toEqual([
      "fast",
      "fast_wide",
      "gemma_like",
      "llama2_like",
      "qwen2_like",
      "smollm2_like",
      "t5_like",
    ]);
  });

  test("one wrong id is seen, and its text named", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "bidden-golden-")), "smollm2_like");
    cpSync(unpacked("tokenizers/smollm2_like"), folder, { recursive: true });
    const file = join(folder, "hf_goldens.json");
    const golden = JSON.parse(readFileSync(file, "utf8")) as { texts: { text: string; ids: number[] }[] };
    (golden.texts[0] as { ids: number[] }).ids[0] = 3;
    writeFileSync(file, JSON.stringify(golden));
    const [report] = await reportsOf(folder);
    expect(report?.pass).toBe(false);
    expect(problemsOf([report as FolderReport])[0]).toContain((golden.texts[0]?.text ?? "").slice(0, 20));
  });
});
