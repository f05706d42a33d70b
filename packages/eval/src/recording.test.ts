import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset } from "@bidden/data/node";
import type { LoopEvent, Observation, PolicyInfo } from "@bidden/runtime";
import { pandaEmbodiment } from "@bidden/sim";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRunRecording, type RunRecording } from "./recording.node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bidden-recording-"));
});
afterAll(() => rm(root, { recursive: true }));

const state = new Float32Array(pandaEmbodiment.stateNames.length);
const cameras = { front: { width: 8, height: 6 } };
const policy = { name: "expert", modelDigest: "" } as PolicyInfo;
const observation: Observation = {
  id: "o",
  captureNs: 0n,
  cameras: {
    front: { image: { ...cameras.front, data: new Uint8Array(144) }, fovY: 1, baseFromCamera: new Float64Array(12) },
  },
  state,
  history: [],
  instruction: "wave",
};
const step: Extract<LoopEvent, { type: "step" }> = {
  type: "step",
  atMs: 100,
  startMs: 0,
  askId: "o",
  state,
  action: new Float32Array(7),
  jointRad: new Float64Array(7),
  verdict: { kind: "ok", reason: null, share: 1 },
  mode: "nominal",
};

function live(recording: RunRecording): void {
  recording.begin("wave", 7, policy);
  recording.see(observation);
  recording.hear(step);
}

test.runIf(existsSync("/dev/full"))("a disk that fills up is told; what was recorded before is whole", async () => {
  const recording = await openRunRecording(join(root, "runs"), { embodiment: pandaEmbodiment, cameras });
  live(recording);
  expect(await recording.end()).toBe(true);
  // /dev/full takes nothing, as a full disk does
  await mkdir(join(root, "runs/.bidden"), { recursive: true });
  await symlink("/dev/full", join(root, "runs/.bidden/commit.json.new"));
  live(recording);
  await expect(recording.end()).rejects.toMatchObject({
    code: "disk-full",
    message: expect.stringMatching(/The disk is full .* Episodes that were ended before are safe/),
  });
  await recording.close();
  const dataset = await openDataset(join(root, "runs"));
  expect(dataset.episodeCount).toBe(1);
  expect((await dataset.episode(0)).length).toBe(1);
  await dataset.close();
});

test("an instruction in which nothing was done leaves no episode", async () => {
  const recording = await openRunRecording(join(root, "none"), { embodiment: pandaEmbodiment, cameras });
  recording.begin("wave", 7, policy);
  expect(await recording.end()).toBe(false);
  await recording.close();
});
