import { cpSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

const folder = mkdtempSync(join(tmpdir(), "bidden-policy-"));
afterAll(() => rm(folder, { recursive: true }));
const golden = (name: string): string => fileURLToPath(new URL(`../../../../testdata/models/${name}`, import.meta.url));

/** Runs a command line to its exit code. */
async function bidden(...argv: string[]): Promise<unknown> {
  [out, err] = ["", ""];
  process.exitCode = 0;
  await main(argv);
  return process.exitCode;
}

/** A copy that may be broken. */
function copyOf(name: string): string {
  const copy = mkdtempSync(join(folder, "copy-"));
  cpSync(golden(name), copy, { recursive: true });
  return copy;
}

describe("bidden policy make, info, check", () => {
  // The others are made and opened beside their own code.
  test.each(["act", "pi0", "openvla"])(
    "%s: a made checkpoint opens, is described, and runs",
    async (name) => {
      const at = join(folder, name);
      expect(await bidden("policy", "make", name, at, "--seed", "3")).toBe(0);
      expect(await bidden("policy", "info", at, "--json")).toBe(0);
      const info = JSON.parse(out) as { family: string; parameters: number; chunk: number; action: { dim: number } };
      expect(info.family).toBe(name);
      expect(info.parameters).toBeGreaterThan(1000);
      expect(await bidden("policy", "check", at, "--json")).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ family: name, pass: true, chunk: [expect.any(Number), info.action.dim] });
    },
    180_000,
  );

  test("a folder that holds files already is left alone", async () => {
    expect(await bidden("policy", "make", "act", golden("act"))).toBe(3);
    expect(err).toContain("holds files already");
  });
});

describe("bidden policy check with golden files", () => {
  test("within tolerance: 0, with the worst stages", async () => {
    expect(await bidden("policy", "check", golden("act"))).toBe(0);
    expect(out).toContain("all within tolerance");
    expect(out).toMatch(/largest error .*, relative L2/);
  });

  test("beyond tolerance: 1, and which stage", async () => {
    const copy = copyOf("act");
    const path = join(copy, "golden.safetensors");
    const bytes = readFileSync(path);
    // The last tensor says which steps are padding: four more are.
    bytes.fill(1, bytes.length - 4);
    writeFileSync(path, bytes);
    expect(await bidden("policy", "check", copy, "--json")).toBe(1);
    const { pass, folders } = JSON.parse(out) as { pass: boolean; folders: { stages: { pass: boolean }[] }[] };
    expect(pass).toBe(false);
    expect(folders[0]?.stages.filter((stage) => !stage.pass).length).toBeGreaterThan(0);
  });

  test("weights that are cut short: 1, with file, expected and got", async () => {
    const copy = copyOf("act");
    truncateSync(join(copy, "model.safetensors"), 100_000);
    expect(await bidden("policy", "check", copy)).toBe(1);
    expect(out).toMatch(/model\.safetensors, tensor ".*": expected .*; came /);
  });

  test("nothing there: 3, and how to get it", async () => {
    expect(await bidden("policy", "info", "lerobot/never_pulled_before")).toBe(3);
    expect(err).toContain("`bidden policy pull lerobot/never_pulled_before` fetches it");
  });
});

describe("bidden run with a published policy", () => {
  const map = {
    cameras: { "observation.images.cam0": "front", "observation.images.cam1": "wrist" },
    state: ["joint1Rad", "joint2Rad", "joint3Rad", "toolXM", "toolYM"],
    action: { kind: "ee-delta-7", order: [0, 1, 2, 3, 3, 3, 3], scale: [0.02, 0.02, 0.02, 0, 0, 0, 0] },
    stepMs: 100,
  };

  test("stops before anything moves until the checkpoint is matched with the robot; then it drives", async () => {
    const at = join(folder, "to-run");
    await bidden("policy", "make", "act", at);
    const run = ["run", "pick up the red block", "--json", "--policy", at, "--max-seconds", "1"];
    expect(await bidden(...run)).toBe(3);
    expect(err).toMatch(
      /does not fit the robot "panda" yet: cameras\.observation\.images\.cam0: .*state: .*action: .*stepMs/,
    );
    writeFileSync(join(at, "embodiment.json"), JSON.stringify(map));
    expect(await bidden(...run)).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ verdict: "failed" });
  }, 180_000);
});
