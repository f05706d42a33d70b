/** `bidden data convert`: from any readable path to a folder, as LeRobot v3.0 or v2.1 or as RLDS. */

import { deflateSync } from "node:zlib";
import { BiddenError } from "@bidden/runtime";
import { createFolderStore } from "../files/store.node.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { LeRobotReader } from "../lerobot/reader.ts";
import { writeV21 } from "../lerobot/write-v21.ts";
import { openDataset } from "../open.node.ts";
import { writeRlds } from "../rlds/writer.ts";
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

/** A v3.0 dataset with pictures as v2.1, for openpi and GR00T. */
export async function convertToV21(from: string, to: string): Promise<number> {
  const source = await openDataset(from);
  try {
    if (source instanceof LeRobotReader) return await writeV21(source, createFolderStore(to));
  } finally {
    await source.close();
  }
  throw new BiddenError("unsupported", `${from} is ${source.format}: convert it to LeRobot v3.0 first, then to v2.1.`, {
    format: source.format,
  });
}

/** Any readable dataset as RLDS; `name` in lower case. */
export async function convertToRlds(from: string, to: string, name: string): Promise<number> {
  const source = await openDataset(from);
  try {
    return await writeRlds(source, createFolderStore(to), { name, deflate: (bytes) => deflateSync(bytes) });
  } finally {
    await source.close();
  }
}
