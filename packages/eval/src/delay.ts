/**
 * The virtual time between an observation and the arrival of its chunk, ms. Headless runs and evaluations use this figure
 * instead of the clock on the wall, so that the same seed and sentence give the same result on any machine.
 *
 * Two cameras are rendered (about 5 ms) and one chunk is inferred (about 8 ms) in a live session on two Zen 4 cores; the
 * figure is rounded up to the next command period. `bench/policy.ts` measures it again.
 */
export const INFERENCE_DELAY_MS = 20;
