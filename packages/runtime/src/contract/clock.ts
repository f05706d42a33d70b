/** Time comes in through this interface, so that the same loop runs on a wall clock and on a virtual one. */
export interface Clock {
  /** Monotonic milliseconds, float64, sub-millisecond resolution. The origin is arbitrary. */
  nowMs(): number;
}

/** The process's monotonic clock (Node and browsers). */
export const systemClock: Clock = { nowMs: () => performance.now() };

/** A clock that only moves when told to: headless runs, evaluations and tests. */
export class VirtualClock implements Clock {
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  advanceMs(stepMs: number): void {
    this.#nowMs += stepMs;
  }
}
