/** Looks for the known faults of LeRobot datasets (data.md 5.4). Flags, never drops. */

import type { FileStore } from "../files/store.ts";
import { checkContent } from "./content.ts";
import { checkEpisodes } from "./episodes-rule.ts";
import { closeRaw, loadRaw } from "./load.ts";
import { checkPictures } from "./pictures-rule.ts";
import { checkStructure } from "./structure.ts";
import type { Finding, Severity } from "./types.ts";
import { checkVideos } from "./video-rules.ts";
import { checkWords } from "./words-rule.ts";

const ORDER: readonly Severity[] = ["error", "warning", "info"];

/** Worst first. @throws when not even meta/info.json can be read. */
export async function lintLeRobot(store: FileStore): Promise<Finding[]> {
  const raw = await loadRaw(store);
  try {
    const findings = [
      ...raw.findings,
      ...checkStructure(raw),
      ...checkVideos(raw),
      ...checkContent(raw),
      ...checkEpisodes(raw),
      ...checkWords(raw),
      ...(await checkPictures(raw)),
    ];
    return findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  } finally {
    await closeRaw(raw);
  }
}
