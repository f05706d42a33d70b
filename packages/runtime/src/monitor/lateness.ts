/** How late the ticks come: a histogram with logarithmic bins, so that a long run costs nothing to keep. */

/** Milliseconds. Quantiles are upper bin edges, at most 12 % above the true value. */
export type LatenessSummary = {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of the latest tick. */
  readonly lastMs: number;
  /** Ticks that came a whole period late or more. */
  readonly missed: number;
};

const BINS_PER_DECADE = 20;
const FIRST_EDGE_MS = 0.001;
const BINS = 7 * BINS_PER_DECADE;

export class Lateness {
  readonly #periodMs: number;
  readonly #bins = new Uint32Array(BINS + 1);
  #count = 0;
  #maxMs = 0;
  #lastMs = 0;
  #missed = 0;

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  add(latenessMs: number): void {
    const late = Math.max(0, latenessMs);
    const bin = late <= FIRST_EDGE_MS ? 0 : Math.ceil(BINS_PER_DECADE * Math.log10(late / FIRST_EDGE_MS));
    this.#bins[Math.min(bin, BINS)] = this.#bins[Math.min(bin, BINS)]! + 1;
    this.#count += 1;
    this.#lastMs = late;
    this.#maxMs = Math.max(this.#maxMs, late);
    if (late >= this.#periodMs) this.#missed += 1;
  }

  summary(): LatenessSummary {
    return {
      count: this.#count,
      p50Ms: this.#quantileMs(0.5),
      p99Ms: this.#quantileMs(0.99),
      p999Ms: this.#quantileMs(0.999),
      maxMs: this.#maxMs,
      lastMs: this.#lastMs,
      missed: this.#missed,
    };
  }

  #quantileMs(share: number): number {
    let left = Math.ceil(share * this.#count);
    if (left === 0) return 0;
    for (let bin = 0; bin <= BINS; bin++) {
      left -= this.#bins[bin]!;
      if (left <= 0) return Math.min(this.#maxMs, FIRST_EDGE_MS * 10 ** (bin / BINS_PER_DECADE));
    }
    return this.#maxMs;
  }
}
