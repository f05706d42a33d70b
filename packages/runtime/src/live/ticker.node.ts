/**
 * A tick on an absolute schedule, for a worker thread that does nothing else: it blocks in Atomics.wait, so its event loop
 * never turns and messages must be taken with `receiveMessageOnPort`. The main thread must not do this.
 */
import type { Clock } from "../contract/clock.ts";
import { processClock } from "./process-clock.node.ts";

export type TickerOptions = {
  readonly periodMs: number;
  /** Lateness in ms. Answering false ends the ticker. */
  readonly onTick: (latenessMs: number) => boolean;
  readonly clock?: Clock;
  /** Blocks the thread for about so long; may come back a little early. */
  readonly sleep?: (ms: number) => void;
};

/** Blocks until `onTick` answers false. Ticks that were slept through are not made up for. */
export function runTicker({ periodMs, onTick, clock = processClock, sleep = createSleep() }: TickerOptions): void {
  let dueMs = clock.nowMs() + periodMs;
  for (;;) {
    for (let leftMs = dueMs - clock.nowMs(); leftMs > 0; leftMs = dueMs - clock.nowMs()) sleep(leftMs);
    if (!onTick(clock.nowMs() - dueMs)) return;
    dueMs += periodMs * Math.max(1, Math.ceil((clock.nowMs() - dueMs) / periodMs));
  }
}

function createSleep(): (ms: number) => void {
  const pillow = new Int32Array(new SharedArrayBuffer(4));
  return (ms) => void Atomics.wait(pillow, 0, 0, ms);
}
