import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunResult } from "@bidden/eval";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { main } from "../main.ts";

let [out, err] = ["", ""];
beforeEach(() => {
  [out, err] = ["", ""];
  process.exitCode = 0;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((err += String(text))));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bidden-cli-"));
  // What is loaded at the first use takes long on a busy machine, and belongs to no test.
  await Promise.all([import("../headless/run-headless.ts"), import("../headless/run-suite.ts")]);
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `bidden run --json`; one line of JSON on stdout and nothing else. */
async function runJson(sentence: string, ...flags: string[]): Promise<RunResult & { exitCode: unknown }> {
  out = "";
  await main(["run", sentence, "--json", "--policy", "expert", ...flags]);
  expect(out.split("\n")).toHaveLength(2);
  expect(out.endsWith("\n")).toBe(true);
  return { ...(JSON.parse(out) as RunResult), exitCode: process.exitCode };
}

const PICK = "pick up the small black can";
/** One that is really there: what cannot be read is said before what cannot be written. */
const DATASET = "testdata/data/lerobot/arm-h264-deleted";

describe("bidden run", () => {
  test("done: exit code 0, the same twice but for the wall's clock, on the table that bidden scene shows", async () => {
    const { wallSeconds: _first, ...first } = await runJson(PICK, "--seed", "7");
    const { wallSeconds: _again, ...again } = await runJson(PICK, "--seed", "7");
    expect(first).toMatchObject({ exitCode: 0, verdict: "done", judgedDone: true, seed: 7 });
    expect(again).toEqual(first);
    out = "";
    await main(["scene", "--seed", "7", "--json"]);
    const scene = JSON.parse(out) as { objects: { id: string; position: number[] }[]; sentences: string[] };
    expect(first.objects.map(({ id, start }) => [id, start])).toEqual(scene.objects.map((o) => [o.id, o.position]));
    expect(scene.sentences).toHaveLength(3);
  });

  test("failed: exit code 1", async () => {
    const result = await runJson("put the red can on the plate", "--max-seconds", "1.5");
    expect(result).toMatchObject({ exitCode: 1, verdict: "failed", judgedDone: false });
  });

  test("asked: exit code 2, with the question", async () => {
    expect(await runJson("grab the can")).toMatchObject({
      exitCode: 2,
      verdict: "asked",
      question: expect.any(String),
    });
  });

  test.each([
    ["an empty sentence", "", /is empty/],
    ["blanks and control characters", " \u0000\u0007\n ", /is empty/],
    ["10,000 characters", "put ".repeat(2500), /10000 characters/],
  ])("%s cannot be obeyed: refused, exit code 2", async (_, sentence, reason) => {
    const result = await runJson(sentence);
    expect(result).toMatchObject({ exitCode: 2, verdict: "refused", simSeconds: 0 });
    expect(result.reason).toMatch(reason);
  });

  test("control characters inside a sentence do no harm", async () => {
    expect(await runJson("pick\tup the\u0000 small\u001b black can")).toMatchObject({ exitCode: 0, verdict: "done" });
  });

  test("for people: a sentence, where it was recorded, and that the expert drove", async () => {
    const runs = join(folder, "runs");
    await main(["run", "point at the plate", "--headless", "--policy", "expert", "--record", runs]);
    expect(out).toMatch(/^Done in \d\.\d s: believed done, and it is\./);
    expect(out).toContain(`Recorded to ${runs}.`);
    expect(out).toContain("scripted expert");
    const info = JSON.parse(await readFile(join(runs, "meta/info.json"), "utf8")) as { total_episodes: number };
    expect(info.total_episodes).toBe(1);
    expect((await runJson("point at the plate", "--record", runs)).recording).toBe(runs);
  });

  test.each([
    [
      "a folder that cannot be written",
      [PICK, "--headless", "--policy", "expert", "--record", "/dev/null/x"],
      /Cannot make the folder/,
    ],
    ["a policy that is not there", [PICK, "--headless", "--policy", "/nowhere/at/all"], /\/nowhere\/at\/all/],
    [
      "a head that it has not",
      [PICK, "--headless", "--policy", "expert", "--head", "tail"],
      /--head to be one of expert/,
    ],
    ["a seed that is none", [PICK, "--headless", "--seed", "-1"], /--seed/],
    ["no sentence", [], /sentence/],
  ])("%s: exit code 3, in words, nothing on stdout", async (_, words, said) => {
    await main(["run", ...words]);
    expect(process.exitCode).toBe(3);
    expect(err).toMatch(said);
    expect(out).toBe("");
  });
});

describe("bidden scene", () => {
  test("draws the table, lists its things, and says what to try", async () => {
    await main(["scene", "--seed", "7"]);
    expect(out).toMatch(/robot[\s\S]*you/);
    expect(out).toMatch(/^ 1 {2}black-can-1 +can +black +small +0\.373 +-0\.034 +0\.027$/m);
    expect(out.match(/npx bidden run "/g)).toHaveLength(3);
  });
});

describe("bidden eval", () => {
  test("measures, prints one line, writes a page and JSON", async () => {
    const into = join(folder, "eval");
    const flags = ["--episodes", "1", "--unclear", "1", "--skills", "point", "--policy", "expert", "--workers", "1"];
    await main(["eval", "tabletop", ...flags, "--json", "--out", into]);
    expect(process.exitCode).toBe(0);
    expect(out.split("\n")).toHaveLength(2);
    const said = JSON.parse(out) as { measured: number; summary: { skills: { name: string; rate: number }[] } };
    expect(said).toMatchObject({ measured: 5, planned: 5, files: { html: join(into, "report.html") } });
    expect(said.summary.skills).toMatchObject([{ name: "point", successes: 1, trials: 1 }]);
    expect(await readFile(join(into, "report.html"), "utf8")).toMatch(/^<!doctype html>/);
    const report = JSON.parse(await readFile(join(into, "report.json"), "utf8")) as {
      episodes: unknown[];
      setting: { command: string };
    };
    expect(report.episodes).toHaveLength(5);
    expect(report.setting.command).toContain("--skills point --split held-out --seed 1 --policy expert");
  });

  test("is compared with another one over the same episodes, and only with such", async () => {
    const report = join(folder, "eval", "report.json");
    await main(["compare", report, report]);
    expect(process.exitCode).toBe(0);
    expect(out).toMatch(/^point +1 +100\.0 % +100\.0 % +0 +0 +1\.000$/m);
    expect(out).toMatch(/^all +5 /m);
    const other = JSON.parse(await readFile(report, "utf8")) as { episodes: unknown[] };
    await writeFile(join(folder, "other.json"), JSON.stringify({ ...other, episodes: other.episodes.slice(1) }));
    await main(["compare", report, join(folder, "other.json")]);
    expect(process.exitCode).toBe(3);
    expect(err).toMatch(/needs the same episodes on both sides/);
    await main(["compare", report, join(folder, "none.json")]);
    expect(err).toMatch(/is no report.json/);
  });

  test.each([
    [["eval", "libero"], /The suites are: tabletop/],
    [["eval", "tabletop", "--skills", "juggle"], /got "juggle"/],
    [["eval", "tabletop", "--split", "hard"], /--split/],
    [["eval", "tabletop", "--episodes", "0", "--unclear", "0"], /nothing to evaluate/],
    [["eval", "tabletop", "--episodes", "1", "--out", "/dev/null/x"], /Cannot make the folder/],
    [["eval", "tabletop", "--episodes", "1", "--out", "/proc/x"], /Cannot make the folder/],
  ])("%j is an error in words", async (words, said) => {
    // `--out` keeps the folder of the default out of the working directory.
    await main(words.includes("--out") ? words : [...words, "--out", join(folder, "none")]);
    expect(process.exitCode).toBe(3);
    expect(err).toMatch(said);
  });
});

describe("every command that writes", () => {
  test.each([
    [["run", PICK, "--headless", "--policy", "expert", "--record", "/proc/x"]],
    [["demo", "collect", "--out", "/proc/x"]],
    [["demo", "correct", "--policy", "tabletop", "--out", "/proc/x"]],
    [["train", "--out", "/proc/x/deep"]],
    [["data", "convert", DATASET, "/proc/x"]],
    [["data", "cat", "/nowhere", "--images", "png:/proc/x"]],
    [["data", "edit", "merge", "/proc/x", DATASET]],
    [["data", "sign", "/nowhere", "--by", "me", "--key", "/proc/x/key.pem"]],
  ])("%j: a folder that cannot be made is told at once", async (words) => {
    await main(words);
    expect(process.exitCode).toBe(3);
    expect(err).toMatch(/^bidden: Cannot make the folder \/proc\/x/);
    expect(out).toBe("");
  });
});
