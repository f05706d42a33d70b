/** Images as OpenVLA's processor prepares them: PIL's bicubic straight to the square, then normalised once a tower. */
import { BiddenError, type Image } from "@bidden/runtime";
import { cropNinety } from "../../image/crop.ts";
import { toFloat, toPlanes } from "../../image/float-image.ts";
import { jpegRoundTrip } from "../../image/jpeg-round-trip.ts";
import { resizeBytes, resizePil } from "../../image/resize.ts";
import type { Pixels } from "./config.ts";

/**
 * "plain": as it comes. "evaluation": as the authors evaluate checkpoints that were trained on random crops of JPEGs (round
 * trip, lanczos3, centre 90 % of the area).
 */
export type ImageForm = "plain" | "evaluation";

export function imageForm(setting: string | undefined): ImageForm {
  if (setting === undefined || setting === "plain") return "plain";
  if (setting === "evaluation") return setting;
  throw new BiddenError("bad-argument", `Setting "images": expected plain or evaluation; came "${setting}".`, {
    setting: "images",
    came: setting,
  });
}

/** The square image before normalisation. */
export function squareImage(image: Image, { side }: Pixels, form: ImageForm = "plain"): Image {
  if (form === "plain") return resizePil(image, [side, side], "bicubic");
  return cropNinety(resizeBytes(jpegRoundTrip(image), [side, side], { filter: "lanczos3", antialias: true }));
}

/** float32[3·towers, side, side] of a square image. */
export function planesOf(square: Image, { means, stds }: Pixels, towers: number): Float32Array {
  const floats = toFloat(square);
  const area = square.width * square.height;
  const out = new Float32Array(3 * towers * area);
  for (let t = 0; t < towers; t++) out.set(toPlanes(floats, means[t], stds[t]), 3 * t * area);
  return out;
}
