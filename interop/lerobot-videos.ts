/**
 * Edits and converts a dataset with videos by copying packets (and cuts into a group of pictures, which encodes up to the next keyframe),
 * then lets LeRobot's own loader compare every frame, decoded, with what it reads from the source. Not part of `npm test`: it needs Python with `pip install "lerobot[dataset]==0.6.1"`.
 *
 *   npx tsx interop/lerobot-videos.ts /path/to/python [dataset]
 */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  convertToLeRobot,
  convertToV21,
  keepEpisodes,
  mergeDatasets,
  openDataset,
  trimDataset,
} from "@bidden/data/node";
import { BiddenError } from "@bidden/runtime";

const [python, source = join(import.meta.dirname, "../testdata/data/lerobot/arm-h264-deleted")] = process.argv.slice(2);
if (python === undefined) throw new BiddenError("bad-argument", "Give the Python that has LeRobot.");
const base = fs.mkdtempSync(join(tmpdir(), "bidden-interop-"));
const at = (name: string): string => join(base, name);
const dataset = await openDataset(source);
const all = Array.from({ length: dataset.episodeCount }, (_, episode) => episode);
await dataset.close();

/** Frames that "cut" lacks at the start of each episode. */
const SKIPPED = 1;
/** Result → the source's episodes that it should hold, in order. */
const expected = new Map<string, number[]>();
/** Results that hold pictures encoded anew. */
const nearly = new Set<string>();
const noting = (name: string) => ({
  remark: (sentence: string) => void (/encoded anew/.test(sentence) && nearly.add(name)),
});
await keepEpisodes(source, at("without-first"), (episode) => episode !== 0, noting("without-first"));
expected.set("without-first", all.slice(1));
await keepEpisodes(source, at("first"), (episode) => episode === 0);
await mergeDatasets([at("without-first"), at("first")], at("turned"));
if (nearly.has("without-first")) nearly.add("turned");
expected.set("turned", [...all.slice(1), 0]);
await convertToV21(source, at("v21"));
await convertToLeRobot(at("v21"), at("there-and-back"));
expected.set("there-and-back", all);
await trimDataset(source, at("cut"), (_, length) => [SKIPPED, length], noting("cut"));
expected.set("cut", all);
try {
  for (const [name, episodes] of expected) {
    const script = join(import.meta.dirname, "lerobot-videos.py");
    const how = [name === "cut" ? `${SKIPPED}` : "0", nearly.has(name) ? "nearly" : "equal"];
    const out = execFileSync(python, [script, source, at(name), episodes.join(","), ...how], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    process.stdout.write(`${name}: ${out.trim()}\n`);
  }
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}
