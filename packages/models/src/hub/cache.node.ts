/** Where pulled checkpoints lie on this machine. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isJsonObject } from "../checkpoint/json.ts";

/** Written last: a folder without it was not pulled to the end. */
export const RECEIPT = "bidden-pull.json";

/** What a policy is opened in when nothing else is said. */
export type Precision = "int4" | "int8" | "fp16" | "fp32";

export type Receipt = {
  readonly repository: string;
  /** The commit. */
  readonly revision: string;
  readonly precision: Precision;
  readonly files: readonly { readonly path: string; readonly size: number; readonly hash: string }[];
};

/** $BIDDEN_CACHE, or `bidden` in the user's cache folder. */
export function cacheFolder(): string {
  const own = process.env.BIDDEN_CACHE;
  if (own !== undefined && own !== "") return own;
  const base = process.env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== "" ? base : join(homedir(), ".cache"), "bidden");
}

export function folderOfRepository(repository: string): string {
  return join(cacheFolder(), "policies", repository.replace("/", "--"));
}

/** What was pulled into a folder; null where that was nothing, or not to the end. */
export function receiptOf(folder: string): Receipt | null {
  const path = join(folder, RECEIPT);
  if (!existsSync(path)) return null;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isJsonObject(value) && Array.isArray(value.files) ? (value as unknown as Receipt) : null;
  } catch {
    return null;
  }
}

/** The folder of a repository that was pulled to the end before; null where there is none. */
export function pulledFolder(repository: string): string | null {
  if (!isRepository(repository)) return null;
  const folder = folderOfRepository(repository);
  return receiptOf(folder) === null ? null : folder;
}

export function isRepository(name: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/.test(name) && !name.includes("..");
}
