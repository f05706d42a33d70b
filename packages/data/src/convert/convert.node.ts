/**
 * `bidden data convert`: from any readable path to a folder, as LeRobot v3.0 or v2.1 or as RLDS. The folder appears whole; a stopped
 * conversion leaves `NAME.partial`, and the same command goes on with it.
 */

import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { deflateSync } from "node:zlib";
import { intoNewFolder } from "../files/new-folder.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { openRecorder } from "../lerobot/open.node.ts";
import { LeRobotReader, openLeRobot } from "../lerobot/reader.ts";
import { type LeRobotVersion, pickEpisodes, rewriteLeRobot } from "../lerobot/rewrite.ts";
import { verifyRewrite } from "../lerobot/verify-rewrite.ts";
import type { Dataset } from "../dataset/types.ts";
import { openDataset } from "../open.node.ts";
import { openRlds } from "../rlds/reader.ts";
import { rldsColumns, writeRlds } from "../rlds/writer.ts";
import { loadCodecs } from "../video/codecs.node.ts";
import { createVideoDecoder } from "../video/decoder.ts";
import { convertEpisodes, planConversion, type PlanOptions, type Progress, verifyConversion } from "./to-lerobot.ts";

export type ConvertOptions = PlanOptions & {
  /** Compare everything with the source afterwards; true when absent. */
  readonly verify?: boolean;
  readonly remark?: (sentence: string) => void;
};

export type Converted = {
  readonly episodes: number;
  /** Values (numbers, texts, pictures, video packets) compared with the source. */
  readonly compared: number;
};

type Report = (progress: Progress) => void;
const silent: Report = () => undefined;

export function convertToLeRobot(
  from: string,
  to: string,
  options: ConvertOptions = {},
  report: Report = silent,
): Promise<Converted> {
  return convertTo("v3.0", from, to, options, report);
}

/** For openpi and GR00T. */
export function convertToV21(
  from: string,
  to: string,
  options: ConvertOptions = {},
  report: Report = silent,
): Promise<Converted> {
  return convertTo("v2.1", from, to, options, report);
}

/** `recorded`: files of one episode each are wanted; they are joined afterwards. */
type Stage = ConvertOptions & { readonly recorded?: true };

async function convertTo(
  version: LeRobotVersion,
  from: string,
  to: string,
  options: Stage,
  report: Report,
): Promise<Converted> {
  const { fps, robotType } = options;
  const source = await openDataset(from);
  try {
    const lossless =
      source instanceof LeRobotReader && (fps === undefined || fps === source.fps) && options.video === undefined;
    if (!lossless && (version === "v2.1" || (options.video !== undefined && !options.recorded)))
      return await throughV3(version, from, to, options, report);
    const origin = {
      converted: resolvePath(from),
      to: version,
      fps: fps ?? null,
      robotType: robotType ?? null,
      ...(options.video === undefined ? {} : { video: JSON.stringify(options.video) }),
    };
    return await intoNewFolder(to, origin, true, async ({ folder, done }) => {
      if (lossless) return rewrite(source, folder, version, done, options, report);
      return record(source, folder, done, options, report);
    });
  } finally {
    await source.close();
  }
}

function resolvePath(path: string): string {
  return /^[a-z]+:\/\//.test(path) ? path : resolve(path);
}

async function rewrite(
  source: LeRobotReader,
  folder: string,
  version: LeRobotVersion,
  done: boolean,
  options: ConvertOptions,
  report: Report,
): Promise<Converted> {
  const picks = pickEpisodes(source);
  const store = createFolderStore(folder);
  if (!done) {
    const remarks = await rewriteLeRobot(picks, store, {
      version,
      robotType: options.robotType ?? source.robotType,
      report,
    });
    for (const remark of remarks) options.remark?.(remark);
  }
  if (options.verify === false) return { episodes: picks.length, compared: 0 };
  const target = await openLeRobot(store);
  try {
    return { episodes: picks.length, compared: await verifyRewrite(picks, target) };
  } finally {
    await target.close();
  }
}

async function record(
  source: Dataset,
  folder: string,
  done: boolean,
  options: ConvertOptions,
  report: Report,
): Promise<Converted> {
  const plan = await planConversion(source, options);
  for (const remark of plan.remarks) options.remark?.(remark);
  if (!done) {
    const { robotType, fps, features, video } = plan;
    const recorder = await openRecorder(folder, {
      robotType,
      fps,
      features,
      ...(video === undefined ? {} : { video }),
    });
    try {
      await convertEpisodes(source, plan, recorder, report);
    } finally {
      if (recorder.recording) recorder.discard();
      await recorder.close();
    }
  }
  if (options.verify === false) return { episodes: source.episodeCount, compared: 0 };
  const store = createFolderStore(folder);
  const target = await openLeRobot(store, { videos: createVideoDecoder(store, loadCodecs) });
  try {
    return { episodes: target.episodeCount, compared: await verifyConversion(source, plan, target) };
  } finally {
    await target.close();
  }
}

/** What is recorded becomes v3.0 beside the target first: a recorder makes files of one episode each, and knows no v2.1. */
async function throughV3(
  version: LeRobotVersion,
  from: string,
  to: string,
  options: ConvertOptions,
  report: Report,
): Promise<Converted> {
  const between = `${resolve(to)}.v3`;
  const { compared } = await convertTo("v3.0", from, between, { ...options, recorded: true }, report);
  const { verify } = options;
  const converted = await convertTo(version, between, to, verify === undefined ? {} : { verify }, silent);
  await rm(between, { recursive: true, force: true });
  return { episodes: converted.episodes, compared: compared + converted.compared };
}

/** Any readable dataset as RLDS; `name` in lower case. */
export async function convertToRlds(
  from: string,
  to: string,
  name: string,
  options: ConvertOptions = {},
  report: Report = silent,
): Promise<Converted> {
  const source = await openDataset(from);
  try {
    const origin = { converted: resolvePath(from), to: "rlds", name };
    return await intoNewFolder(to, origin, true, async ({ folder, done }) => {
      const store = createFolderStore(folder);
      if (!done) await writeRlds(source, store, { name, deflate: (bytes) => deflateSync(bytes), report });
      if (options.verify === false) return { episodes: source.episodeCount, compared: 0 };
      const target = await openRlds(store);
      try {
        const compared = await verifyConversion(source, { names: await rldsColumns(source) }, target);
        return { episodes: source.episodeCount, compared };
      } finally {
        await target.close();
      }
    });
  } finally {
    await source.close();
  }
}
