/**
 * Adaptive RMS norm of π0.5's action expert (openpi, models_pytorch/gemma): scale, shift and gate come from the denoising
 * time instead of a stored weight. They depend on the time only, so they are computed once a step count, not once a step.
 */
import { add, mul, reshape, rmsNorm, slice, split, type Tensor, where } from "@bidden/tensor";
import type { NormAt } from "./gemma.ts";
import type { Net } from "./net.ts";

/** What one norm is modulated by; each broadcasts to float32[batch, n, width]. */
export type Modulation = { readonly scale: Tensor; readonly shift: Tensor; readonly gate: Tensor };

/** The norms of a stack in the order in which they are run: two a layer, then the last one. */
export function adaptiveNames(stack: string, depth: number): string[] {
  const layers = Array.from({ length: depth }, (_, i) => [
    `${stack}.layers.${i}.input_layernorm`,
    `${stack}.layers.${i}.post_attention_layernorm`,
  ]);
  return [...layers.flat(), `${stack}.norm`];
}

/** x/√(mean(x²) + ε)·(1 + scale) + shift; there is no stored weight. */
export function adaptiveNorm(epsilon: number, modulationOf: (name: string) => Modulation): NormAt {
  return (x, name) => {
    const { scale, shift, gate } = modulationOf(name);
    return { y: add(mul(rmsNorm(x, null, { epsilon }), add(scale, 1)), shift), gate };
  };
}

/** `${name}.dense` of the condition float32[..., width]: scale, shift and gate, in this order. */
export function denseModulation(net: Net, name: string, condition: Tensor): Modulation {
  const width = condition.shape.at(-1) as number;
  const parts = split(net.linear(`${name}.dense`, condition, 3 * width), [width, width, width], -1);
  const [scale, shift, gate] = parts as [Tensor, Tensor, Tensor];
  return { scale, shift, gate };
}

/** The modulation of norm `index` out of a table float32[norms, 3, width]. */
export function tableModulation(table: Tensor, index: number): Modulation {
  const width = table.shape[2] as number;
  const row = slice(table, { axis: 0, start: index, end: index + 1 });
  const parts = split(row, [1, 1, 1], 1).map((part) => reshape(part, [1, 1, width]));
  const [scale, shift, gate] = parts as [Tensor, Tensor, Tensor];
  return { scale, shift, gate };
}

/** One modulation where `first` (bool[batch, n, 1]) holds, another elsewhere: every token has its own time. */
export function chosenModulation(first: Tensor, a: Modulation, b: Modulation): Modulation {
  return {
    scale: where(first, a.scale, b.scale),
    shift: where(first, a.shift, b.shift),
    gate: where(first, a.gate, b.gate),
  };
}
