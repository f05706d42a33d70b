/** Where `cat` leaves pictures, and how large a dataset is on a disk. */

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { fileError } from "../files/errors.ts";
import type { ImageSink } from "./cat.ts";

/** `{ sha256, width, height }` of the decoded RGB. */
export const hashSink: ImageSink = ({ width, height, data }) =>
  Promise.resolve({ sha256: createHash("sha256").update(data).digest("hex"), width, height });

/** Writes PNG files `COLUMN-FRAME.png` into `folder`. */
export function pngSink(folder: string, episode: number): ImageSink {
  return async (image, column, frame) => {
    const name = `${column.replaceAll("/", "_")}-episode-${episode}-frame-${String(frame).padStart(6, "0")}.png`;
    try {
      await fs.mkdir(folder, { recursive: true });
      await fs.writeFile(
        join(folder, name),
        (await import("../image/png.ts")).encodePng(image, (bytes) => deflateSync(bytes)),
      );
    } catch (error) {
      throw fileError(error, "writing", join(folder, name));
    }
    return { file: name, width: image.width, height: image.height };
  };
}

/** Bytes of all files under `path`, or of the file itself. */
export async function sizeOnDisk(path: string): Promise<number> {
  try {
    const stat = await fs.stat(path);
    if (!stat.isDirectory()) return stat.size;
    let bytes = 0;
    for (const entry of await fs.readdir(path, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) bytes += (await fs.stat(join(entry.parentPath, entry.name))).size;
    }
    return bytes;
  } catch (error) {
    throw fileError(error, "measuring", path);
  }
}
