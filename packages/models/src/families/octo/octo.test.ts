import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { GoldenCheck, type GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import { nodeEngine } from "../../checkpoint/load.node.ts";
import { folderSource } from "../../checkpoint/source.node.ts";
import { octo } from "./golden.ts";
import { batchMask, blockMask, octoRules, type TokenGroup } from "./mask.ts";
import { octoSchedule, sampleOcto } from "./sample.ts";

const DATA = fileURLToPath(new URL("../../../../../testdata/models/octo", import.meta.url));

test("masks and outputs under both rules, the head, and samples with recorded noise", async () => {
  const source = folderSource(DATA);
  const check = new GoldenCheck((await openGolden(source)) as GoldenSet);
  await octo.check(source, check, nodeEngine({ threads: 1 }));
  await source.close();
  expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
  expect(check.results.length).toBe(17);
  for (const { stage, relL2 } of check.results) expect([stage, relL2 < 5e-6]).toEqual([stage, true]);
});

const group = (name: string, kind: TokenGroup["kind"], tokens: number): TokenGroup => ({
  name,
  kind,
  tokens,
  rules: octoRules(name),
});
const GROUPS = [
  group("task_language", "prefix", 2),
  group("obs_primary", "timestep", 2),
  group("readout_action", "timestep", 2),
];

function drawn(correct: boolean): string[] {
  const mask = blockMask(GROUPS, { window: 1, correct });
  return Array.from({ length: 6 }, (_, i) => [...mask.subarray(i * 6, i * 6 + 6)].map((seen) => ".x"[seen]).join(""));
}

test("traps: the old lookup counts the first readout token as an observation", () => {
  expect(drawn(true)).toEqual(["xx....", "xx....", "xxxx..", "xxxx..", "xxxxxx", "xxxxxx"]);
  expect(drawn(false)).toEqual(["xx....", "xx....", "xxxxx.", "xxxxx.", "xxxxx.", "xxxxxx"]);
});

test("traps: nobody attends to padding, and time only runs backwards", () => {
  const mask = blockMask([GROUPS[0] as TokenGroup, group("obs_wrist", "timestep", 1)], { window: 2, correct: true });
  expect([...mask]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]);
  expect([...batchMask(mask, Uint8Array.of(1, 0, 1, 1)).subarray(12)]).toEqual([1, 0, 1, 1]);
  const rules = { "obs_*": "current", "task_*": "strict-past" } as const;
  const other = blockMask([GROUPS[0] as TokenGroup, { ...group("obs_wrist", "timestep", 1), rules }], {
    window: 2,
    correct: true,
  });
  expect([...other.subarray(8)]).toEqual([1, 1, 1, 0, 1, 1, 0, 1]);
});

test("traps: masked dimensions end as noise, steps stay within 5", async () => {
  const schedule = octoSchedule(20);
  const noise = new Float32Array(4).fill(9);
  const network = (x: Float32Array): Promise<Float32Array> => Promise.resolve(x.map(() => -100));
  const x = await sampleOcto(schedule, noise, () => Float32Array.of(1, 1, 1, 1), network, { actionDim: 2, usedDim: 1 });
  expect([x[0], x[2]]).toEqual([5, 5]);
  expect(x[1]).toBeCloseTo(Math.sqrt(1 - (schedule.alphaHats[0] as number)), 6);
});
