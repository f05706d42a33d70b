import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** A recording of bidden's, fine-tuned on, and what comes out in the simulator: the commands that a person types. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "bidden-finetune-"));
const data = join(folder, "shown");
const SENTENCE = "pick up the red can";

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

async function run(args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    return { code: 0, stdout, stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as Ended;
    return { code, stdout, stderr };
  }
}

const bidden = (...args: string[]): Promise<Ended> => run(["packages/cli/bin/bidden.js", ...args]);
const finetune = (...args: string[]): Promise<Ended> =>
  run(["--import", "tsx", "recipes/finetune.ts", "--data", data, "--batch", "4", "--threads", "1", ...args]);

beforeAll(async () => {
  await bidden("run", SENTENCE, "--seed", "7", "--headless", "--policy", "expert", "--record", data);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function curve(out: string): number[] {
  const lines = readFileSync(join(out, "curve.jsonl"), "utf8").trim().split("\n");
  return lines.map((line) => (JSON.parse(line) as { loss: number }).loss);
}

describe("the fine-tuning recipe", { timeout: 240_000 }, () => {
  test("ACT: the loss falls, a pause changes nothing, and what was trained moves the arm", async () => {
    const dims = join(folder, "dims.json");
    const sizes = { dim_model: 32, n_heads: 4, dim_feedforward: 32, backbone_planes: [8, 8, 8, 16], chunk_size: 6 };
    writeFileSync(dims, JSON.stringify({ ...sizes, n_action_steps: 6 }));
    const [whole, paused] = [join(folder, "whole"), join(folder, "paused")];
    const make = ["--family", "act", "--dims", dims, "--rate", "2e-3", "--steps", "30"];
    const straight = await finetune(...make, "--out", whole);
    expect(straight.stdout).toMatch(/step 30\/30, \d+ ms a step, 0 s left: loss/);
    const losses = curve(whole);
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
    expect((await finetune(...make, "--out", paused, "--stop-at", "13")).stdout).toContain("paused at step 13");
    expect((await finetune(...make, "--out", paused)).stderr).toContain("--resume goes on with it");
    await finetune(...make, "--out", paused, "--resume");
    const weights = (out: string): Buffer => readFileSync(join(out, "checkpoint", "model.safetensors"));
    expect(weights(paused).equals(weights(whole))).toBe(true);
    const policy = join(whole, "checkpoint");
    const drive = ["run", SENTENCE, "--seed", "7", "--json", "--policy", policy, "--max-seconds", "2"];
    const driven = JSON.parse((await bidden(...drive)).stdout) as { verdict: string; reason: string };
    expect(driven).toMatchObject({ verdict: "failed", reason: expect.stringContaining("not done within 2 s") });
  });

  test("SmolVLA: additions to the expert of a checkpoint, which opens again", async () => {
    const base = join(folder, "base");
    await bidden("policy", "make", "smolvla", "--size", "tiny", "--seed", "2", base);
    const out = join(folder, "smolvla");
    const trained = await finetune(
      "--checkpoint",
      base,
      "--train",
      "head",
      "--lora",
      "2",
      "--out",
      out,
      "--steps",
      "12",
    );
    expect(trained.stderr).toBe("");
    expect(curve(out).every(Number.isFinite)).toBe(true);
    const info = JSON.parse((await bidden("policy", "info", join(out, "checkpoint"), "--json")).stdout) as {
      readonly cameras: readonly { readonly name: string }[];
      readonly state: { readonly dim: number };
    };
    expect(info.cameras.map(({ name }) => name)).toEqual(["observation.images.front", "observation.images.wrist"]);
    expect(info.state.dim).toBe(16);
  });

  test("what it cannot do, it says", async () => {
    expect((await finetune("--out", join(folder, "none"))).stderr).toContain("--checkpoint or --family is needed");
    const large = await finetune("--family", "act", "--out", join(folder, "large"), "--batch", "100000");
    expect(large.stderr).toContain("fewer than a batch of 100000");
  });
});
