/** Looks for the known faults of LeRobot datasets (data.md 5.4). Flags, never drops. */

import type { FileStore } from "../files/store.ts";
import type { VideoCodecs } from "../video/picture-decoder.ts";
import { checkContent } from "./content.ts";
import { checkEpisodes } from "./episodes-rule.ts";
import { type FixPlan, planFixes } from "./fix.ts";
import { closeRaw, loadRaw } from "./load.ts";
import { checkNeighbours } from "./neighbours-rule.ts";
import { checkPictures } from "./pictures-rule.ts";
import { checkStructure } from "./structure.ts";
import { bySeverity, type Finding, type RawDataset } from "./types.ts";
import { checkVideos } from "./video-rules.ts";
import { checkWords } from "./words-rule.ts";

/** Findings, and new contents for the files in which something can be mended safely. */
export async function lintAndPlan(
  store: FileStore,
  codecs?: LoadCodecs,
): Promise<{ findings: Finding[]; plan: FixPlan }> {
  const raw = await loadRaw(store);
  try {
    const findings = await findFaults(raw, codecs);
    return { findings, plan: await planFixes(raw, findings) };
  } finally {
    await closeRaw(raw);
  }
}

/**
 * Worst first.
 * @param codecs without them nothing is said of what videos show.
 * @throws when not even meta/info.json can be read.
 */
export async function lintLeRobot(store: FileStore, codecs?: LoadCodecs): Promise<Finding[]> {
  const raw = await loadRaw(store);
  try {
    return await findFaults(raw, codecs);
  } finally {
    await closeRaw(raw);
  }
}

/** Null where no codecs are installed. */
type LoadCodecs = () => Promise<VideoCodecs | null>;

async function findFaults(raw: RawDataset, codecs?: LoadCodecs): Promise<Finding[]> {
  const findings = [
    ...raw.findings,
    ...checkStructure(raw),
    ...checkVideos(raw),
    ...checkContent(raw),
    ...checkEpisodes(raw),
    ...checkWords(raw),
    ...(await checkPictures(raw)),
    ...(await checkVideoPictures(raw, codecs)),
  ];
  // Degrees among radians, a turned gripper or values that are none are also unlike their neighbours; once is enough.
  const ofAll = findings.some((own) => own.episode === undefined && own.rule === "action-lag");
  const explained = new Set(
    findings.flatMap((own) => (own.episode !== undefined && own.severity !== "info" ? [own.episode] : [])),
  );
  if (!ofAll) findings.push(...checkNeighbours(raw, explained));
  return findings.sort(bySeverity);
}

async function checkVideoPictures(raw: RawDataset, load?: LoadCodecs): Promise<Finding[]> {
  if (load === undefined || raw.cameras.length === 0) return [];
  const codecs = await load();
  if (codecs === null) return [];
  const { checkDecoded } = await import("./decoded-rule.ts");
  return checkDecoded(raw, codecs);
}
