/**
 * Seeing before acting: what every patch shows and where its thing is, learned from pictures alone, three times as many a second
 * as with sentences and motion. The parameters have the names that they have in the whole policy, whose training begins with
 * them and goes on teaching them.
 */
import type { TabletopConfig } from "@bidden/models";
import { buildTrainStep, type TensorData } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import type { BatchArrays } from "./batch.ts";
import { beginning } from "./beginning.ts";
import { seeingObjective, seeingShapes } from "./objective.ts";
import type { TabletopSampler } from "./sampler.node.ts";

export type SeeingOptions = {
  readonly steps: number;
  /** Pictures a step: those of the sampler's batches. */
  readonly batch: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly peakRate?: number;
  /** Parameters to begin with where they are known, of the same names and shapes. */
  readonly first?: ReadonlyMap<string, TensorData>;
  /** Called after every hundred steps with the means over them. */
  readonly onStep?: ((step: number, metrics: Readonly<Record<string, number>>) => void) | undefined;
};

const REPORT_STEPS = 100;
const INPUTS = ["patches", "rays", "proprio", "tool"] as const;

/** Trains what sees and returns its parameters. The same seed gives the same numbers on one machine. */
export async function trainSeeing(
  config: TabletopConfig,
  sampler: TabletopSampler,
  { steps, batch, seed = 1, threads = 2, peakRate = 1.2e-3, first = new Map(), onStep }: SeeingOptions,
): Promise<Map<string, TensorData>> {
  const { graph, loss, metrics } = seeingObjective(config, batch);
  const step = buildTrainStep(graph, loss, {
    schedule: { peak: peakRate, warmupSteps: 200, decay: { kind: "cosine" }, totalSteps: steps, final: 0.03 },
    adamw: { weightDecay: 0.02, beta2: 0.98 },
    clipNorm: 1,
    emaDecay: 0.998,
    // What is known of a place is explained to those who ask, and nobody asks here.
    freeze: (name) => name.startsWith("see.explain"),
    metrics,
  });
  const trainer = await createTrainer(step, beginning(graph, seed, first), { threads });
  const names = [...INPUTS, ...Object.keys(seeingShapes(config))] as readonly (keyof BatchArrays)[];
  const inputsOf = (arrays: BatchArrays) => Object.fromEntries(names.map((name) => [name, arrays[name]]));
  let [ready, next] = [sampler.allocate(), sampler.allocate()];
  const sums = new Map<string, number>();
  try {
    await sampler.fill(ready, 0);
    for (let at = 1; at <= steps; at++) {
      const running = trainer.run(inputsOf(ready.arrays));
      await sampler.fill(next, at);
      [ready, next] = [next, ready];
      for (const [name, value] of Object.entries(await running)) sums.set(name, (sums.get(name) ?? 0) + value);
      if (at % REPORT_STEPS !== 0) continue;
      onStep?.(at, Object.fromEntries([...sums].map(([name, sum]) => [name, sum / REPORT_STEPS])));
      sums.clear();
    }
    const learned = trainer.emaParameters();
    learned.delete("see.explain.weight");
    learned.delete("see.explain.bias");
    return learned;
  } finally {
    await trainer.close();
  }
}
