import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { LoopEvent, PolicyInfo } from "@bidden/runtime";
import { pandaEmbodiment } from "@bidden/sim";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type LiveRecording, openLiveRecording } from "./recording.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bidden-live-"));
});
afterAll(() => rm(root, { recursive: true }));

const state = new Float32Array(pandaEmbodiment.stateNames.length);
const cameras = { front: { width: 8, height: 6 } };
const step: LoopEvent = {
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
const end: LoopEvent = {
  type: "end",
  atMs: 200,
  instruction: "wave",
  outcome: { verdict: "done", reason: "", believedDone: true, moved: true },
};

type Opened = { readonly recording: LiveRecording; readonly world: MessagePort; readonly troubles: string[] };

async function open(folder: string): Promise<Opened> {
  const { port1: world, port2: observations } = new MessageChannel();
  const troubles: string[] = [];
  const policy = { name: "expert", modelDigest: "" } as PolicyInfo;
  const onTrouble = (sentence: string): void => void troubles.push(sentence);
  const recording = await openLiveRecording({ folder, cameras, policy, observations, onTrouble });
  return { recording, world, troubles };
}

/** One instruction from its beginning to its end. */
async function live({ recording, world }: Opened): Promise<void> {
  recording.begin("wave", 7);
  const image = { ...cameras.front, data: new Uint8Array(144) };
  world.postMessage({ id: "o", cameras: { front: { image, fovY: 1, baseFromCamera: new Float64Array(12) } }, state });
  // observations and steps come on different channels
  await new Promise((resolve) => setTimeout(resolve, 50));
  recording.hear(step);
  recording.hear(end);
}

test.runIf(existsSync("/dev/full"))("a disk that fills up is told once, and the session goes on", async () => {
  const folder = join(root, "runs");
  const opened = await open(folder);
  const { recording, world, troubles } = opened;
  await live(opened);
  await vi.waitFor(() => expect(recording.episodes).toBe(1), 10_000);
  // /dev/full takes nothing, as a full disk does
  await mkdir(join(folder, ".bidden"), { recursive: true });
  await symlink("/dev/full", join(folder, ".bidden/commit.json.new"));
  await live(opened);
  await vi.waitFor(() => expect(troubles).toHaveLength(1), 10_000);
  expect(troubles[0]).toMatch(/^Nothing is recorded any more: The disk is full/);
  await live(opened);
  await recording.close();
  world.close();
  expect(troubles).toHaveLength(1);
  expect(recording).toMatchObject({ episodes: 1, broken: true });
});

test("a folder that cannot be made is an error before anything moves", async () => {
  await expect(open("/dev/null/x")).rejects.toMatchObject({
    code: "bad-argument",
    message: expect.stringMatching(/Cannot make the folder \/dev\/null\/x to record to/),
  });
});
