/** `bidden data lint --fix`: mends a dataset in place, all at once or not at all, or into a new folder. */

import * as fs from "node:fs/promises";
import { basename } from "node:path";
import { fileError } from "../files/errors.ts";
import { commitFiles, JOURNAL_FOLDER, recover } from "../files/journal.ts";
import { takeLock } from "../files/lock.ts";
import { intoNewFolder } from "../files/new-folder.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { PROCESSES } from "../lerobot/open.node.ts";
import { loadCodecsIfThere } from "../video/codecs.node.ts";
import type { FixPlan } from "./fix.ts";
import { lintAndPlan } from "./lint.ts";
import type { Finding } from "./types.ts";

export type Fixed = {
  readonly fixed: FixPlan["fixed"];
  /** What lint still finds. */
  readonly left: readonly Finding[];
};

/** @param to a new folder for the mended dataset; in place when null. */
export async function fixDataset(path: string, to: string | null): Promise<Fixed> {
  if (to === null) return fixInPlace(path);
  return intoNewFolder(to, { fixed: path }, false, async ({ folder }) => {
    try {
      await fs.cp(path, folder, {
        recursive: true,
        // Files of the Hub's cache are links.
        dereference: true,
        filter: (file) => basename(file) !== JOURNAL_FOLDER,
      });
    } catch (error) {
      throw fileError(error, "copying", path);
    }
    return fixInPlace(folder);
  });
}

const PASSES = 3;

async function fixInPlace(path: string): Promise<Fixed> {
  const store = createFolderStore(path);
  const before = await lintAndPlan(store, loadCodecsIfThere);
  if (before.plan.files.size === 0) return { fixed: [], left: before.findings };
  // Nobody may be recording meanwhile.
  const giveBack = await takeLock(store, PROCESSES);
  try {
    await recover(store);
    const fixed: FixPlan["fixed"][number][] = [];
    let { findings, plan } = await lintAndPlan(store, loadCodecsIfThere);
    // Numbers that are right again can show that statistics of them are not.
    for (let pass = 0; pass < PASSES && plan.files.size > 0; pass++) {
      await commitFiles(store, plan.files);
      fixed.push(...plan.fixed);
      ({ findings, plan } = await lintAndPlan(store, loadCodecsIfThere));
    }
    return { fixed, left: findings };
  } finally {
    await giveBack();
    if ((await store.list(JOURNAL_FOLDER)).every((name) => name === "staged/")) await store.remove(JOURNAL_FOLDER);
  }
}
