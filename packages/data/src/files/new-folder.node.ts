/**
 * Folders that appear whole or not at all: work goes on in `NAME.partial` beside the target, and one rename makes it the target. A
 * kill leaves the partial folder, marked by its name and by a file that says what it was to become; the same command goes on with it.
 */

import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { BiddenError } from "@bidden/runtime";
import { makeFolder } from "@bidden/runtime/node";
import { fileError } from "./errors.ts";
import { JOURNAL_FOLDER } from "./journal.ts";
import { createFolderStore } from "./store.node.ts";

/** What a folder is made from: plain JSON; the same work has the same. */
export type Origin = Readonly<Record<string, unknown>>;

/** Stays in the finished folder, so that repeating the command finds that nothing is left to do. */
const MARK = `${JOURNAL_FOLDER}/made-from.json`;

export type NewFolder = {
  /** Where to write. */
  readonly folder: string;
  /** The target is there already, whole and of the same origin: nothing to do but to check it. */
  readonly done: boolean;
};

/** @param keep what was written so far stays when `work` fails, for the next attempt. */
export async function intoNewFolder<T>(
  to: string,
  origin: Origin,
  keep: boolean,
  work: (target: NewFolder) => Promise<T>,
): Promise<T> {
  const target = resolve(to);
  if (await isOccupied(target)) {
    if (keep && (await readMark(target)) === JSON.stringify(origin)) return work({ folder: target, done: true });
    throw new BiddenError("bad-argument", `${target} exists already and is not empty: choose a new folder.`, {
      path: target,
    });
  }
  const partial = `${target}.partial`;
  await preparePartial(partial, origin, keep);
  try {
    const result = await work({ folder: partial, done: false });
    await fs.rm(target, { recursive: true, force: true });
    await createFolderStore(dirname(target)).rename(basename(partial), basename(target));
    return result;
  } catch (error) {
    const begun = (await fs.readdir(partial).catch(() => [])).some((name) => name !== JOURNAL_FOLDER);
    if (!keep || !begun) await fs.rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function isOccupied(path: string): Promise<boolean> {
  try {
    return (await fs.readdir(path)).length > 0;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT") return false;
    throw fileError(error, "reading", path);
  }
}

async function readMark(folder: string): Promise<string | null> {
  const bytes = await createFolderStore(folder).read(MARK);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** An empty marked folder, or the one that the same work left. */
async function preparePartial(partial: string, origin: Origin, keep: boolean): Promise<void> {
  const mark = JSON.stringify(origin);
  if (existsSync(partial)) {
    const left = await readMark(partial);
    if (keep && left === mark) return;
    if (left === null) {
      throw new BiddenError("bad-argument", `${partial} is in the way and was not left by bidden: move it away.`, {
        path: partial,
      });
    }
    if (left !== mark && keep) {
      throw new BiddenError(
        "bad-argument",
        `${partial} is what another command left (${left.slice(0, 200)}): repeat that command to finish it, or remove the folder.`,
        { path: partial },
      );
    }
    await fs.rm(partial, { recursive: true, force: true });
  }
  await makeFolder(partial, "for the new dataset");
  await createFolderStore(partial).write(MARK, new TextEncoder().encode(mark));
}
