/** Checkpoints with random weights, written tensor by tensor: full sizes never lie in memory as a whole. */
import type { DType, Elements, Shape } from "@bidden/tensor";

/** A safetensors file to write; `fill` gives one tensor's elements when its turn comes, now or later. */
export type WrittenWeights<Filled extends Elements | Promise<Elements> = Elements> = {
  readonly file: string;
  readonly tensors: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape }[];
  readonly fill: (name: string, shape: Shape) => Filled;
  readonly metadata?: Readonly<Record<string, string>>;
};

/** The files of a checkpoint: texts and bytes at once, weights streamed. */
export type WrittenFiles<Filled extends Elements | Promise<Elements> = Elements> = {
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly weights: readonly WrittenWeights<Filled>[];
};
