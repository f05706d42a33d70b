import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { convertToLeRobot, convertToV21 } from "../convert/convert.node.ts";
import { keepEpisodes, mergeDatasets, renameDataset, trimDataset } from "../edit/edit.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { lintLeRobot } from "../lint/lint.ts";
import { readVideoTrack } from "../media/mp4.ts";
import { planCut } from "../media/mp4-copy.ts";
import { readVideoSamples, type VideoSamples } from "../media/mp4-samples.ts";
import { openDataset } from "../open.node.ts";
import { openRecorder } from "./open.node.ts";
import { LeRobotReader, openLeRobot } from "./reader.ts";
import { pickEpisodes } from "./rewrite.ts";
import { resumeAt } from "../video/stretch.ts";
import { verifyRewrite } from "./verify-rewrite.ts";

const base = fs.mkdtempSync(join(tmpdir(), "bidden-rewrite-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
const lerobot = (path: string) => openLeRobot(createFolderStore(path));
const golden = (name: string): string => join(GOLDEN, name);

async function rules(path: string): Promise<string[]> {
  return (await lintLeRobot(createFolderStore(path)))
    .filter(({ severity }) => severity === "error")
    .map(({ rule }) => rule);
}

describe("rewriting LeRobot datasets with videos", () => {
  it("deletes and merges by copying packets", async () => {
    const source = golden("lerobot/arm-h264-deleted");
    const [some, others, merged] = [join(base, "some"), join(base, "others"), join(base, "merged")];
    await keepEpisodes(source, some, (episode) => episode !== 1);
    await keepEpisodes(source, others, (episode) => episode === 1);
    await mergeDatasets([some, others], merged);
    expect(await rules(merged)).toEqual([]);
    const [before, after] = [await lerobot(source), await lerobot(merged)];
    const picks = pickEpisodes(before);
    const moved = picks.filter(({ episode }) => episode !== 1).concat(picks.filter(({ episode }) => episode === 1));
    expect(await verifyRewrite(moved, after)).toBeGreaterThan(500);
    expect(after.episodeCount).toBe(before.episodeCount);
    // One file a camera: they fit behind each other.
    expect(fs.readdirSync(join(merged, "videos/observation.images.front/chunk-000"))).toEqual(["file-000.mp4"]);
    await expect(verifyRewrite(picks, after)).rejects.toThrow(/is not what the source has/);
    await Promise.all([before.close(), after.close()]);
  });

  it("v2.1 to v3.0 to v2.1: everything arrives, statistics of videos too", async () => {
    const source = golden("lerobot/arm-v21-video");
    const [v3, v21] = [join(base, "v3"), join(base, "v21")];
    expect((await convertToLeRobot(source, v3)).compared).toBeGreaterThan(500);
    expect((await convertToV21(v3, v21)).compared).toBeGreaterThan(500);
    expect(await rules(v3)).toEqual([]);
    expect(await rules(v21)).toEqual([]);
    const stats = (path: string) =>
      fs
        .readFileSync(join(path, "meta/episodes_stats.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    for (const [i, line] of stats(v21).entries()) {
      const truth = stats(source)[i].stats["observation.images.front"];
      for (const name of ["min", "max", "mean", "std", "count"])
        expect(line.stats["observation.images.front"][name]).toEqual(truth[name]);
    }
    const joined = JSON.parse(fs.readFileSync(join(v3, "meta/stats.json"), "utf8"));
    const expected = JSON.parse(
      fs.readFileSync(golden("lerobot/arm-v21-video-to-v30-smallfiles/meta/stats.json"), "utf8"),
    );
    for (const stat of ["min", "max", "mean", "std"]) {
      const [ours, theirs] = [joined, expected].map((all) => all["observation.images.front"][stat].flat(2)) as [
        number[],
        number[],
      ];
      for (const [c, value] of ours.entries()) expect(value).toBeCloseTo(theirs[c] as number, 5);
    }
    const readers = [await lerobot(source), await lerobot(v21)] as const;
    expect(readers[1].tasks).toEqual(readers[0].tasks);
    for (const reader of readers) await reader.close();
  });

  it("keeps language annotations and what else stands in info.json", async () => {
    const to = join(base, "language");
    await keepEpisodes(golden("lerobot/odd-language"), to, (episode) => episode !== 0);
    const [before, after] = [await lerobot(golden("lerobot/odd-language")), await lerobot(to)];
    expect(
      await verifyRewrite(
        pickEpisodes(before, (episode) => episode !== 0),
        after,
      ),
    ).toBeGreaterThan(20);
    expect(after.info.rest["tools"]).toEqual(before.info.rest["tools"]);
    await Promise.all([before.close(), after.close()]);
  });

  it("renames features, cameras and the robot", async () => {
    const to = join(base, "renamed");
    const features = new Map([
      ["observation.images.front", "observation.images.left"],
      ["observation.state", "state"],
    ]);
    await renameDataset(golden("lerobot/arm-h264-deleted"), to, { features, robotType: "so101" });
    const dataset = await openDataset(to);
    expect(dataset.robotType).toBe("so101");
    expect(Object.keys(dataset.features)).toContain("observation.images.left");
    expect(fs.existsSync(join(to, "videos/observation.images.left"))).toBe(true);
    expect(dataset instanceof LeRobotReader && dataset.features["observation.images.left"]?.info).toBeTruthy();
    await dataset.close();
    const again = (from: string, name: string) =>
      renameDataset(golden("lerobot/arm-images"), join(base, "no"), { features: new Map([[from, name]]) });
    await expect(again("action", "observation.state")).rejects.toThrow(/is taken/);
    await expect(again("action", "../evil")).rejects.toThrow(/must not/);
    await expect(again("acton", "x")).rejects.toThrow(/has no feature "acton"/);
    expect(fs.existsSync(join(base, "no"))).toBe(false);
    expect(fs.existsSync(join(base, "no.partial"))).toBe(false);
  });
});

describe("episodes that begin within a group of pictures", () => {
  it.each([
    ["lerobot/arm-h264-deleted", "avc3"],
    ["lerobot/arm-v21-video", "av01"],
  ])("%s: only the pictures up to the next keyframe are encoded anew", async (name, codec) => {
    const [source, to] = [golden(name), join(base, `cut-${codec}`)];
    const remarks: string[] = [];
    const remark = (sentence: string) => void remarks.push(sentence);
    await trimDataset(source, to, (_, length) => [1, length], { remark });
    expect(remarks[0]).toMatch(/began within a group of pictures: .* encoded anew and compared/);
    expect(await rules(to)).toEqual([]);
    const [before, after] = [await openDataset(source), await openDataset(to)];
    const camera = "observation.images.front";
    const [a, b] = [await before.read(1, { columns: [camera] }), await after.read(1, { columns: [camera] })];
    const [x, y] = [a.columns[camera], b.columns[camera]];
    if (x?.kind !== "images" || y?.kind !== "images") throw new TypeError("no pictures");
    expect(y.length).toBe(x.length - 1);
    let same = 0;
    for (let i = 0; i < y.length; i++) {
      const [p, q] = [(await x.image(i + 1)).data, (await y.image(i)).data];
      const off = p.reduce((sum, value, k) => sum + Math.abs(value - (q[k] as number)), 0) / p.length;
      expect(off).toBeLessThan(3);
      if (off === 0) same++;
    }
    expect(same).toBe(y.length - 1);
    await Promise.all([before.close(), after.close()]);
    const path = fs.readdirSync(to, { recursive: true }).find((file) => String(file).endsWith(".mp4"));
    const file = await createFolderStore(to).open(String(path));
    const track = await readVideoTrack(file, "cut");
    await file.close();
    expect(track.codec).toBe(codec);
    expect(track.keyframes?.slice(0, 2)).toEqual([0, 1]);
  });

  it("are copied from the first keyframe after which nothing is shown before it", () => {
    const piece = (from: number, frames: number) => ({
      open: () => Promise.reject(new TypeError("not to be opened")),
      samples: MIDDLE,
      from,
      frames,
      cut: planCut(MIDDLE, from, frames, "x"),
    });
    expect(resumeAt(piece(2, 8))).toBe(6);
    expect(resumeAt(piece(2, 3))).toBe(6);
    expect(resumeAt(piece(8, 4))).toBe(12);
  });
});

describe("capture times and sensors", () => {
  it("go along with their episodes, cut with their frames", async () => {
    const [from, to, short] = [join(base, "captured"), join(base, "captured-kept"), join(base, "captured-short")];
    const recorder = await openRecorder(from, {
      robotType: "arm",
      fps: 10,
      features: { action: { dtype: "float32", shape: [2] } },
    });
    for (let episode = 0; episode < 2; episode++) {
      recorder.begin({ task: "go" });
      for (let frame = 0; frame < 6; frame++) {
        const timeNs = BigInt(1000 * episode + 100 * frame);
        recorder.addFrame({ action: [frame, 0] }, { timeNs });
        recorder.addSample("force", timeNs + 50n, [episode, frame]);
      }
      await recorder.end();
    }
    await recorder.close();
    await keepEpisodes(from, to, (episode) => episode === 1);
    await trimDataset(from, short, () => [2, 4]);
    const [kept, cut] = [await lerobot(to), await lerobot(short)];
    expect((await kept.capture(0))?.frameTimesNs?.[5]).toBe(1500n);
    expect((await cut.capture(1))?.frameTimesNs).toEqual(BigInt64Array.of(1200n, 1300n));
    expect((await cut.capture(1))?.sensors["force"]?.values).toEqual(Float64Array.of(1, 2, 1, 3));
    await Promise.all([kept.close(), cut.close()]);
  });
});

/** Packets in decoding order: I P B B as encoders write them, two groups of 6 pictures. */
const MIDDLE: VideoSamples = {
  count: 12,
  width: 8,
  height: 8,
  timescale: 30,
  delta: 1,
  sampleEntry: new Uint8Array(0),
  offsets: Float64Array.from({ length: 12 }, (_, i) => i * 10),
  sizes: new Uint32Array(12).fill(10),
  keys: Uint8Array.from({ length: 12 }, (_, i) => (i % 6 === 0 ? 1 : 0)),
  shown: Int32Array.of(0, 3, 1, 2, 5, 4, 6, 9, 7, 8, 11, 10),
};

describe("which packets a stretch needs", () => {
  it("none but its own between keyframes", () => {
    expect(planCut(MIDDLE, 6, 6, "x")).toEqual({ first: 6, end: 12, lead: 0, tail: 0 });
  });
  it("those back to the keyframe, and those that its last pictures refer to", () => {
    expect(planCut(MIDDLE, 2, 3, "x")).toEqual({ first: 0, end: 6, lead: 2, tail: 1 });
    expect(planCut(MIDDLE, 0, 2, "x")).toEqual({ first: 0, end: 3, lead: 0, tail: 1 });
  });
  it("says when pictures are missing", () => {
    expect(() => planCut(MIDDLE, 10, 5, "x.mp4")).toThrow(/x.mp4: frames 10 to 14 are needed, 2 of these 5 are there/);
  });
  it("reads back what it writes, hidden pictures before the first", async () => {
    const { joinPieces } = await import("../media/mp4-copy.ts");
    const entry = new Uint8Array(102);
    new DataView(entry.buffer).setUint32(0, 102);
    entry.set(new TextEncoder().encode("stsd"), 4);
    const memory = (bytes: Uint8Array) => ({
      byteLength: bytes.length,
      slice: async (start: number, end = bytes.length) => new Uint8Array(bytes.subarray(start, end)).buffer,
      close: async () => undefined,
    });
    const samples = { ...MIDDLE, sampleEntry: entry };
    const file = memory(Uint8Array.from({ length: 120 }, (_, i) => i));
    const cut = planCut(samples, 8, 3, "x");
    const out = await joinPieces([{ open: async () => file, samples, from: 8, frames: 3, cut }]);
    const again = await readVideoSamples(memory(out), "out.mp4");
    expect([...again.shown]).toEqual([...samples.shown.subarray(cut.first, cut.end)].map((shown) => shown - 8));
    expect([...again.keys]).toEqual([1, 0, 0, 0, 0, 0]);
    expect(out.slice(again.offsets[0])).toEqual(new Uint8Array(Array.from({ length: 60 }, (_, i) => 60 + i)));
    expect(planCut(again, 0, 3, "x")).toEqual({ first: 0, end: cut.end - cut.first, lead: 2, tail: 1 });
  });
});
