/** meta/info.json of LeRobotDataset v2.1 and v3.0. */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { Dtype, Feature, Features } from "../dataset/types.ts";
import { NUMBER_DTYPES } from "../dataset/types.ts";

export const INFO_PATH = "meta/info.json";
export const STATS_PATH = "meta/stats.json";
export const TASKS_PATH = "meta/tasks.parquet";
export const DATA_TEMPLATE = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet";
export const VIDEO_TEMPLATE = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";
export const EPISODES_TEMPLATE = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet";

/** Fields as LeRobot spells them; everything else in the file is kept in `rest`. */
export type LeRobotInfo = {
  readonly codebase_version: string;
  readonly robot_type: string | null;
  readonly fps: number;
  readonly total_episodes: number;
  readonly total_frames: number;
  readonly total_tasks: number;
  readonly chunks_size: number;
  readonly data_path: string;
  readonly video_path: string | null;
  readonly splits: Readonly<Record<string, string>>;
  readonly features: Features;
  readonly rest: Readonly<Record<string, unknown>>;
};

const DTYPES: readonly Dtype[] = [...NUMBER_DTYPES, "string", "image", "video", "language"];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param where the dataset, for messages. */
export function parseInfo(bytes: Uint8Array, where: string): LeRobotInfo {
  const bad = (what: string, cause?: unknown): BiddenError =>
    new BiddenError("bad-dataset", `${where}/${INFO_PATH}: ${what}.`, { file: INFO_PATH }, cause);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw bad(`not JSON (${messageOf(error)})`, error);
  }
  if (!isObject(json)) throw bad("expected an object");
  const { codebase_version, robot_type, fps, features, splits, data_path, video_path, ...others } = json;
  const { total_episodes, total_frames, total_tasks, chunks_size, ...rest } = others;
  const count = (name: string, value: unknown, least: number, otherwise: number): number => {
    if (value === undefined || value === null) return otherwise;
    if (typeof value === "number" && Number.isFinite(value) && value >= least && Number.isInteger(value)) return value;
    throw bad(`"${name}" must be an integer of at least ${least}, got ${JSON.stringify(value)}`);
  };
  if (typeof codebase_version !== "string") throw bad('"codebase_version" is missing');
  if (typeof fps !== "number" || !(fps > 0)) throw bad(`"fps" must be a positive number, got ${JSON.stringify(fps)}`);
  if (!isObject(features)) throw bad('"features" is missing');
  const parsed: Record<string, Feature> = {};
  for (const [name, feature] of Object.entries(features)) parsed[name] = parseFeature(name, feature, bad);
  return {
    codebase_version,
    robot_type: typeof robot_type === "string" ? robot_type : null,
    fps,
    total_episodes: count("total_episodes", total_episodes, 0, 0),
    total_frames: count("total_frames", total_frames, 0, 0),
    total_tasks: count("total_tasks", total_tasks, 0, 0),
    chunks_size: count("chunks_size", chunks_size, 1, 1000),
    data_path: typeof data_path === "string" ? data_path : DATA_TEMPLATE,
    video_path: typeof video_path === "string" ? video_path : null,
    splits: isObject(splits) ? (splits as Record<string, string>) : {},
    features: parsed,
    rest,
  };
}

function parseFeature(name: string, value: unknown, bad: (what: string) => BiddenError): Feature {
  if (!isObject(value)) throw bad(`feature "${name}" must be an object`);
  const { dtype, shape, names, info, video_info } = value;
  if (!DTYPES.includes(dtype as Dtype)) throw bad(`feature "${name}" has unknown dtype ${JSON.stringify(dtype)}`);
  const sizes = Array.isArray(shape) ? shape : typeof shape === "number" ? [shape] : null;
  if (sizes === null || sizes.length > 5 || !sizes.every((n) => Number.isInteger(n) && n > 0 && n < 1 << 24)) {
    throw bad(`feature "${name}" has shape ${JSON.stringify(shape)}; expected positive integers`);
  }
  const facts = isObject(info) ? info : isObject(video_info) ? video_info : null;
  return {
    dtype: dtype as Dtype,
    shape: sizes as number[],
    names: Array.isArray(names) ? (names as string[]) : isObject(names) ? names : null,
    ...(facts === null ? {} : { info: facts }),
  };
}

/** As LeRobot writes it: indent 4, non-ASCII kept. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value, null, 4));
}

export function encodeInfo({ rest, ...info }: LeRobotInfo): Uint8Array {
  return encodeJson({ ...info, ...rest });
}

/** Fills `{name}` and `{name:03d}` of a path template; anything else in braces is an error. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  const path = template.replace(/\{(\w+)(?::0(\d)d)?\}/g, (whole, name: string, width: string | undefined) => {
    const value = values[name];
    if (value === undefined)
      throw new BiddenError("bad-dataset", `Path template "${template}" has unknown part ${whole}.`);
    return String(value).padStart(Number(width ?? 0), "0");
  });
  const parts = path.split("/");
  if (
    path.startsWith("/") ||
    /[{}\\\0]/.test(path) ||
    parts.includes("..") ||
    parts.some((part) => part.includes(":"))
  ) {
    throw new BiddenError(
      "bad-dataset",
      `Path template "${template}" is not allowed: it must stay inside the dataset.`,
      {
        template,
      },
    );
  }
  return path;
}
