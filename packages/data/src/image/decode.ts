/** Pictures by what their first bytes say: file names and declared formats lie. */

import { BiddenError, type Image } from "@bidden/runtime";
import { isJpeg, isPng } from "./kinds.ts";

/** Decoders are loaded when the first picture of their kind comes. @param where named in errors. */
export async function decodeImage(bytes: Uint8Array, where: string): Promise<Image> {
  if (isPng(bytes)) return (await import("./png.ts")).decodePng(bytes, where);
  if (isJpeg(bytes)) return (await import("./jpeg.ts")).decodeJpeg(bytes, where);
  throw new BiddenError("bad-dataset", `${where} is neither PNG nor JPEG.`, { where });
}
