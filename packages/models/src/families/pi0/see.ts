/** Pictures as π models read them: brought into a square with the borders shared, 0..255 to -1..1, channels first. */
import { BiddenError, type Image } from "@bidden/runtime";
import { mapImage, toFloat, toPlanes } from "../../image/float-image.ts";
import { resizeWithPad } from "../../image/resize.ts";

/**
 * openpi's and LeRobot's PyTorch pipelines: bilinear without antialiasing, borders shared evenly and black (-1).
 * @returns float32[3, side, side]
 */
export function piPixels(image: Image, side: number): Float32Array {
  const shares = toFloat(image);
  const fits = image.width === side && image.height === side;
  const square = fits
    ? shares
    : mapImage(resizeWithPad(shares, [side, side], { place: "centre", pad: 0, antialias: false }), clamp);
  return toPlanes(mapImage(square, (value) => Math.fround(value * 2) - 1));
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** The pictures that are there, in the order of the checkpoint's cameras; one at least must be. */
export function presentImages(
  images: Readonly<Record<string, Image>>,
  cameras: readonly string[],
): readonly { readonly name: string; readonly image: Image }[] {
  const unknown = Object.keys(images).filter((name) => !cameras.includes(name));
  const present = cameras.flatMap((name) => {
    const image = images[name];
    return image === undefined ? [] : [{ name, image }];
  });
  if (unknown.length === 0 && present.length > 0) return present;
  const came = unknown.length > 0 ? `pictures of ${unknown.join(", ")}` : "no picture";
  throw new BiddenError("bad-argument", `The policy sees through ${cameras.join(", ")}; came ${came}.`, {
    expected: [...cameras],
    came,
  });
}
