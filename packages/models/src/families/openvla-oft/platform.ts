/**
 * What no file of an OpenVLA-OFT checkpoint says: the authors' code takes the length of a chunk and the kind of normalisation
 * from constants of three robot platforms (openvla-oft: prismatic/vla/constants.py). Here the name of the data set tells the
 * platform, or a setting does.
 */
import { BiddenError } from "@bidden/runtime";
import type { Bounds } from "../openvla/statistics.ts";

export type Platform = {
  readonly name: "libero" | "aloha" | "bridge";
  /** Actions of one prediction. */
  readonly chunk: number;
  readonly bounds: Bounds;
  /** Names of the images, in the order in which the model was trained to see them. */
  readonly cameras: readonly string[];
};

const PLATFORMS: readonly Platform[] = [
  { name: "libero", chunk: 8, bounds: "bounds_q99", cameras: ["full_image", "wrist_image"] },
  { name: "aloha", chunk: 25, bounds: "bounds", cameras: ["full_image", "left_wrist_image", "right_wrist_image"] },
  { name: "bridge", chunk: 5, bounds: "bounds_q99", cameras: ["full_image"] },
];

/** Settings by which a person states what the files leave open. */
export const PLATFORM_SETTINGS = ["platform", "chunk", "bounds", "cameras"];

/**
 * @param dataset whose statistics are used
 * @param actionDim 14 is ALOHA's two arms
 */
export function platformOf(
  settings: Readonly<Record<string, string>>,
  dataset: string,
  actionDim: number,
): Omit<Platform, "name"> & { readonly name: string } {
  const asked = settings.platform;
  const known = PLATFORMS.find(({ name }) =>
    asked === undefined ? dataset.toLowerCase().includes(name) : name === asked,
  );
  const found = known ?? (asked === undefined && actionDim === 14 ? PLATFORMS[1] : undefined);
  if (found === undefined && (asked !== undefined || settings.chunk === undefined || settings.bounds === undefined)) {
    throw new BiddenError(
      asked === undefined ? "bad-checkpoint" : "bad-argument",
      `The files do not say how many actions a chunk has; set platform to ${PLATFORMS.map(({ name }) => name).join(", ")}, or chunk and bounds; came ${asked === undefined ? `data set "${dataset}"` : `platform "${asked}"`}.`,
      { field: "platform", dataset },
    );
  }
  const base = found ?? { name: "other", chunk: 1, bounds: "bounds_q99" as const, cameras: ["full_image"] };
  return {
    ...base,
    chunk: whole(settings, "chunk", base.chunk),
    bounds: boundsOf(settings.bounds, base.bounds),
    cameras: camerasOf(base.cameras, whole(settings, "cameras", base.cameras.length)),
  };
}

function camerasOf(names: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => names[i] ?? `image_${i}`);
}

function boundsOf(setting: string | undefined, fallback: Bounds): Bounds {
  if (setting === undefined) return fallback;
  if (setting === "bounds" || setting === "bounds_q99") return setting;
  throw new BiddenError("bad-argument", `Setting "bounds": expected bounds or bounds_q99; came "${setting}".`);
}

function whole(settings: Readonly<Record<string, string>>, name: string, fallback: number): number {
  const text = settings[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0 && value <= 1000) return value;
  throw new BiddenError("bad-argument", `Setting "${name}": expected a whole number from 1 to 1000; came "${text}".`);
}
