/** From noise to actions: the loop over the schedule, with the network's evaluation handed in. */
import type { NoiseSchedule } from "../../blocks/noise-schedule.ts";

/**
 * @param noise what the first step begins with
 * @param draw standard normal numbers for a step that draws some
 * @param network its output for a sample at a time
 */
export async function denoise(
  schedule: NoiseSchedule,
  steps: number,
  noise: Float32Array,
  draw: (step: number) => Float32Array,
  network: (x: Float32Array, time: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const times = schedule.times(steps);
  let x = noise;
  for (const [step, time] of times.entries()) {
    const output = await network(x, time);
    const fresh = schedule.draws(time) ? draw(step) : null;
    x = schedule.step(x, output, time, times[step + 1] ?? -1, fresh);
  }
  return x;
}
