import { checkPolicy, createRng, type Observation } from "@bidden/runtime";
import { initParameters, type TensorData, writeSafetensors } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { beforeAll, describe, expect, it } from "vitest";
import type { InstructionEncoder } from "../text/instruction-encoder.ts";
import { loadMinilm } from "../text/minilm.node.ts";
import { type TabletopConfig, tabletopConfig } from "./config.ts";
import { tabletopGraphs } from "./graphs.ts";
import { loadTabletopPolicy } from "./load.node.ts";
import { createTabletop, halfPrecision, type TabletopPolicy } from "./policy.ts";

/** The real shape in small: every part is there. */
const config: TabletopConfig = {
  ...tabletopConfig,
  cameras: [
    { name: "front", grid: { width: 24, height: 16, stride: 8, window: 12 } },
    { name: "wrist", grid: { width: 16, height: 16, stride: 8, window: 12 } },
  ],
  width: 16,
  heads: 2,
  mlpWidth: 16,
  stemWidth: 8,
  patchWidth: 16,
  motorWidth: 16,
  horizon: 4,
  stateNames: ["toolXM", "toolYM", "toolZM", "gripperWidthM", "gripperCommand"],
  attributes: [{ name: "colour", values: ["red", "blue"] }],
  answers: ["yes", "no"],
};

function weightsOf(seed: number): Map<string, TensorData> {
  const rng = createRng(seed);
  return new Map(tabletopGraphs(config).flatMap((graph) => [...initParameters(graph, rng)]));
}

function observe(instruction: string, seed = 1): Observation {
  const rng = createRng(seed);
  const view = (width: number, height: number) => ({
    image: { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => rng.below(256)) },
    fovY: 0.8,
    baseFromCamera: Float64Array.of(1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0.6),
  });
  return {
    id: "o1",
    captureNs: 5_000_000n,
    cameras: { front: view(24, 16), wrist: view(16, 16) },
    state: Float32Array.of(0.45, 0, 0.25, 0.08, 1),
    history: [],
    instruction,
  };
}

let encoder: InstructionEncoder;
let policy: TabletopPolicy;
beforeAll(async () => {
  encoder = await loadMinilm({ threads: 1 });
  const files = { weights: writeSafetensors(weightsOf(1)), config };
  policy = await createTabletop(files, encoder, createSession, { threads: 1 });
});

describe("tabletop policy", () => {
  it.each(["regression", "flow"])("answers with a chunk and a belief, repeatably: %s", async (head) => {
    const observation = observe("pick up the red block");
    const chunk = await policy.infer(observation, { seed: 3, head });
    expect(chunk.values).toHaveLength(4 * 7);
    expect(chunk.values.every(Number.isFinite)).toBe(true);
    expect(chunk.startNs).toBe(observation.captureNs);
    expect(chunk.origin).toMatchObject({ source: `policy:tabletop/${head}`, observationId: "o1", seed: 3 });
    expect(chunk.origin.modelDigest).toMatch(/^[0-9a-f]{64}$/);
    const again = await policy.infer(observation, { seed: 3, head });
    expect(again.values).toEqual(chunk.values);
    for (const pointing of chunk.belief.pointing) {
      const heat = Object.values(pointing.heat).flatMap(({ values }) => [...values]);
      expect(heat.reduce((a, b) => a + b, 0) + pointing.nowhere).toBeCloseTo(1, 4);
    }
  });

  it("samples other chunks from other seeds with the flow head only", async () => {
    const observation = observe("push it");
    const of = async (head: string, seed: number) => (await policy.infer(observation, { seed, head })).values;
    expect(await of("flow", 1)).not.toEqual(await of("flow", 2));
    expect(await of("regression", 1)).toEqual(await of("regression", 2));
  });

  it("listens to words, pictures, body and hints", async () => {
    const base = await policy.infer(observe("pick up the red block"), { seed: 1 });
    const changed = [
      observe("put it on the plate"),
      observe("pick up the red block", 2),
      { ...observe("pick up the red block"), state: Float32Array.of(0.5, 0.1, 0.1, 0, 0) },
      { ...observe("pick up the red block"), hints: { act: [0.6, 0.2, 0.02] as const } },
    ];
    for (const observation of changed) {
      expect((await policy.infer(observation, { seed: 1 })).values).not.toEqual(base.values);
    }
  });

  it("passes the conformance suite of policies", async () => {
    expect(await checkPolicy(policy, { observation: () => observe("lift the block") })).toEqual([]);
  });

  it("says what is missing in an observation or a request", async () => {
    const { front } = observe("x").cameras as Required<Observation["cameras"]>;
    const blind = { ...observe("pick"), cameras: { front: front as NonNullable<typeof front> } };
    await expect(policy.infer(blind, { seed: 1 })).rejects.toThrow(/camera "wrist"/);
    await expect(policy.infer(observe("pick"), { seed: 1, head: "diffusion" })).rejects.toThrow(/regression and flow/);
  });
});

describe("tabletop checkpoints", () => {
  const open = (weights: Uint8Array, changed: object = {}) =>
    createTabletop({ weights, config: { ...config, ...changed } as TabletopConfig }, encoder, createSession);

  it("name the tensor that is missing or has another shape", async () => {
    const tensors = weightsOf(1);
    tensors.delete("motor.0.weight");
    await expect(open(writeSafetensors(tensors))).rejects.toThrow(/"motor.0.weight".*came nothing/);
    tensors.set("motor.0.weight", { dtype: "float32", shape: [2], data: new Float32Array(2) });
    await expect(open(writeSafetensors(tensors))).rejects.toThrow(/came float32 \[2\]/);
  });

  it("may be stored in half precision", async () => {
    const whole = writeSafetensors(weightsOf(1));
    const half = halfPrecision(whole);
    expect(half.length).toBeLessThan(0.55 * whole.length);
    const small = await open(half);
    const [a, b] = await Promise.all([policy, small].map((one) => one.infer(observe("lift the can"), { seed: 1 })));
    b?.values.forEach((value, i) => expect(value).toBeCloseTo(a?.values[i] as number, 3));
    await small.close();
  });

  it("refuse another version, broken bytes and a folder that is none", async () => {
    await expect(open(writeSafetensors(weightsOf(1)), { version: 1 })).rejects.toThrow(/version 4, not 1/);
    await expect(open(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: "bad-checkpoint" });
    await expect(loadTabletopPolicy("no/such/folder")).rejects.toThrow(/is no tabletop checkpoint/);
  });
});
