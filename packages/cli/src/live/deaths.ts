/** How often something that dies is started again: at once, then after ever longer waits, then not any more. Pure. */

export type DeathsOptions = {
  /** Waits before each new start, ms. Where they are used up, it is given up. */
  readonly waitsMs: readonly number[];
  /** What lived this long has shown that it can: deaths before it are forgotten, ms. */
  readonly healthyMs: number;
};

export const POLICY_DEATHS: DeathsOptions = { waitsMs: [0, 1000, 5000], healthyMs: 60_000 };

export class Deaths {
  readonly #options: DeathsOptions;
  #count = 0;
  #bornMs: number;

  constructor(options: DeathsOptions, nowMs: number) {
    this.#options = options;
    this.#bornMs = nowMs;
  }

  /** Deaths in a row. */
  get count(): number {
    return this.#count;
  }

  get givenUp(): boolean {
    return this.#count > this.#options.waitsMs.length;
  }

  /** Answers how long to wait before it is started again, ms; null: not any more. */
  died(nowMs: number): number | null {
    const { healthyMs, waitsMs } = this.#options;
    if (nowMs - this.#bornMs >= healthyMs) this.#count = 0;
    this.#count += 1;
    return waitsMs[this.#count - 1] ?? null;
  }

  born(nowMs: number): void {
    this.#bornMs = nowMs;
  }

  /** A person wants to see it tried once more: one more death, and it is given up again. */
  pardon(): void {
    this.#count = this.#options.waitsMs.length;
  }
}
