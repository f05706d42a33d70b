/**
 * AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) in as few passes over the parameters as it takes. The moments and the
 * moving average are kept divided by (1 - decay), which makes each of their updates "decay·state + new":
 *   M = m/(1-β₁):  M ← β₁M + g          V = v/(1-β₂):  V ← β₂V + g²          E = e/(1-δ):  E ← δE + p
 * and the constants move into one rate and one epsilon, both scalars:
 *   p ← p·(1 - rate·decay) - k·M/(√V + ε'),   k = rate·(1-β₁)/(1-β₁ᵗ)·r,   ε' = ε·r,   r = √((1-β₂ᵗ)/(1-β₂)).
 */
import type { Shape } from "../graph/dtype.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, cast, div, mul, sub } from "../ops/core.ts";
import { minimum, pow } from "../ops/elementwise.ts";
import { sqrt } from "../ops/unary.ts";

export type AdamWOptions = {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** Which parameters decay. Left out: those of two or more dimensions. */
  readonly decays?: (name: string, shape: Shape) => boolean;
};

export type AdamWFacts = Required<AdamWOptions>;

export function adamWFacts(options: AdamWOptions = {}): AdamWFacts {
  return {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0.01,
    decays: (_, shape) => shape.length > 1,
    ...options,
  };
}

/** float32 scalars that every update of a step shares. */
export type AdamWScalars = {
  /** 1 - rate·decay */
  readonly shrink: Tensor;
  readonly k: Tensor;
  readonly epsilon: Tensor;
};

/** @param step float64 scalar from 0 @param rate float64 scalar */
export function adamWScalars(facts: AdamWFacts, step: Tensor, rate: Tensor): AdamWScalars {
  const { beta1, beta2, epsilon, weightDecay } = facts;
  const graph = step.graph;
  const count = add(step, 1);
  // Float64: 1 - 0.999 loses four of float32's seven digits.
  const unbiased = (beta: number): Tensor => sub(1, pow(graph.constant(beta, "float64"), count));
  const r = sqrt(mul(unbiased(beta2), 1 / (1 - beta2)));
  return {
    shrink: cast(sub(1, mul(rate, weightDecay)), "float32"),
    k: cast(mul(div(mul(rate, 1 - beta1), unbiased(beta1)), r), "float32"),
    epsilon: cast(mul(r, epsilon), "float32"),
  };
}

/** min(1, limit/(norm + 1e-6)), as PyTorch clips. */
export function clipFactor(gradientNorm: Tensor, limit: number): Tensor {
  return minimum(div(limit, add(gradientNorm, 1e-6)), gradientNorm.graph.constant(1));
}

export type Moments = { readonly first: Tensor; readonly second: Tensor };

/** One update: the next value and the next moments. */
export function adamW(
  value: Tensor,
  gradient: Tensor,
  moments: Moments,
  scalars: AdamWScalars,
  options: { readonly beta1: number; readonly beta2: number; readonly decays: boolean },
): Moments & { readonly value: Tensor } {
  const first = add(mul(moments.first, options.beta1), gradient);
  const second = add(mul(moments.second, options.beta2), mul(gradient, gradient));
  const move = mul(div(first, add(sqrt(second), scalars.epsilon)), scalars.k);
  const kept = options.decays ? mul(value, scalars.shrink) : value;
  return { value: sub(kept, move), first, second };
}
