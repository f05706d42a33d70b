/** `bidden data convert`: from any readable path to a folder. */

import { openRecorder } from "../lerobot/open.node.ts";
import { openDataset } from "../open.node.ts";
import { convertEpisodes, planConversion, type PlanOptions, type Progress, verifyConversion } from "./to-lerobot.ts";

/** @returns episodes, and values compared afterwards (0 when `verify` is false). */
export async function convertToLeRobot(
  from: string,
  to: string,
  options: PlanOptions & { readonly verify?: boolean } = {},
  report: (progress: Progress) => void = () => undefined,
): Promise<{ episodes: number; compared: number }> {
  const source = await openDataset(from);
  try {
    const plan = await planConversion(source, options);
    const recorder = await openRecorder(to, { robotType: plan.robotType, fps: plan.fps, features: plan.features });
    try {
      await convertEpisodes(source, plan, recorder, report);
    } finally {
      if (recorder.recording) recorder.discard();
      await recorder.close();
    }
    if (options.verify === false) return { episodes: source.episodeCount, compared: 0 };
    const target = await openDataset(to);
    try {
      return { episodes: target.episodeCount, compared: await verifyConversion(source, plan, target) };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
