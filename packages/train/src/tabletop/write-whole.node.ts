import { renameSync, writeFileSync } from "node:fs";

/** Writes a file so that a reader, or a crash, sees the old one or the new one and nothing between. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  writeFileSync(`${path}.part`, bytes);
  renameSync(`${path}.part`, path);
}
