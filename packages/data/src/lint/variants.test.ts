/** Faults of known kinds in datasets of other sizes, rates and units than the samples; and clean ones of those. */

import { createRng } from "@bidden/runtime";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../dataset/types.ts";
import { MemoryStore } from "../files/memory-store.ts";
import { openLeRobot } from "../lerobot/reader.ts";
import { openStoreRecorder } from "../lerobot/recorder.ts";
import { MACHINE } from "../lerobot/recorder.test-kit.ts";
import { lintAnyFormat } from "./any-format.ts";
import { lintLeRobot } from "./lint.ts";
import type { Finding } from "./types.ts";

type Shape = {
  readonly fps: number;
  readonly dof: number;
  readonly lengths: readonly number[];
  readonly gripperOpen: number;
};

const SHAPES: readonly (readonly [string, Shape])[] = [
  ["7 numbers at 30 Hz", { fps: 30, dof: 7, lengths: [53, 40, 61, 36, 45, 58, 43, 50], gripperOpen: 1 }],
  [
    "short episodes at 10 Hz, gripper in metres",
    { fps: 10, dof: 7, lengths: [25, 31, 28, 40, 22, 35, 30, 27], gripperOpen: 0.08 },
  ],
  [
    "14 numbers at 50 Hz, gripper in percent",
    { fps: 50, dof: 14, lengths: [120, 90, 99, 141, 130, 110], gripperOpen: 100 },
  ],
];

/** float64[length][dof] an episode: joints on waves with noise, the last number a gripper that opens. */
type Episode = { states: number[][]; actions: number[][]; task: string };

function episodesOf({ fps, dof, lengths, gripperOpen }: Shape): Episode[] {
  return lengths.map((length, episode) => {
    const rng = createRng(900 + episode);
    const waves = Array.from({ length: dof - 1 }, () => [
      0.2 + 0.7 * rng.uniform(),
      0.15 + 0.35 * rng.uniform(),
      6.28 * rng.uniform(),
    ]);
    const states = Array.from({ length: length + 1 }, (_, frame) => [
      ...waves.map(
        ([size = 0, rate = 0, phase = 0]) =>
          size * Math.sin((6.28 * rate * frame) / fps + phase) + 0.002 * rng.normal(),
      ),
      gripperOpen / (1 + Math.exp(-(frame - length * 0.55) * 0.6)),
    ]);
    const actions = states
      .slice(1)
      .map((row) => row.map((value, d) => (d === dof - 1 ? value : value + 0.001 * rng.normal())));
    return {
      states: states.slice(0, -1),
      actions,
      task: ["stack the cups", "press the button"][episode % 2] as string,
    };
  });
}

async function recorded({ fps, dof }: Shape, episodes: readonly Episode[]): Promise<MemoryStore> {
  const names = Array.from({ length: dof }, (_, d) => (d === dof - 1 ? "gripper.pos" : `joint_${d}.pos`));
  const feature = { dtype: "float32", shape: [dof], names } as const;
  const store = new MemoryStore([]);
  const features = { "observation.state": feature, action: feature };
  const recorder = await openStoreRecorder(store, { robotType: "arm", fps, features }, MACHINE);
  for (const { states, actions, task } of episodes) {
    recorder.begin({ task });
    for (const [i, state] of states.entries())
      recorder.addFrame({ "observation.state": state, action: actions[i] as number[] });
    await recorder.end();
  }
  await recorder.close();
  return store;
}

const told = (findings: readonly Finding[]): string[] =>
  findings
    .filter((own) => own.severity !== "info")
    .map((own) => `${own.rule} ${own.episode ?? ""} ${own.frame ?? ""}`.trim());

describe.each(SHAPES)("%s", (_name, shape) => {
  const lint = async (change: (episodes: Episode[]) => void): Promise<string[]> => {
    const episodes = episodesOf(shape);
    change(episodes);
    return told(await lintLeRobot(await recorded(shape, episodes)));
  };
  const set = (rows: number[][], frame: number, d: number, change: (value: number) => number): void => {
    const row = rows[frame] as number[];
    row[d] = change(row[d] as number);
  };

  it("is clean", async () => {
    expect(await lint(() => undefined)).toEqual([]);
  });

  it.each([6, -9, 2])("one action off by %d is an outlier", async (by) => {
    expect(await lint((own) => set(own[2]?.actions ?? [], 12, 1, (value) => value + by))).toEqual(["outlier 2 12"]);
  });

  it("a gripper turned around in one episode", async () => {
    const turn = (rows: number[][]): void => {
      for (const [frame] of rows.entries()) set(rows, frame, shape.dof - 1, (value) => shape.gripperOpen - value);
    };
    const findings = await lint((own) => [own[3]?.states ?? [], own[3]?.actions ?? []].forEach(turn));
    expect(findings).toEqual(["gripper-polarity 3"]);
  });

  it("is seen the same way when it lies in another format", async () => {
    const episodes = episodesOf(shape);
    set(episodes[1]?.states ?? [], 5, 0, () => Number.NaN);
    const dataset: Dataset = await openLeRobot(await recorded(shape, episodes));
    const findings = told(await lintAnyFormat(dataset));
    expect(findings.filter((own) => own.startsWith("non-finite"))).toEqual(["non-finite 1 5"]);
    await dataset.close();
  });
});
