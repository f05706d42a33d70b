/** A stage of training that teaches a part of the policy alone: reading, or seeing. The whole is trained by train.node.ts. */
import { buildTrainStep, type TensorData } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import { beginning } from "./beginning.ts";
import type { Objective } from "./objective.ts";
import { type Batches, StepLoop } from "./step-loop.node.ts";

export type StageOptions = {
  readonly steps: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly peakRate?: number;
  /** Parameters to begin with where they are known, of the same names and shapes. */
  readonly first?: ReadonlyMap<string, TensorData>;
  /** Called after every hundred steps with the means over them. */
  readonly onStep?: ((step: number, metrics: Readonly<Record<string, number>>) => void) | undefined;
};

const REPORT_STEPS = 100;

/**
 * Trains the parameters of an objective and returns them. The same seed gives the same numbers on one machine.
 *
 * @param leave first words of the names of parameters that are neither taught nor returned
 */
export async function trainStage<B>(
  { graph, loss, metrics }: Objective,
  batches: Batches<B>,
  { steps, seed = 1, threads = 2, peakRate = 1.5e-3, first = new Map(), onStep }: StageOptions,
  leave?: string,
): Promise<Map<string, TensorData>> {
  const isLeft = (name: string): boolean => leave !== undefined && name.startsWith(leave);
  const step = buildTrainStep(graph, loss, {
    schedule: { peak: peakRate, warmupSteps: 200, decay: { kind: "cosine" }, totalSteps: steps, final: 0.03 },
    adamw: { weightDecay: 0.02, beta2: 0.98 },
    clipNorm: 1,
    emaDecay: 0.998,
    freeze: isLeft,
    metrics,
  });
  const trainer = await createTrainer(step, beginning(graph, seed, first), { threads });
  const loop = new StepLoop(trainer, batches);
  try {
    for (let at = 1; at <= steps; at++) {
      await loop.step();
      if (at % REPORT_STEPS === 0) onStep?.(at, loop.report().metrics);
    }
    return new Map([...trainer.emaParameters()].filter(([name]) => !isLeft(name)));
  } finally {
    await trainer.close();
  }
}
