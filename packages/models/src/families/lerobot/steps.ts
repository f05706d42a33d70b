/**
 * What turns chunks into one action a step: temporal ensembling (Zhao et al. 2023, algorithm 2), or a queue that is emptied before
 * the next chunk is asked for.
 */
import { BiddenError } from "@bidden/runtime";

/** Averages all predictions for a step, w_i = exp(-m·i) with the oldest first, without keeping them (float32, as the reference). */
export class TemporalEnsembler {
  readonly #weights: Float32Array;
  readonly #sums: Float32Array;
  readonly #dim: number;
  readonly #horizon: number;
  /** Averages of the steps to come, and how many predictions are in each. */
  #averages: Float32Array[] = [];
  #counts: number[] = [];

  /** @param coefficient m: 0 weighs all alike, positive the older ones more @param dim numbers in an action */
  constructor(coefficient: number, horizon: number, dim: number) {
    this.#dim = dim;
    this.#horizon = horizon;
    this.#weights = Float32Array.from({ length: horizon }, (_, i) => Math.exp(Math.fround(-coefficient * i)));
    let sum = 0;
    this.#sums = this.#weights.map((weight) => (sum += weight));
  }

  reset(): void {
    this.#averages = [];
    this.#counts = [];
  }

  /** @param chunk float32[horizon, dim], predicted now @returns float32[dim], the action for now */
  update(chunk: Float32Array): Float32Array {
    if (chunk.length !== this.#horizon * this.#dim) {
      throw new BiddenError(
        "bad-shape",
        `the ensemble averages chunks of ${this.#horizon}x${this.#dim}; came ${chunk.length} values.`,
      );
    }
    const row = (i: number): Float32Array => chunk.slice(i * this.#dim, (i + 1) * this.#dim);
    this.#averages.forEach((average, i) => {
      this.#include(average, row(i), this.#counts[i] as number);
      this.#counts[i] = Math.min((this.#counts[i] as number) + 1, this.#horizon);
    });
    for (let i = this.#averages.length; i < this.#horizon; i++) {
      this.#averages.push(row(i));
      this.#counts.push(1);
    }
    this.#counts.shift();
    return this.#averages.shift() as Float32Array;
  }

  /** One more prediction into an average of `count` of them. */
  #include(average: Float32Array, prediction: Float32Array, count: number): void {
    const before = this.#sums[count - 1] as number;
    const weight = this.#weights[count] as number;
    const after = this.#sums[count] as number;
    for (let d = 0; d < average.length; d++) {
      const sum = Math.fround(
        Math.fround((average[d] as number) * before) + Math.fround((prediction[d] as number) * weight),
      );
      average[d] = sum / after;
    }
  }
}

/** Hands out the first `steps` actions of a chunk one by one. */
export class ActionQueue {
  readonly #steps: number;
  readonly #dim: number;
  #rows: Float32Array[] = [];

  constructor(steps: number, dim: number) {
    this.#steps = steps;
    this.#dim = dim;
  }

  get empty(): boolean {
    return this.#rows.length === 0;
  }

  reset(): void {
    this.#rows = [];
  }

  /** @param chunk float32[horizon, dim] */
  fill(chunk: Float32Array): void {
    this.#rows = Array.from({ length: this.#steps }, (_, i) => chunk.slice(i * this.#dim, (i + 1) * this.#dim));
  }

  next(): Float32Array {
    const row = this.#rows.shift();
    if (row === undefined)
      throw new BiddenError("bad-argument", "the queue of actions is empty; fill it with a chunk first.");
    return row;
  }
}
