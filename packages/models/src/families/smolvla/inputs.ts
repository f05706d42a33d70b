/**
 * What SmolVLA is shown. Images are resized without antialiasing into a box of (width, height) and padded with black on the left
 * and on top; absent cameras become masked slots, but no more of them than `empty_cameras`; the instruction ends in a newline;
 * the state is normalised, then padded with zeros.
 */
import { BiddenError, type Image } from "@bidden/runtime";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { checkImage, mapImage, toFloat, toPlanes } from "../../image/float-image.ts";
import { resizeWithPad } from "../../image/resize.ts";
import type { SmolVlaConfig } from "./config.ts";
import type { Pixels } from "./engine.ts";

/**
 * Slots in the order in which the network reads them: cameras that are there, then masked ones (null).
 * @throws when no camera is there, or one that the checkpoint does not know
 */
export function imageSlots(config: SmolVlaConfig, images: FamilyObservation["images"]): (Pixels | null)[] {
  const names = config.cameras.map(({ name }) => name);
  const unknown = Object.keys(images).filter((name) => !names.includes(name));
  const present = config.cameras.filter(({ name }) => images[name] !== undefined);
  if (unknown.length > 0 || present.length === 0) {
    throw new BiddenError(
      "bad-argument",
      `The policy reads the cameras ${names.join(", ")}, at least one of them; came ${Object.keys(images).join(", ") || "none"}.`,
      { field: "images", expected: names, unknown },
    );
  }
  const absent = Math.min(names.length - present.length, config.emptyCameras);
  const seen = present.map(({ name }) => toPixels(config, images[name] as Image));
  return [...seen, ...Array.from({ length: absent }, () => null)];
}

/** Bytes to float32[3, height, width] in [-1, 1]. */
export function toPixels(config: SmolVlaConfig, image: Image): Pixels {
  checkImage(image);
  const { imageSize } = config;
  const whole = toFloat(image);
  const fits = imageSize === null || (imageSize.width === image.width && imageSize.height === image.height);
  const sized = fits
    ? whole
    : resizeWithPad(whole, [imageSize.height, imageSize.width], { place: "left-top", pad: 0, antialias: false });
  const data = toPlanes(mapImage(sized, (value) => Math.fround(value * 2) - 1));
  return { data, height: sized.height, width: sized.width };
}

/** The instruction as the tokenizer gets it. */
export function promptOf(instruction: string): string {
  return instruction.endsWith("\n") ? instruction : `${instruction}\n`;
}

/** Values with zeros after them. */
export function padded(values: Float32Array, width: number): Float32Array {
  const out = new Float32Array(width);
  out.set(values);
  return out;
}
