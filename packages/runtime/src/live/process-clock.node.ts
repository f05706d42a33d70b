import type { Clock } from "../contract/clock.ts";

/** Monotonic and the same in every thread of the process, which `performance.now` is not (its origin is per thread). */
export const processClock: Clock = {
  nowMs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};
