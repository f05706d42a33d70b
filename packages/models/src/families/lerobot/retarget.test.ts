import { readSafetensors, type TensorData } from "@bidden/tensor";
import { describe, expect, test } from "vitest";
import { openCheckpoint } from "../../checkpoint/checkpoint.ts";
import { openVariant } from "../../checkpoint/overlay.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { act } from "../act/act.ts";
import { madeFiles } from "../made-files.ts";
import { smolvla } from "../smolvla/smolvla.ts";
import { type DatasetFacts, retarget } from "./retarget.ts";

const list = (count: number, from: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const facts: DatasetFacts = {
  cameras: { "observation.images.front": { width: 40, height: 32 } },
  stateNames: ["aRad", "bRad", "cRad"],
  actionNames: ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"],
  stepMs: 100,
  statistics: {
    "observation.images.front": { mean: [[[0.1]], [[0.2]], [[0.3]]], std: [[[0.4]], [[0.5]], [[0.6]]] },
    "observation.state": { mean: list(3, 1), std: list(3, 4) },
    action: { mean: list(7, 10), std: list(7, 20) },
  },
};

async function retargeted(files: Map<string, Uint8Array>, change: Partial<DatasetFacts> = {}) {
  const base = await openCheckpoint(memorySource(files));
  const own = await retarget(base, { ...facts, ...change });
  const bytes = [...own].map(
    ([name, text]) => [name, typeof text === "string" ? new TextEncoder().encode(text) : text] as const,
  );
  return { own: new Map(bytes), checkpoint: await openVariant(memorySource(new Map(bytes)), memorySource(files)) };
}

describe("a checkpoint for a dataset's robot", () => {
  test("sees its cameras, reads its state, and normalises by its statistics", async () => {
    const files = madeFiles(smolvla.make?.({ size: "tiny", dims: {}, seed: 1 }) as never);
    const { own, checkpoint } = await retargeted(files);
    const info = await smolvla.describe(checkpoint);
    expect(info.cameras.map(({ name, recorded }) => [name, recorded])).toEqual([
      ["observation.images.front", { width: 40, height: 32 }],
    ]);
    expect([info.state.dim, info.action.dim]).toEqual([3, 7]);
    const stored = [...own].find(([name]) => /^policy_preprocessor.*safetensors$/.test(name))?.[1] as Uint8Array;
    expect([...((readSafetensors(stored).tensors.get("action.std") as TensorData).data as Float32Array)]).toEqual(
      list(7, 20),
    );
    const embodiment = JSON.parse(new TextDecoder().decode(own.get("embodiment.json"))) as object;
    expect(embodiment).toEqual({ state: facts.stateNames, action: { kind: "ee-delta-7" }, stepMs: 100 });
  });

  test("weights that are made for another number of joints are refused when they are bound", async () => {
    const files = madeFiles(act.make?.({ size: "tiny", dims: { cameras: 1 }, seed: 1 }) as never);
    const { checkpoint } = await retargeted(files);
    const opened = act.train?.(checkpoint, { batch: 1, instructions: [], seed: 1 });
    await expect(opened).rejects.toThrow(/expected shape \[32, 3\]; came \[32, 5\]/);
  });

  test("a statistic that is missing is named; actions of other names are left to a person", async () => {
    const files = madeFiles(smolvla.make?.({ size: "tiny", dims: {}, seed: 1 }) as never);
    const statistics = { ...facts.statistics, action: { mean: list(7, 10) } };
    await expect(retargeted(files, { statistics })).rejects.toThrow('"action.std"');
    const { own } = await retargeted(files, { actionNames: facts.actionNames.map((name) => `other ${name}`) });
    expect(Object.keys(JSON.parse(new TextDecoder().decode(own.get("embodiment.json"))) as object)).toEqual([
      "state",
      "stepMs",
    ]);
  });
});
