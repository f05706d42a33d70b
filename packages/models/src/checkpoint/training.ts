/** What fine-tuning asks of a family: its objective as a graph, and the batches that the graph reads. */
import type { Rng } from "@bidden/runtime";
import type { Elements, Graph, Tensor, TensorData } from "@bidden/tensor";
import type { LoraOptions } from "../blocks/lora.ts";
import type { FamilyObservation } from "./family.ts";

/** One frame of a recording, and what was done from it on. */
export type TrainingRow = FamilyObservation & {
  /** float32[chunk, action.dim], the robot's units. */
  readonly actions: Float32Array;
  /** uint8[chunk]: 1 behind the episode's end. */
  readonly isPad: Uint8Array;
};

export type TrainingOptions = {
  /** Rows in a batch. */
  readonly batch: number;
  /** "head": what turns observations into actions, over a backbone that stays; by default all. */
  readonly what?: "all" | "head";
  /** Trains additions of low rank to the large matrices in place of the matrices themselves. */
  readonly lora?: LoraOptions;
  /** Every instruction that a row may hold. */
  readonly instructions: readonly string[];
  /** Of what is drawn before training begins. */
  readonly seed: number;
};

/** How the authors train it. */
export type TrainingDefaults = {
  readonly rate: number;
  readonly beta2: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
};

export type FamilyTraining = {
  /** Actions that a row holds. */
  readonly chunk: number;
  readonly graph: Graph;
  /** float32[]. */
  readonly loss: Tensor;
  /** Further scalars to watch. */
  readonly metrics: Readonly<Record<string, Tensor>>;
  readonly defaults: TrainingDefaults;
  /** First values of the graph's parameters: the checkpoint's, and what LoRA adds. */
  parameters(): Promise<Map<string, TensorData>>;
  /**
   * A batch as the graph's inputs.
   * @param rng draws noise and times: the same generator gives the same batch
   * @throws `bad-argument` where a row is not what the checkpoint was made for
   */
  feeds(rows: readonly TrainingRow[], rng: Rng): Record<string, Elements>;
  /** Trained parameters as the checkpoint's tensors, by stored name; only those that training changed. */
  tensors(trained: ReadonlyMap<string, TensorData>): Map<string, TensorData>;
};

/** The values of a graph's trainable parameters, by name. */
export function trainedOf(graph: Graph, values: ReadonlyMap<string, TensorData>): Map<string, TensorData> {
  return new Map(
    [...values].filter(([name]) => {
      const source = graph.parameters.get(name)?.source;
      return source?.kind === "parameter" && source.trainable;
    }),
  );
}
