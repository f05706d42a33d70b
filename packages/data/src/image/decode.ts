/** Pictures by what their first bytes say: file names and declared formats lie. */

import { BiddenError, type Image } from "@bidden/runtime";
import { decodeJpeg, isJpeg } from "./jpeg.ts";
import { decodePng, isPng } from "./png.ts";

/** @param where named in errors. */
export async function decodeImage(bytes: Uint8Array, where: string): Promise<Image> {
  if (isPng(bytes)) return decodePng(bytes, where);
  if (isJpeg(bytes)) return decodeJpeg(bytes, where);
  throw new BiddenError("bad-dataset", `${where} is neither PNG nor JPEG.`, { where });
}
