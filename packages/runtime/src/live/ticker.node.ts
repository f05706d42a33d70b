/**
 * A tick on an absolute schedule, for a worker thread that does nothing else: it blocks in Atomics.wait, so its event loop
 * never turns and messages must be taken with `receiveMessageOnPort`. The main thread cannot do this.
 */
import { processClock } from "./process-clock.node.ts";

export type TickerOptions = {
  readonly periodMs: number;
  /** Lateness in ms. Answering false ends the ticker. */
  readonly onTick: (latenessMs: number) => boolean;
};

/** Blocks until `onTick` answers false. Ticks that were slept through are not made up for. */
export function runTicker({ periodMs, onTick }: TickerOptions): void {
  const pillow = new Int32Array(new SharedArrayBuffer(4));
  let dueMs = processClock.nowMs() + periodMs;
  for (;;) {
    const leftMs = dueMs - processClock.nowMs();
    if (leftMs > 0) {
      Atomics.wait(pillow, 0, 0, leftMs);
      // Atomics.wait may come back a little early
      if (processClock.nowMs() < dueMs) continue;
    }
    const lateMs = processClock.nowMs() - dueMs;
    if (!onTick(lateMs)) return;
    dueMs += periodMs * Math.max(1, Math.ceil((processClock.nowMs() - dueMs) / periodMs));
  }
}
