import { createRng } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createSession, createTrainer } from "../index.node.ts";
import {
  add,
  buildTrainStep,
  Graph,
  gelu,
  type Init,
  initParameters,
  layerNorm,
  linear,
  mean,
  onnxModel,
  packedSelfAttention,
  square,
  sub,
  type Tensor,
  type TrainStep,
} from "../index.ts";

/** One transformer layer on [4, 6, 16] with a head of two outputs. */
function tinyTransformer(): { graph: Graph; loss: Tensor } {
  const graph = new Graph("tiny");
  const x = graph.input("x", "float32", [4, 6, 16]);
  const y = graph.input("y", "float32", [4, 6, 2]);
  const weight = (name: string, shape: number[]): Tensor => graph.parameter(name, shape, { kind: "normal", std: 0.2 });
  const vector = (name: string, width: number, kind: "zeros" | "ones" = "zeros"): Tensor =>
    graph.parameter(name, [width], { kind } satisfies Init);
  const normal = layerNorm(x, vector("norm.scale", 16, "ones"), vector("norm.bias", 16));
  const qkv = linear(normal, weight("qkv.w", [16, 48]), vector("qkv.b", 48));
  const mixed = add(x, linear(packedSelfAttention(qkv, 4), weight("out.w", [16, 16]), vector("out.b", 16)));
  const hidden = gelu(linear(mixed, weight("up.w", [16, 32]), vector("up.b", 32)), "tanh");
  const h = add(mixed, linear(hidden, weight("down.w", [32, 16]), vector("down.b", 16)));
  const out = graph.output("out", linear(h, weight("head.w", [16, 2]), vector("head.b", 2)));
  return { graph, loss: mean(square(sub(out, y))) };
}

const batch = {
  x: Float32Array.from({ length: 4 * 6 * 16 }, (_, i) => Math.sin(i)),
  y: Float32Array.from({ length: 4 * 6 * 2 }, (_, i) => Math.cos(i * 0.1)),
};

function tinyStep(freeze: (name: string) => boolean = () => false): { step: TrainStep; graph: Graph } {
  const { graph, loss } = tinyTransformer();
  const schedule = { peak: 3e-3, warmupSteps: 5, decay: { kind: "cosine" }, totalSteps: 60 } as const;
  return { graph, step: buildTrainStep(graph, loss, { schedule, clipNorm: 1, emaDecay: 0.9, freeze }) };
}

describe("trainer", () => {
  test("learns, and its average follows", async () => {
    const { graph, step } = tinyStep();
    const trainer = await createTrainer(step, initParameters(graph, createRng(1)));
    const first = await trainer.run(batch);
    for (let i = 0; i < 59; i++) await trainer.run(batch);
    const last = await trainer.run(batch);
    expect(last.loss).toBeLessThan(first.loss / 5);
    expect(first["learningRate"]).toBeCloseTo(3e-3 / 6, 9);
    const session = await createSession(onnxModel(graph, { parameters: trainer.emaParameters(), outputs: ["out"] }));
    const { out } = await session.run({ x: batch.x });
    expect(out?.shape).toEqual([4, 6, 2]);
    await trainer.close();
    await session.close();
  });

  test("goes on from a saved state with the same bits", async () => {
    const { graph, step } = tinyStep();
    const parameters = initParameters(graph, createRng(1));
    const one = await createTrainer(step, parameters);
    for (let i = 0; i < 5; i++) await one.run(batch);
    const two = await createTrainer(step, parameters);
    two.loadState(one.saveState());
    expect(two.steps).toBe(5);
    for (let i = 0; i < 3; i++) expect(await two.run(batch)).toEqual(await one.run(batch));
    expect(two.saveState()).toEqual(one.saveState());
    await one.close();
    await two.close();
  });

  test("leaves what is frozen as it is, and takes it over from a state in which it was trained", async () => {
    const { graph, step } = tinyStep();
    const whole = await createTrainer(step, initParameters(graph, createRng(1)));
    for (let i = 0; i < 3; i++) await whole.run(batch);
    const trained = whole.parameters();
    const isFrozen = (name: string): boolean => name.startsWith("qkv.") || name.startsWith("norm.");
    const partly = await createTrainer(tinyStep(isFrozen).step, initParameters(graph, createRng(2)));
    partly.loadState(whole.saveState());
    await partly.run(batch);
    const again = await createTrainer(tinyStep(isFrozen).step, initParameters(graph, createRng(3)));
    again.loadState(partly.saveState());
    expect([...again.parameters()]).toEqual([...partly.parameters()]);
    for (const [name, { data }] of partly.parameters()) {
      const same = data.every((value, i) => value === trained.get(name)?.data[i]);
      expect(`${name} ${same}`).toBe(`${name} ${isFrozen(name)}`);
    }
    await Promise.all([whole, partly, again].map((trainer) => trainer.close()));
  });

  test("says what a batch or a state lacks", async () => {
    const { graph, step } = tinyStep();
    const trainer = await createTrainer(step, initParameters(graph, createRng(1)));
    await expect(trainer.run({ x: batch.x })).rejects.toThrow('the batch has no "y"; it needs x, y');
    await expect(trainer.run({ x: batch.y, y: batch.y })).rejects.toThrow(
      "wants 384 elements of float32 [4, 6, 16]; came 48",
    );
    expect(() => trainer.loadState(new Uint8Array(3))).toThrow("expected at least 8 bytes");
    await trainer.close();
  });
});
