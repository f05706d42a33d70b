/**
 * Any readable dataset to LeRobotDataset v3.0 with pictures. Arrays are copied exactly; pictures that are stored one by one keep
 * their bytes. Interrupted conversions go on where they stopped: episodes that are in the target already are not done again.
 */

import { BiddenError } from "@bidden/runtime";
import { elementsOf, isNumberDtype } from "../dataset/columns.ts";
import type { Column, Dataset, EpisodeData, Feature, Features } from "../dataset/types.ts";
import { plain } from "../inspect/cat.ts";
import { isDefaultFeature } from "../lerobot/features.ts";
import type { Recorder } from "../lerobot/recorder.ts";
import type { FrameValue } from "../lerobot/running-episode.ts";
import { allowedError, findLostBlock } from "../video/lost-content.ts";
import {
  DEFAULT_QUALITY,
  DEFAULT_VIDEO,
  holdsPictures,
  picturesHeld,
  type VideoCodec,
  type VideoOptions,
} from "../video/picture-encoder.ts";
import { planesFromRgb } from "../video/planes.ts";

export type ConversionPlan = {
  readonly features: Features;
  /** Column of the source → feature of the target. */
  readonly names: Readonly<Record<string, string>>;
  readonly fps: number;
  readonly robotType: string;
  readonly video?: VideoOptions;
  /** What a person should know about it. */
  readonly remarks: readonly string[];
};

export type PlanOptions = {
  /** For sources that do not say it. */
  readonly fps?: number;
  readonly robotType?: string;
  /** Pictures become videos so; they stay pictures when absent. */
  readonly video?: VideoOptions;
};

/** LeRobot's conventions: pictures under "observation.images.", no "/". */
export function targetName(source: string, feature: Feature): string {
  const dotted = source.replace(/^\//, "").replaceAll("/", ".");
  const picture = feature.dtype === "image" || feature.dtype === "video";
  if (!picture || dotted.startsWith("observation.images.")) return dotted;
  return `observation.images.${dotted.replace(/^(observations?|obs)\.(images\.)?/, "")}`;
}

/** Decides names, shapes and rate; reads the first episode, because some sources do not say how large their pictures are. */
export async function planConversion(source: Dataset, options: PlanOptions = {}): Promise<ConversionPlan> {
  const fps = options.fps ?? source.fps;
  if (fps === null) {
    throw new BiddenError(
      "bad-argument",
      `${source.path} does not say how many frames a second it has: give it (--fps).`,
      { path: source.path },
    );
  }
  if (!Number.isInteger(fps) || fps < 1) {
    throw new BiddenError(
      "bad-argument",
      `LeRobot wants a whole number of frames a second; ${source.path} has ${fps}. Give one (--fps).`,
      { fps },
    );
  }
  if (source.episodeCount === 0)
    throw new BiddenError("bad-dataset", `${source.path} holds no episodes.`, { path: source.path });
  const first = await source.read(0, { from: 0, to: 1 });
  const features: Record<string, Feature> = {};
  const names: Record<string, string> = {};
  const remarks: string[] = [];
  for (const [name, feature] of Object.entries(source.features)) {
    const column = first.columns[name];
    if (isDefaultFeature(name) || column === undefined) continue;
    const target = uniqueName(targetName(name, feature), features);
    names[name] = target;
    features[target] = await targetFeature(feature, column, options.video?.codec ?? null);
    const [height = 0, width = 0] = features[target].shape;
    if (options.video !== undefined && features[target].dtype === "image")
      remarks.push(`"${target}" stays pictures: ${picturesHeld(options.video.codec)}; its are ${width} x ${height}.`);
  }
  const robotType = options.robotType ?? source.robotType ?? "unknown";
  return { features, names, fps, robotType, remarks, ...(options.video === undefined ? {} : { video: options.video }) };
}

function uniqueName(name: string, taken: Readonly<Record<string, Feature>>): string {
  let unique = isDefaultFeature(name) || name === "task" || name === "" ? `source.${name}` : name;
  while (unique in taken) unique += "_";
  return unique;
}

async function targetFeature(feature: Feature, column: Column, codec: VideoCodec | null): Promise<Feature> {
  const text: Feature = { dtype: "string", shape: [1], names: null };
  if (column.kind === "text" || column.kind === "json") return text;
  if (column.kind === "images") {
    const { width, height } = await column.image(0);
    const dtype = codec !== null && holdsPictures(codec, width, height) ? "video" : "image";
    return { dtype, shape: [height, width, 3], names: ["height", "width", "channels"] };
  }
  if (!isNumberDtype(feature.dtype) || column.shape.length > 5) return text;
  const names =
    Array.isArray(feature.names) && feature.names.length !== elementsOf(column.shape) ? null : (feature.names ?? null);
  return { dtype: column.dtype, shape: column.shape, names };
}

export type Progress = { readonly done: number; readonly total: number };

/** @param recorder opened with the plan's features, rate and robot. */
export async function convertEpisodes(
  source: Dataset,
  plan: ConversionPlan,
  recorder: Recorder,
  report: (progress: Progress) => void = () => undefined,
): Promise<void> {
  const total = source.episodeCount;
  for (let index = recorder.episodeCount; index < total; index++) {
    const [data, info] = [await source.read(index), await source.episode(index)];
    const extra = {
      ...(plain(info.extra) as Record<string, unknown>),
      source: { path: source.path, format: source.format, episode: index },
    };
    if (data.length === 0)
      throw new BiddenError("bad-dataset", `Episode ${index} of ${source.path} has no frames.`, { episode: index });
    recorder.begin({ task: data.tasks[0] ?? "", extra });
    for (let frame = 0; frame < data.length; frame++) {
      recorder.setTask(data.tasks[frame] ?? "");
      recorder.addFrame(await frameOf(data, plan, frame));
    }
    await recorder.end();
    report({ done: index + 1, total });
  }
}

async function frameOf(data: EpisodeData, plan: ConversionPlan, frame: number): Promise<Record<string, FrameValue>> {
  const out: Record<string, FrameValue> = {};
  for (const [name, target] of Object.entries(plan.names)) {
    const column = data.columns[name];
    if (column === undefined) {
      throw new BiddenError("bad-dataset", `Episode ${data.index} has no column "${name}", which others have.`, {
        column: name,
      });
    }
    out[target] = await cellOf(column, frame);
  }
  return out;
}

async function cellOf(column: Column, frame: number): Promise<FrameValue> {
  switch (column.kind) {
    case "text":
      return column.values[frame] ?? "";
    case "json":
      return JSON.stringify(plain(column.values[frame]));
    case "images": {
      const encoded = column.encoded(frame);
      const image = await column.image(frame);
      return encoded === null ? image : { encoded, image };
    }
    case "numbers": {
      const size = elementsOf(column.shape);
      return column.values.subarray(frame * size, (frame + 1) * size);
    }
    default:
      return column satisfies never;
  }
}

/** Compares every value of the target with the source. @returns how many values were compared. */
export async function verifyConversion(
  source: Dataset,
  plan: Pick<ConversionPlan, "names" | "video">,
  target: Dataset,
): Promise<number> {
  let compared = 0;
  if (target.episodeCount !== source.episodeCount) {
    throw new BiddenError(
      "bad-dataset",
      `${target.path} has ${target.episodeCount} episodes, the source ${source.episodeCount}.`,
    );
  }
  for (let index = 0; index < source.episodeCount; index++) {
    const [a, b] = [await source.read(index), await target.read(index)];
    if (a.tasks.join("\n") !== b.tasks.join("\n")) throw differs(target, index, "task");
    for (const [name, own] of Object.entries(plan.names)) {
      const wrong = (): BiddenError => differs(target, index, own);
      compared +=
        target.features[own]?.dtype === "video"
          ? await comparePictures(a.columns[name], b.columns[own], plan.video, wrong)
          : compareColumns(a.columns[name], b.columns[own], wrong);
    }
  }
  return compared;
}

function differs(target: Dataset, episode: number, column: string): BiddenError {
  return new BiddenError(
    "bad-dataset",
    `${target.path}: "${column}" of episode ${episode} is not what the source has.`,
    { episode, column },
  );
}

/** Pictures that were encoded with loss: what they show. */
async function comparePictures(
  a: Column | undefined,
  b: Column | undefined,
  video: VideoOptions | undefined,
  wrong: () => BiddenError,
): Promise<number> {
  if (a?.kind !== "images" || b?.kind !== "images" || a.length !== b.length) throw wrong();
  // Through RGB and back light moves a little more.
  const { codec, quality = DEFAULT_QUALITY[codec] } = video ?? DEFAULT_VIDEO;
  const allowed = allowedError(codec, quality) + 4;
  for (let frame = 0; frame < a.length; frame++) {
    const [source, own] = [planesFromRgb(await a.image(frame)), planesFromRgb(await b.image(frame))];
    if (findLostBlock(source, own, allowed) !== null) throw wrong();
  }
  return a.length;
}

function compareColumns(a: Column | undefined, b: Column | undefined, wrong: () => BiddenError): number {
  if (a?.kind === "numbers" && b?.kind === "numbers") {
    const same = a.values.length === b.values.length && a.values.every((value, i) => Object.is(value, b.values[i]));
    if (!same) throw wrong();
    return a.values.length;
  }
  if (a?.kind === "images" && b?.kind === "images") {
    for (let frame = 0; frame < a.length; frame++) {
      const [x, y] = [a.encoded(frame), b.encoded(frame)];
      // Raw pictures were encoded on the way; lossless by construction.
      if (x !== null && (y === null || x.length !== y.length || x.some((byte, i) => byte !== y[i]))) throw wrong();
    }
    return a.length;
  }
  if (b?.kind !== "text" || a === undefined || a.kind === "numbers" || a.kind === "images") throw wrong();
  const texts = a.kind === "text" ? a.values : a.values.map((value) => JSON.stringify(plain(value)));
  if (texts.length !== b.values.length || texts.some((text, i) => text !== b.values[i])) throw wrong();
  return texts.length;
}
