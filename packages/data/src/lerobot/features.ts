/** LeRobot's features: what every frame holds, and the rules they obey. */

import { BiddenError } from "@bidden/runtime";
import { isNumberDtype } from "../dataset/columns.ts";
import type { Feature, Features } from "../dataset/types.ts";
import { DEFAULT_GOP, DEFAULT_QUALITY, type VideoOptions } from "../video/picture-encoder.ts";

const one = (dtype: "float32" | "int64"): Feature => ({ dtype, shape: [1], names: null });

/** Columns that LeRobot keeps in every dataset, after those of the user and in this order. */
export const DEFAULT_FEATURES = {
  timestamp: one("float32"),
  frame_index: one("int64"),
  episode_index: one("int64"),
  index: one("int64"),
  task_index: one("int64"),
} as const satisfies Features;

export type DefaultFeature = keyof typeof DEFAULT_FEATURES;

export function isDefaultFeature(name: string): name is DefaultFeature {
  return name in DEFAULT_FEATURES;
}

const ENCODERS = { h264: "openh264", av1: "libaom" } as const;

/** What LeRobot calls `info` of a video that bidden encodes. */
export function videoFacts({ shape }: Feature, fps: number, options: VideoOptions): Record<string, unknown> {
  const [height, width, channels] = shape;
  return {
    "video.height": height,
    "video.width": width,
    "video.codec": options.codec,
    "video.pix_fmt": "yuv420p",
    "video.fps": fps,
    "video.channels": channels,
    has_audio: false,
    "video.g": options.gop ?? DEFAULT_GOP,
    "video.crf": null,
    "video.preset": null,
    "video.extra_options": { encoder: ENCODERS[options.codec], qp: options.quality ?? DEFAULT_QUALITY[options.codec] },
    is_depth_map: false,
  };
}

/** Checks what a recorder was asked to write and adds the default features. */
export function completeFeatures(features: Features): Features {
  for (const [name, feature] of Object.entries(features)) checkFeature(name, feature);
  return { ...features, ...DEFAULT_FEATURES };
}

function checkFeature(name: string, { dtype, shape, names }: Feature): void {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-argument", `Feature "${name}" ${what}.`, { feature: name });
  if (name === "" || name.includes("/")) throw bad('must have a name without "/"');
  if (isDefaultFeature(name) || name === "task")
    throw bad("is written by the recorder itself and must not be declared");
  const picture = dtype === "image" || dtype === "video";
  if (!isNumberDtype(dtype) && dtype !== "string" && !picture) {
    throw bad(`has dtype ${dtype}; a recorder writes numbers, bool, string, image and video`);
  }
  if (shape.length < 1 || shape.length > 5 || shape.some((n) => !Number.isInteger(n) || n < 1)) {
    throw bad(`has shape [${shape.join(", ")}]; expected one to five positive integers`);
  }
  if (picture && (shape.length !== 3 || shape[2] !== 3)) {
    throw bad(`is a picture; expected shape [height, width, 3], got [${shape.join(", ")}]`);
  }
  if (dtype === "string" && (shape.length !== 1 || shape[0] !== 1)) throw bad("is a string; expected shape [1]");
  if (Array.isArray(names) && shape.length === 1 && names.length !== shape[0]) {
    throw bad(`has ${names.length} names for ${shape[0]} numbers`);
  }
}

/** A sentence about the first difference that matters to frames; null when there is none. */
export function featureDifference(have: Features, want: Features): string | null {
  for (const name of new Set([...Object.keys(have), ...Object.keys(want)])) {
    const a = have[name];
    const b = want[name];
    if (b === undefined) return `it has a feature "${name}", which is not given`;
    if (a === undefined) return `it has no feature "${name}"`;
    if (a.dtype !== b.dtype) return `feature "${name}" is ${a.dtype} in it, not ${b.dtype}`;
    if (a.shape.join() !== b.shape.join()) {
      return `feature "${name}" has shape [${a.shape.join(", ")}] in it, not [${b.shape.join(", ")}]`;
    }
    if (JSON.stringify(a.names ?? null) !== JSON.stringify(b.names ?? null)) {
      return `feature "${name}" has other names in it: ${JSON.stringify(a.names ?? null)}`;
    }
  }
  return null;
}
