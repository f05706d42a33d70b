/** Steps of a training one after the other, the next batch being filled while the present one is learned from. */
import type { Elements, Trainer } from "@bidden/tensor";

/** Where batches come from. Batch n is the same however often it is asked for. */
export type Batches<B> = {
  allocate(): B;
  fill(batch: B, step: number): Promise<void>;
  feeds(batch: B): Readonly<Record<string, Elements>>;
};

/** What the steps since the last report were like. */
export type StepReport = {
  readonly steps: number;
  readonly elapsedS: number;
  /** Time in which the engine waited for data, seconds. */
  readonly waitS: number;
  /** Means over the steps. */
  readonly metrics: Readonly<Record<string, number>>;
};

export class StepLoop<B> {
  readonly #trainer: Trainer;
  readonly #source: Batches<B>;
  readonly #batches: [B, B];
  readonly #sums: Map<string, number> = new Map();
  #ready: Promise<void> | null = null;
  #steps = 0;
  #waitMs = 0;
  #since = performance.now();

  constructor(trainer: Trainer, source: Batches<B>) {
    this.#trainer = trainer;
    this.#source = source;
    this.#batches = [source.allocate(), source.allocate()];
  }

  /** One step; returns its metrics. */
  async step(): Promise<Readonly<Record<string, number>>> {
    const at = this.#trainer.steps;
    const [current, next] = this.#batches;
    const asked = performance.now();
    await (this.#ready ?? this.#source.fill(current, at));
    this.#waitMs += performance.now() - asked;
    const running = this.#trainer.run(this.#source.feeds(current));
    this.#ready = this.#source.fill(next, at + 1);
    this.#batches.reverse();
    const metrics = await running;
    for (const [name, value] of Object.entries(metrics)) this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
    this.#steps++;
    return metrics;
  }

  /** Reports on the steps since the last report. */
  report(): StepReport {
    const now = performance.now();
    const report = {
      steps: this.#steps,
      elapsedS: (now - this.#since) / 1000,
      waitS: this.#waitMs / 1000,
      metrics: Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#steps])),
    };
    this.#sums.clear();
    [this.#steps, this.#waitMs, this.#since] = [0, 0, now];
    return report;
  }
}
