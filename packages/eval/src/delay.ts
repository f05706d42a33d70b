/**
 * The virtual time between an observation and the arrival of its chunk, ms. Headless runs and evaluations use this figure
 * instead of the clock on the wall, so that the same seed and sentence give the same result on any machine.
 *
 * `bench/policy.ts`, two Zen 5 cores, one thread, medians: two pictures 5.0 ms, one chunk 7.3 ms, together 12.3 ms; rounded up
 * to the next command period.
 */
export const INFERENCE_DELAY_MS = 20;
