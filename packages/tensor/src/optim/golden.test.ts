/** AdamW, clipping, schedules and the moving average against PyTorch, diffusers and LeRobot (testdata/tensor/optim). */
import { readFileSync } from "node:fs";
import { invariant } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createSession, createTrainer } from "../index.node.ts";
import * as t from "../index.ts";
import { learningRate, type Schedule } from "./schedule.ts";

const folder = new URL("../../../../testdata/tensor/optim/", import.meta.url);

type Run = { readonly loss: number[]; readonly grad_norm_before_clip: number[]; readonly lr: number[] };
type Config = {
  readonly lr: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly weight_decay: number;
};
type Golden = { readonly runs: Readonly<Record<string, { readonly config: Config; readonly float64: Run }>> };

const golden = JSON.parse(readFileSync(new URL("optim.json", folder), "utf8")) as Golden;
const { tensors } = t.readSafetensors(readFileSync(new URL("optim.safetensors", folder)), "optim.safetensors");

/** A float64 array of the golden file as float32. */
function array(name: string): t.TensorData {
  const { shape, data } = tensors.get(name) as t.TensorData;
  return { dtype: "float32", shape, data: Float32Array.from(data as Float64Array) };
}

/** loss = 20·mean((tanh(x·w1ᵀ + b1)·w2ᵀ + b2 - y)²) */
function problem(): { graph: t.Graph; loss: t.Tensor } {
  const graph = new t.Graph("optim");
  const x = graph.input("x", "float32", array("x").shape);
  const y = graph.input("y", "float32", array("y").shape);
  const [w1, b1, w2, b2] = ["w1", "b1", "w2", "b2"].map((name) =>
    graph.parameter(name, array(`init/${name}`).shape, { kind: "zeros" }),
  ) as [t.Tensor, t.Tensor, t.Tensor, t.Tensor];
  const hidden = t.tanh(t.linear(x, w1, b1, { transposed: true }));
  const loss = t.mul(t.meanSquaredError(t.linear(hidden, w2, b2, { transposed: true }), y), 20);
  return { graph, loss };
}

describe("AdamW", () => {
  test.each(["adamw", "adamw-vla", "adamw-decay"])("%s follows PyTorch for 50 steps", async (name) => {
    const { config, float64 } = golden.runs[name] as { config: Config; float64: Run };
    const { graph, loss } = problem();
    const step = t.buildTrainStep(graph, loss, {
      // (step + 1)/10 below step 10, then a cosine to a tenth over 40 steps.
      schedule: {
        peak: config.lr,
        warmupSteps: 9,
        warmupFrom: 0.1,
        decay: { kind: "cosine" },
        decayFrom: 10,
        totalSteps: 50,
        final: 0.1,
      },
      adamw: {
        beta1: config.betas[0],
        beta2: config.betas[1],
        epsilon: config.eps,
        weightDecay: config.weight_decay,
        decays: () => true,
      },
      clipNorm: 1,
      emaDecay: 0.99,
    });
    const names = ["w1", "b1", "w2", "b2"];
    const trainer = await createTrainer(step, new Map(names.map((p) => [p, array(`init/${p}`)])), { threads: 1 });
    const batch = { x: array("x").data, y: array("y").data };
    for (let i = 0; i < 50; i++) {
      const metrics = await trainer.run(batch);
      expect(metrics.loss).toBeCloseTo(float64.loss[i] as number, 3);
      expect(metrics["gradientNorm"]).toBeCloseTo(float64.grad_norm_before_clip[i] as number, 3);
      expect(Math.abs((metrics["learningRate"] as number) / (float64.lr[i] as number) - 1)).toBeLessThan(1e-6);
      for (const p of names) expectSame(trainer.parameters(), p, `${name}/float64/step${i + 1}/${p}`);
    }
    for (const p of names) expectSame(trainer.emaParameters(), p, `${name}/float64/ema/${p}`);
    await trainer.close();
  });
});

function expectSame(values: ReadonlyMap<string, t.TensorData>, name: string, key: string): void {
  const expected = tensors.get(key)?.data as Float64Array | undefined;
  if (expected === undefined) return;
  const came = values.get(name)?.data as Float32Array;
  const worst = came.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
  expect(worst).toBeLessThan(2e-5);
}

const schedules: Readonly<Record<string, Schedule>> = {
  "diffusers-cosine-20-100": { peak: 1, warmupSteps: 20, warmupFrom: 0, decay: { kind: "cosine" }, totalSteps: 100 },
  "diffusers-linear-20-100": { peak: 1, warmupSteps: 20, warmupFrom: 0, decay: { kind: "linear" }, totalSteps: 100 },
  "diffusers-constant_with_warmup-20-100": { peak: 1, warmupSteps: 20, warmupFrom: 0 },
  "diffusers-cosine_with_restarts-20-100": {
    peak: 1,
    warmupSteps: 20,
    warmupFrom: 0,
    decay: { kind: "cosine-restarts", cycles: 1 },
    totalSteps: 100,
  },
  "diffusers-polynomial-20-100": {
    peak: 1,
    warmupSteps: 20,
    warmupFrom: 0,
    decay: { kind: "polynomial", power: 1 },
    totalSteps: 100,
    final: 1e-7,
  },
  "lerobot-cosine-warmup10-decay100-steps100": {
    peak: 2.5e-5,
    warmupSteps: 10,
    decay: { kind: "cosine" },
    decayFrom: 0,
    totalSteps: 100,
    final: 0.1,
  },
  // Fewer training steps than decay steps shrink LeRobot's warm-up and decay in proportion.
  "lerobot-cosine-warmup1000-decay30000-steps60": {
    peak: 2.5e-5,
    warmupSteps: 2,
    decay: { kind: "cosine" },
    decayFrom: 0,
    totalSteps: 60,
    final: 0.1,
  },
};

describe("schedules", () => {
  const { curves } = JSON.parse(readFileSync(new URL("lr-schedules.json", folder), "utf8")) as {
    curves: Record<string, number[]>;
  };

  test.each(Object.keys(curves))("%s", async (name) => {
    const schedule = schedules[name];
    invariant(schedule !== undefined, `no schedule for ${name}`);
    const graph = new t.Graph(name);
    graph.output("rate", learningRate(schedule, graph.input("step", "float64", [])));
    const session = await createSession(t.onnxModel(graph), { threads: 1 });
    // diffusers' cosine climbs again after its end; ours stays there.
    const curve = (curves[name] ?? []).slice(0, 101);
    for (const [step, rate] of curve.entries()) {
      expect(Math.abs(t.learningRateAt(schedule, step) - rate)).toBeLessThan(1e-12);
      const out = await session.run({ step: new Float64Array([step]) });
      expect(Math.abs((out["rate"]?.data[0] as number) - rate)).toBeLessThan(1e-12);
    }
    await session.close();
  });
});
