/**
 * Keeps computed values (quantised, merged, widened) in a hidden folder of the checkpoint: one file a value, written whole and
 * then renamed, so that an opening that was interrupted goes on where it stopped.
 */
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { KeptValues } from "./engine.ts";

/** Below the checkpoint's folder. */
const FOLDER = ".bidden";
/** A folder that belongs to somebody else, or a disk that is only for reading. */
const NOT_WRITABLE = ["EACCES", "EPERM", "EROFS"];

/** Fewer bytes are converted again in a moment. */
const AT_LEAST = 32_000_000;

export function keptBeside(atLeast: number = AT_LEAST): KeptValues {
  return {
    atLeast,
    read: (root, path) => readFile(join(root, path)),
    file: async (root, key, bytes, make) => {
      const path = `${FOLDER}/${key}.bin`;
      const facts = await stat(join(root, path)).catch(() => null);
      if (facts?.size === bytes) return path;
      try {
        await mkdir(join(root, FOLDER), { recursive: true });
        await writeWhole(join(root, path), await make());
      } catch (error) {
        const code = (error as { readonly code?: unknown }).code;
        if (NOT_WRITABLE.includes(String(code))) return null;
        if (error instanceof BiddenError) throw error;
        throw new BiddenError(
          code === "ENOSPC" ? "disk-full" : "bad-file",
          `Could not keep a converted weight of ${bytes} bytes in "${join(root, FOLDER)}": ${messageOf(error)}.`,
          { folder: join(root, FOLDER), bytes },
          error,
        );
      }
      return path;
    },
  };
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  const handle = await open(partial, "w");
  try {
    for (let at = 0; at < bytes.length; ) {
      at += (await handle.write(bytes, at, Math.min(bytes.length - at, 1 << 30))).bytesWritten;
    }
    await handle.close();
    await rename(partial, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}
