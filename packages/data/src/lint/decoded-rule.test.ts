import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Image } from "@bidden/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { loadCodecs } from "../video/codecs.node.ts";
import { readVideoTrack } from "../media/mp4.ts";
import { checkDecoded } from "./decoded-rule.ts";
import { lintLeRobot } from "./lint.ts";
import type { Finding, RawDataset } from "./types.ts";

let base = "";
beforeAll(async () => {
  base = await fs.mkdtemp(join(tmpdir(), "bidden-decoded-"));
});
afterAll(() => fs.rm(base, { recursive: true, force: true }));

const SIDE = 64;
const SQUARE = 8;
const FRAMES = 40;

/** Squares that walk, each at its own pace; those with `stale` stand where they were one frame before. */
function walkers(frame: number, stale: (square: number) => boolean): Image {
  const data = new Uint8Array(SIDE * SIDE * 3).fill(90);
  for (let square = 0; square < 6; square++) {
    const at = Math.max(0, frame - (stale(square) ? 1 : 0));
    const x = Math.floor((at * (3 + square) + square * 11) % (SIDE - SQUARE));
    for (let y = 0; y < SQUARE; y++)
      data.fill(30 + square * 40, ((square * 10 + y) * SIDE + x) * 3, ((square * 10 + y) * SIDE + x + SQUARE) * 3);
  }
  return { width: SIDE, height: SIDE, data };
}

async function record(name: string, gop: number, stale: (frame: number, square: number) => boolean): Promise<string> {
  const path = join(base, name);
  const recorder = await openRecorder(path, {
    robotType: "arm",
    fps: 30,
    features: {
      action: { dtype: "float32", shape: [2] },
      "observation.images.front": { dtype: "video", shape: [SIDE, SIDE, 3], names: ["height", "width", "channels"] },
    },
    video: { codec: "h264", gop },
  });
  for (let episode = 0; episode < 2; episode++) {
    recorder.begin({ task: "walk" });
    for (let frame = 0; frame < FRAMES; frame++) {
      recorder.addFrame({
        action: [Math.sin(frame + episode), Math.cos(frame * 0.7)],
        "observation.images.front": walkers(frame + episode * 100, (square) => stale(frame, square)),
      });
    }
    await recorder.end();
  }
  await recorder.close();
  return path;
}

const ofPictures = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ rule }) => rule.startsWith("video-"));
const lint = async (path: string): Promise<Finding[]> =>
  ofPictures(await lintLeRobot(createFolderStore(path), loadCodecs));

describe("pictures that an encoder lost", () => {
  it("are found where frames between keyframes show older content, wholly or in part", async () => {
    const whole = await lint(await record("whole", 2, (frame) => frame % 2 === 1));
    expect(whole).toMatchObject([
      { rule: "video-lost-content", severity: "warning", episode: 0, column: "observation.images.front" },
    ]);
    expect(whole[0]?.evidence).toMatch(/at \d+ of \d+ keyframes more changes into the keyframe than after it/);
    const part = await lint(await record("part", 2, (frame, square) => frame % 2 === 1 && square !== 2));
    expect(part.map(({ rule }) => rule)).toEqual(["video-lost-content"]);
    expect(await lintLeRobot(createFolderStore(join(base, "part")))).toEqual([]);
  });

  it("are not where everything moves, nor where keyframes are far apart", async () => {
    expect(await lint(await record("clean", 2, () => false))).toEqual([]);
    expect(await lint(await record("far", 12, () => false))).toEqual([]);
  });

  it("are not in what LeRobot recorded", async () => {
    for (const name of ["lerobot/arm-h264-deleted", "lerobot/arm-v21-video", "lint/clean-video"])
      expect(await lint(join(GOLDEN, name))).toEqual([]);
  });

  it("are in what SVT-AV1 4.1.0 made at LeRobot's defaults", async () => {
    const path = "video/av1-lost-content.mp4";
    const store = createFolderStore(GOLDEN);
    const file = await store.open(path);
    const track = await readVideoTrack(file, path);
    await file.close();
    const camera = "observation.images.front";
    const video = { path, from: 0, to: track.frames / 30 };
    const raw = {
      store,
      info: { fps: 30 },
      cameras: [camera],
      episodes: [{ index: 7, length: track.frames, videos: { [camera]: video } }],
      videos: new Map([[path, track]]),
    };
    const findings = await checkDecoded(raw as unknown as RawDataset, await loadCodecs());
    expect(findings).toMatchObject([{ rule: "video-lost-content", episode: 7, column: camera }]);
  });

  it("says which video does not decode", async () => {
    const path = join(base, "broken");
    await fs.cp(join(GOLDEN, "lint/clean-video"), path, { recursive: true });
    const videos = (await fs.readdir(path, { recursive: true })).filter((file) => file.endsWith(".mp4"));
    const file = join(path, videos.sort()[0] as string);
    const bytes = await fs.readFile(file);
    bytes.fill(0xff, bytes.indexOf("mdat") + 8);
    await fs.writeFile(file, bytes);
    const [finding] = await lint(path);
    expect(finding).toMatchObject({ rule: "video-undecodable", severity: "error", episode: 0 });
    expect(finding?.evidence).toMatch(/frame \d+ at offset \d+ cannot be decoded/);
  });
});
