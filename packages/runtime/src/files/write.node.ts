/** Folders to write into, made before the work begins: what cannot be written is found out first, not after hours. */
import { constants } from "node:fs";
import { access, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BiddenError, type ErrorCode, messageOf } from "../contract/errors.ts";

/**
 * Makes the folder with all that lead to it, and makes sure that it may be written.
 * @param purpose what it is for, as a sentence goes on: "to record to"
 * @returns the absolute path
 * @throws BiddenError `no-permission`, `disk-full` or `bad-argument` (there is a file of that name)
 */
export async function makeFolder(folder: string, purpose: string): Promise<string> {
  const path = resolve(folder);
  try {
    await makeAll(path);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw inWords(thrown, path, `make the folder ${path} ${purpose}`);
  }
  return path;
}

/**
 * Writes the file whole or not at all: a full disk leaves no half of it, and what stood there before stands there still.
 * @throws BiddenError `no-permission`, `disk-full` or `bad-argument`
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const half = `${path}.${process.pid}.part`;
  try {
    await writeFile(half, content, { flush: true });
    await rename(half, path);
  } catch (thrown) {
    await rm(half, { force: true }).catch(() => undefined);
    throw inWords(thrown, path, `write ${path}`);
  }
}

/** One by one: Node's recursive `mkdir` never returns where a file system such as /proc refuses new folders. */
async function makeAll(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there?.isDirectory() === true) return;
  if (there === null && dirname(path) !== path) await makeAll(dirname(path));
  await mkdir(path).catch(async (thrown: unknown) => {
    // somebody else may have made it in the meantime
    const now = await stat(path).catch(() => null);
    if (now?.isDirectory() !== true) throw thrown;
  });
}

function inWords(thrown: unknown, path: string, doing: string): BiddenError {
  const systemError = (thrown as { readonly code?: unknown } | null)?.code;
  const [code, advice] = whatToDo(systemError);
  const fields = { path, systemError: typeof systemError === "string" ? systemError : "" };
  return new BiddenError(code, `Cannot ${doing} (${messageOf(thrown)}). ${advice}`, fields, thrown);
}

function whatToDo(systemError: unknown): readonly [ErrorCode, string] {
  switch (systemError) {
    case "ENOSPC":
    case "EDQUOT":
      return ["disk-full", "The disk is full: free some space, or name a folder on another one."];
    case "EEXIST":
    case "EISDIR":
    case "ENOTDIR":
      return ["bad-argument", "There is something else of that name: choose another."];
    default:
      return ["no-permission", "Name one that may be written."];
  }
}
