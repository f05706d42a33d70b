/** What `bidden policy info` says of a checkpoint's weights. */
import { sizeOf } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";

export type WeightFacts = { readonly parameters: number; readonly weightBytes: Record<string, number> };

/** @param except tensors that are no parameters: buffers, statistics */
export function weightFacts(checkpoint: Checkpoint, except: readonly RegExp[]): WeightFacts {
  const weightBytes: Record<string, number> = {};
  let parameters = 0;
  for (const { name, dtype, shape, bytes } of checkpoint.tensors.values()) {
    weightBytes[dtype] = (weightBytes[dtype] ?? 0) + bytes;
    if (!except.some((pattern) => pattern.test(name))) parameters += sizeOf(shape);
  }
  return { parameters, weightBytes };
}
