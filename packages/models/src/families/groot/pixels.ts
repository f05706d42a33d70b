/** Images as GR00T's vision encoder takes them. */
import { BiddenError, type Image } from "@bidden/runtime";
import { centreCrop } from "../../image/crop.ts";
import { toBytes, toFloat } from "../../image/float-image.ts";
import { resizeFloat } from "../../image/resize.ts";

/** Share of an image's sides that its centre crop keeps. */
const CROP = 0.95;

/** The centre, at the network's size: antialiased in floats, then cut to whole levels, as in training. */
export function grootView(image: Image | undefined, name: string, side: number): Image {
  if (image === undefined) {
    throw new BiddenError("bad-argument", `The policy wants an image from "${name}"; came none.`, { field: name });
  }
  const crop = [Math.trunc(image.height * CROP), Math.trunc(image.width * CROP)] as const;
  return toBytes(resizeFloat(centreCrop(toFloat(image), crop), [side, side], { antialias: true }), 255, "truncate");
}

/** uint8 to -1..1: float32[3, side, side]. */
export function grootPixels({ width, height, data }: Image): Float32Array {
  const places = width * height;
  const table = Float32Array.from({ length: 256 }, (_, level) => Math.fround(Math.fround(level / 255) * 2) - 1);
  return Float32Array.from({ length: 3 * places }, (_, i) => {
    return table[data[(i % places) * 3 + Math.floor(i / places)] as number] as number;
  });
}
