import { BiddenError } from "@bidden/runtime";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../files/memory-store.ts";
import { fileError } from "../files/errors.ts";
import { openLeRobot } from "./reader.ts";
import { openStoreRecorder } from "./recorder.ts";
import {
  checkRecorded,
  FaultyStore,
  FEATURES,
  frameOf,
  MACHINE,
  OPTIONS,
  openTestRecorder,
  recordEpisode,
} from "./recorder.test-kit.ts";

/** Records until the fault kills it. @returns how many `end`s had resolved. */
async function recordUntilKilled(store: FaultyStore, episodes: number): Promise<number> {
  let ended = 0;
  try {
    const recorder = await openTestRecorder(store);
    for (let episode = recorder.episodeCount; episode < episodes; episode++) {
      await recordEpisode(recorder, episode);
      ended++;
    }
    await recorder.close();
  } catch (error) {
    if (!(error instanceof Error) || error.message !== "killed") throw error;
  }
  return ended;
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe("recording", () => {
  it("is read back value by value, over several sittings", async () => {
    const store = new MemoryStore();
    for (const last of [2, 5]) {
      const recorder = await openTestRecorder(store);
      for (let episode = recorder.episodeCount; episode < last; episode++) await recordEpisode(recorder, episode);
      await recorder.close();
    }
    expect(await checkRecorded(store)).toBe(5);
    expect([...store.files.keys()].filter((path) => path.startsWith(".bidden"))).toEqual([]);
    const dataset = await openLeRobot(store);
    expect(dataset.tasks).toEqual(["task 0", "task 1"]);
    expect((await dataset.episode(3)).extra).toEqual({ episode: 3, policy: "expert" });
    expect(dataset.frameCount).toBe(2 + 3 + 4 + 2 + 3);
  });

  it("killed before any change of the disk: ended episodes are whole, and recording goes on", async () => {
    const calls = new FaultyStore(new MemoryStore(), () => undefined);
    await recordUntilKilled(calls, 3);
    expect(calls.calls).toBeGreaterThan(40);
    for (let at = 0; at < calls.calls; at++) {
      const disk = new MemoryStore();
      let dead = false;
      const mortal = new FaultyStore(disk, ({ call }) => {
        dead ||= call === at;
        if (dead) throw new Error("killed");
      });
      const ended = await recordUntilKilled(mortal, 3);
      const recorder = await openTestRecorder(disk);
      // The episode that was being ended may be there or not, never half.
      expect([ended, ended + 1]).toContain(recorder.episodeCount);
      expect(await checkRecorded(disk), `killed at ${at}`).toBe(recorder.episodeCount);
      for (let episode = recorder.episodeCount; episode < 4; episode++) await recordEpisode(recorder, episode);
      await recorder.close();
      expect(await checkRecorded(disk), `killed at ${at}`).toBe(4);
    }
  });

  it.each([
    ["ENOSPC", "disk-full"],
    ["EACCES", "no-permission"],
    ["EIO", "bad-file"],
  ])("a disk that answers %s at any moment loses nothing, and end can be tried again", async (systemCode, code) => {
    const count = new FaultyStore(new MemoryStore(), () => undefined);
    await recordUntilKilled(count, 2);
    const codes: (string | undefined)[] = [];
    for (let at = 1; at < count.calls; at++) {
      const disk = new MemoryStore();
      let broken = false;
      const store = new FaultyStore(disk, ({ call, path }) => {
        if (call === at) broken = true;
        if (broken && !path.endsWith("lock.json")) throw fileError(systemError(systemCode), "writing", path);
      });
      /** Once more when the disk has been repaired. */
      const retry = async <T>(attempt: () => Promise<T>): Promise<T> => {
        try {
          return await attempt();
        } catch (error) {
          codes.push(error instanceof BiddenError ? error.code : undefined);
          broken = false;
          return await attempt();
        }
      };
      const recorder = await retry(() => openTestRecorder(store));
      for (let episode = 0; episode < 2; episode++) {
        recorder.begin({ task: `task ${episode % 2}`, extra: { episode } });
        for (let frame = 0; frame < (episode % 3) + 2; frame++) recorder.addFrame(frameOf(episode, frame));
        await retry(() => recorder.end());
      }
      await recorder.close();
      expect(await checkRecorded(disk), `${systemCode} at ${at}`).toBe(2);
    }
    expect(new Set(codes)).toEqual(new Set([code]));
    expect(codes.length).toBeGreaterThan(20);
  });

  it("says clearly that the disk is full or forbidden", () => {
    expect(fileError(systemError("ENOSPC"), "writing", "/data/x").message).toMatch(
      /disk is full.*ended before are safe/,
    );
    expect(fileError(systemError("EACCES"), "writing", "/data/x").message).toMatch(/No permission.*another folder/);
  });

  it("refuses to add to a dataset of other features, naming the field", async () => {
    const store = new MemoryStore();
    const recorder = await openTestRecorder(store);
    await recordEpisode(recorder, 0);
    await recorder.close();
    const attempt = (change: object) => openStoreRecorder(store, { ...OPTIONS, ...change }, MACHINE);
    const other = (name: string, feature: object) => ({
      features: { ...FEATURES, [name]: { ...FEATURES[name], ...feature } },
    });
    await expect(attempt({ fps: 20 })).rejects.toThrow(/10 frames a second, not 20/);
    await expect(attempt({ robotType: "so101" })).rejects.toThrow(/robot_type is "panda", not "so101"/);
    await expect(attempt(other("action", { shape: [7] }))).rejects.toThrow(/"action" has shape \[2\] in it, not \[7\]/);
    await expect(attempt(other("action", { dtype: "float64" }))).rejects.toThrow(
      /"action" is float32 in it, not float64/,
    );
    await expect(attempt(other("observation.state", { names: ["x", "y", "q"] }))).rejects.toThrow(
      /"observation.state" has other names/,
    );
    await expect(attempt({ features: { action: FEATURES["action"] } })).rejects.toThrow(
      /"observation.state", which is not given/,
    );
    expect(await checkRecorded(store)).toBe(1);
  });

  it("refuses frames that do not fit, and keeps nothing of them", async () => {
    const store = new MemoryStore();
    const recorder = await openTestRecorder(store);
    expect(() => recorder.addFrame(frameOf(0, 0))).toThrow(/no episode was begun/);
    recorder.begin({ task: "task 0", extra: { episode: 0 } });
    const good = frameOf(0, 0);
    expect(() => recorder.addFrame({ ...good, action: [1, 2, 3] })).toThrow(/"action" must be 2 numbers; got 3/);
    expect(() => recorder.addFrame({ ...good, speed: 1 })).toThrow(/"speed", which was not declared/);
    const small = { width: 4, height: 6, data: new Uint8Array(72) };
    expect(() => recorder.addFrame({ ...good, "observation.images.front": small })).toThrow(/8 x 6 pixels; got 4 x 6/);
    const { action, ...rest } = good;
    expect(action).toBeDefined();
    expect(() => recorder.addFrame(rest)).toThrow(/"action" must be.*got nothing/);
    await expect(recorder.end()).rejects.toThrow(/without frames/);
    recorder.addFrame(good);
    recorder.addFrame(frameOf(0, 1));
    await recorder.end();
    await recorder.close();
    expect(await checkRecorded(store)).toBe(1);
  });

  it("keeps a second writer out while the first lives", async () => {
    const store = new MemoryStore();
    const first = await openTestRecorder(store);
    const alive = { ...MACHINE, processes: { ...MACHINE.processes, pid: 2, isAlive: (pid: number) => pid === 1 } };
    await expect(openStoreRecorder(store, OPTIONS, alive)).rejects.toThrow(/being written by process 1 on here/);
    await first.close();
    const second = await openStoreRecorder(store, OPTIONS, alive);
    await second.close();
  });

  it("writes statistics of all values, not of episodes", async () => {
    const store = new MemoryStore();
    const recorder = await openTestRecorder(store);
    for (let episode = 0; episode < 6; episode++) await recordEpisode(recorder, episode);
    await recorder.close();
    const stats = JSON.parse(new TextDecoder().decode(store.files.get("meta/stats.json"))) as Record<
      string,
      Record<string, number[]>
    >;
    // Frames of each episode: 2, 3, 4, 2, 3, 4; the second action is the frame's number.
    const frames = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3];
    const mean = frames.reduce((sum, v) => sum + v, 0) / 18;
    expect(stats["action"]?.["mean"]?.[1]).toBeCloseTo(mean, 12);
    expect(stats["action"]?.["q50"]?.[1]).toBe(1);
    expect(stats["action"]?.["q90"]?.[1]).toBeCloseTo(2.3, 12);
    expect(stats["action"]?.["count"]).toEqual([18]);
    expect(stats["observation.images.front"]?.["mean"]).toHaveLength(3);
    expect(stats["observation.images.front"]?.["max"]?.[0]).toMatchObject([[expect.any(Number)]]);
    expect(stats["index"]?.["max"]).toEqual([17]);
  });
});
