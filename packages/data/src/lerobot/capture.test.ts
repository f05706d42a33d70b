import { expect, it } from "vitest";
import { MemoryStore } from "../files/memory-store.ts";
import { capturePath } from "./capture.ts";
import { openLeRobot } from "./reader.ts";
import { checkRecorded, frameOf, openTestRecorder, recordEpisode } from "./recorder.test-kit.ts";

/** Nanoseconds since 1970, where doubles would lose some. */
const START = 1_790_000_000_123_456_789n;

it("keeps real times and fast sensors beside what LeRobot reads", async () => {
  const store = new MemoryStore();
  const recorder = await openTestRecorder(store);
  recorder.begin({ task: "task 0", extra: { episode: 0, policy: "expert" } });
  const times: bigint[] = [];
  for (let frame = 0; frame < 2; frame++) {
    // Late by 7 ms now and then, which frame / fps does not say.
    const timeNs = START + BigInt(frame) * 107_000_001n;
    times.push(timeNs);
    recorder.addFrame(frameOf(0, frame), { timeNs });
    for (let i = 0; i < 50; i++)
      recorder.addSample("wrist/force", timeNs + BigInt(i) * 2_000_000n, [i, -i, frame + 0.5]);
  }
  recorder.addSample("battery", START, [24.5]);
  await recorder.end();
  await recordEpisode(recorder, 1);
  await recorder.close();
  const dataset = await openLeRobot(store);
  const { columns } = await dataset.read(0, { columns: ["timestamp"] });
  expect(columns["timestamp"]).toMatchObject({ values: Float32Array.of(0, 0.1) });
  const capture = await dataset.capture(0);
  expect(capture?.frameTimesNs).toEqual(BigInt64Array.from(times));
  expect(Object.keys(capture?.sensors ?? {})).toEqual(["wrist/force", "battery"]);
  const force = capture?.sensors["wrist/force"];
  expect([force?.size, force?.timesNs.length]).toEqual([3, 100]);
  expect(force?.timesNs[51]).toBe(START + 107_000_001n + 2_000_000n);
  expect(force?.values.subarray(51 * 3, 52 * 3)).toEqual(Float64Array.of(1, -1, 1.5));
  expect(capture?.sensors["battery"]?.values).toEqual(Float64Array.of(24.5));
  expect(await dataset.capture(1)).toBeNull();
  expect(await checkRecorded(store)).toBe(2);
  await dataset.close();
});

it("refuses times that fall, frames with and without, and samples of another size; a refused frame leaves nothing", async () => {
  const store = new MemoryStore();
  const recorder = await openTestRecorder(store);
  recorder.begin({ task: "task 0" });
  recorder.addFrame(frameOf(0, 0), { timeNs: 10n });
  expect(() => recorder.addFrame(frameOf(0, 1))).toThrow(/Either every frame/);
  expect(() => recorder.addFrame(frameOf(0, 1), { timeNs: 9n })).toThrow(/captured at 9 ns, before/);
  expect(() => recorder.addFrame({ nonsense: 1 }, { timeNs: 11n })).toThrow(/"nonsense", which was not declared/);
  recorder.addSample("force", 5n, [1, 2]);
  expect(() => recorder.addSample("force", 6n, [1])).toThrow(/2 numbers before and 1 now/);
  expect(() => recorder.addSample("force", 4n, [1, 2])).toThrow(/before the one before/);
  expect(() => recorder.addSample("", 4n, [1, 2])).toThrow(/cannot be named/);
  recorder.addFrame(frameOf(0, 1), { timeNs: 10n });
  await recorder.end();
  await recorder.close();
  const dataset = await openLeRobot(store);
  expect((await dataset.capture(0))?.frameTimesNs).toEqual(BigInt64Array.of(10n, 10n));
  store.files.set(capturePath(0), Uint8Array.of(1, 2, 3));
  await expect(dataset.capture(0)).rejects.toThrow(/not a whole parquet file/);
  await dataset.close();
});
