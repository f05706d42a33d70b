import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { MemoryStore } from "../files/memory-store.ts";
import { GOLDEN, readJson } from "../golden.test-kit.ts";
import { decodePng } from "../image/png.ts";
import { openDataset } from "../open.node.ts";
import { loadCodecs } from "./codecs.node.ts";
import { createVideoDecoder } from "./decoder.ts";
import type { VideoCodecs } from "./picture-decoder.ts";
import type { Planes } from "./planes.ts";
import { VideoFile } from "./video-file.ts";

type Expected = { native_planes_sha256: string[] };
const EXPECTED = readJson("video/expected.json") as Record<string, Expected>;

let codecs: VideoCodecs;
beforeAll(async () => {
  codecs = await loadCodecs();
});

const load = (name: string): Uint8Array => new Uint8Array(fs.readFileSync(join(GOLDEN, "video", `${name}.mp4`)));

function storeOf(bytes: Uint8Array): MemoryStore {
  return new MemoryStore([["a.mp4", bytes]]);
}

async function openBytes(bytes: Uint8Array): Promise<VideoFile> {
  return VideoFile.open(await storeOf(bytes).open("a.mp4"), "a.mp4", codecs);
}

function hash({ y, u, v }: Planes): string {
  return createHash("sha256").update(y).update(u).update(v).digest("hex").slice(0, 24);
}

describe.each(Object.entries(EXPECTED))("%s", (name, { native_planes_sha256: expected }) => {
  it("decodes every frame as FFmpeg does, to the byte", async () => {
    const video = await openBytes(load(name));
    const hashes: string[] = [];
    for (let place = 0; place < video.frames; place++) hashes.push(hash(await video.planes(place)));
    expect(hashes).toEqual(expected);
    await video.close();
  });

  it("gives the same frames in any order, also asked for at once", async () => {
    const video = await openBytes(load(name));
    const last = video.frames - 1;
    const places = [last, 0, 57 % video.frames, 3, 2, 41 % video.frames, last - 1, 1, 30, 31, 32, 20, 33, last];
    const hashes = await Promise.all(places.map(async (place) => hash(await video.planes(place))));
    expect(hashes).toEqual(places.map((place) => expected[place]));
    await video.close();
  });
});

it("colours as FFmpeg has them, up to rounding", async () => {
  const video = await openBytes(load("h264-longgop"));
  const ours = await video.frameAt(56 / 30);
  const theirs = decodePng(new Uint8Array(fs.readFileSync(join(GOLDEN, "video/h264-longgop-56.png"))), "expected");
  expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
  const differences = ours.data.map((value, i) => Math.abs(value - (theirs.data[i] as number)));
  expect(Math.max(...differences)).toBeLessThanOrEqual(3);
  expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(1);
  await expect(video.frameAt(56.4 / 30)).rejects.toThrow(/no frame at 1.8800 s; it has 113, one every 0.0333 s/);
  await expect(video.frameAt(99)).rejects.toThrow(/no frame at/);
  await video.close();
});

it.each(["arm-h264-deleted", "arm-v21-video", "arm-v21-video-to-v30-smallfiles"])(
  "%s: pictures of a dataset carry the numbers that were painted on them",
  async (name) => {
    const { loader_codes_camera_episode_frame: codes } = readJson(`lerobot-expected/${name}.json`) as {
      loader_codes_camera_episode_frame: Record<string, number[][]>;
    };
    const dataset = await openDataset(join(GOLDEN, "lerobot", name));
    let row = 0;
    for (let episode = 0; episode < dataset.episodeCount; episode++) {
      const { columns, length } = await dataset.read(episode, { columns: Object.keys(codes) });
      for (const frame of [0, 1, length - 1]) {
        for (const [camera, expected] of Object.entries(codes)) {
          const column = columns[camera];
          const image = column?.kind === "images" ? await column.image(frame) : null;
          expect(image === null ? null : readCode(image.data, image.width)).toEqual(expected[row + frame]);
        }
      }
      row += length;
    }
    await dataset.close();
  },
);

/** Blocks of 8 x 8 pixels from (8, 8), six in a row: 4 bits of magic, 4 of camera, 6 of episode, 8 of frame, 2 to check. */
function readCode(data: Uint8Array, width: number): number[] {
  const bits = Array.from({ length: 24 }, (_, i) => {
    const [x, y] = [8 + (i % 6) * 8 + 4, 8 + Math.floor(i / 6) * 8 + 4];
    return (data[(y * width + x) * 3] as number) > 128 ? 1 : 0;
  });
  const number = (from: number, to: number): number =>
    bits.slice(from, to).reduce<number>((sum, bit) => sum * 2 + bit, 0);
  return [number(4, 8), number(8, 14), number(14, 22)];
}

it("names a codec that it does not decode", async () => {
  const bytes = load("h264-longgop");
  const text = Buffer.from(bytes).toString("latin1");
  const at = text.indexOf("avc1", text.indexOf("stsd"));
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode("hev1"), at);
  await expect(openBytes(copy)).rejects.toThrow(/is a video of codec HEVC \(hev1\); bidden decodes AV1/);
});

it("says what to install when there are no decoders", async () => {
  const store = storeOf(load("av1"));
  const videos = createVideoDecoder(store, () =>
    Promise.reject(new BiddenError("unsupported", "npm install @bidden/codecs")),
  );
  await expect(videos.frameAt("a.mp4", 0)).rejects.toThrow(/npm install @bidden\/codecs/);
});

it.each(Object.keys(EXPECTED))("%s, damaged anywhere: pictures or an error of ours, in bounded time", async (name) => {
  const bytes = load(name);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 40 }),
      async (edits) => {
        const copy = bytes.slice();
        for (const [at, value] of edits) copy[at] = value;
        const error = await openBytes(copy)
          .then(async (video) => {
            for (const place of [0, video.frames >> 1, video.frames - 1]) await video.planes(place);
            await video.close();
            return null;
          })
          .catch((thrown: unknown) => thrown);
        if (error === null) return true;
        refused++;
        return error instanceof BiddenError;
      },
    ),
    { numRuns: 40 },
  );
  expect(refused).toBeGreaterThan(0);
});
