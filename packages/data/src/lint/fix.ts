/**
 * Mends what can be mended without losing or guessing anything: whatever follows from the frames themselves (statistics, totals,
 * numbering, places on the grid of a video). Plans new contents for files; nothing is written here.
 */

import type { NumberArray } from "../dataset/types.ts";
import { encodeTasks } from "../lerobot/encode.ts";
import { listEpisodeFiles } from "../lerobot/episodes.ts";
import { encodeJson, INFO_PATH, STATS_PATH, TASKS_PATH } from "../lerobot/info.ts";
import { replaceColumns } from "../lerobot/replace-columns.ts";
import { EPISODES_STATS_JSONL, parsePythonJson } from "../lerobot/v21.ts";
import { NumberStats } from "../stats/stats.ts";
import type { Finding, RawDataset, RawEpisode } from "./types.ts";

export type FixPlan = {
  /** Path → new content, to appear together. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What is mended by them. */
  readonly fixed: readonly { readonly finding: Finding; readonly did: string }[];
};

type Fix = { readonly files: readonly (readonly [path: string, bytes: Uint8Array])[]; readonly did: string };

/** @param findings of the same dataset; those that have no safe fix are left alone. */
export async function planFixes(raw: RawDataset, findings: readonly Finding[]): Promise<FixPlan> {
  const files = new Map<string, Uint8Array>();
  const fixed: { finding: Finding; did: string }[] = [];
  const mend = async (
    rules: readonly string[],
    make: (own: readonly Finding[]) => Promise<Fix | null>,
  ): Promise<void> => {
    const own = findings.filter((finding) => rules.includes(finding.rule) && finding.fix !== undefined);
    if (own.length === 0) return;
    const fix = await make(own);
    if (fix === null) return;
    for (const [path, bytes] of fix.files) files.set(path, bytes);
    for (const finding of own) fixed.push({ finding, did: fix.did });
  };
  await mend(["index-gap"], () => renumber(raw));
  await mend(["from-timestamp-drift"], () => placeOnGrid(raw));
  await mend(["tasks-unsorted", "tasks-no-pandas-metadata"], () => Promise.resolve(rewriteTasks(raw)));
  await mend(["stats-stale", "stats-non-finite"], (own) => recomputeStats(raw, own));
  await mend(["info-totals"], () => recount(raw));
  return { files, fixed };
}

/** `index` counts all rows and `frame_index` those of the episode, whatever the files say. */
async function renumber(raw: RawDataset): Promise<Fix> {
  const byFile = new Map<string, { table: Parameters<typeof replaceColumns>[0]; index: bigint[]; frame: bigint[] }>();
  let next = 0;
  for (const [, frames] of [...raw.frames].sort(([a], [b]) => a - b)) {
    const { path, table, row, length } = frames;
    const file = byFile.get(path) ?? { table, index: [], frame: [] };
    byFile.set(path, file);
    for (let i = 0; i < length; i++) {
      file.index[row + i] = BigInt(next++);
      file.frame[row + i] = BigInt(i);
    }
  }
  const files: [string, Uint8Array][] = [];
  for (const [path, { table, index, frame }] of byFile)
    files.push([path, await replaceColumns(table, { index, frame_index: frame })]);
  return { files, did: `numbered the rows of ${files.length} data files anew (index, frame_index)` };
}

/** Only where the episodes fill their files exactly: else it is not known which frames are whose. */
async function placeOnGrid(raw: RawDataset): Promise<Fix | null> {
  const places = new Map<string, { from: number; to: number }>();
  for (const camera of raw.cameras) {
    for (const [path, own] of episodesByVideo(raw.episodes, camera)) {
      const track = raw.videos.get(path);
      const total = own.reduce((sum, episode) => sum + episode.length, 0);
      if (track === undefined || typeof track === "string" || track.frames !== total) return null;
      let at = 0;
      for (const { index, length } of own) {
        places.set(`${camera}\n${index}`, { from: at / raw.info.fps, to: (at + length) / raw.info.fps });
        at += length;
      }
    }
  }
  const files: [string, Uint8Array][] = [];
  let row = 0;
  for (const path of await listEpisodeFiles(raw.store)) {
    const columns: Record<string, number[]> = {};
    const bytes = await replaceColumns({ store: raw.store, path }, (rows) => {
      const part = raw.episodes.slice(row, row + rows);
      row += rows;
      for (const camera of raw.cameras) {
        const place = (episode: RawEpisode) => places.get(`${camera}\n${episode.index}`);
        columns[`videos/${camera}/from_timestamp`] = part.map((episode) => place(episode)?.from ?? Number.NaN);
        columns[`videos/${camera}/to_timestamp`] = part.map((episode) => place(episode)?.to ?? Number.NaN);
      }
      return columns;
    });
    files.push([path, bytes]);
  }
  return { files, did: "put from_timestamp and to_timestamp of all videos on the grid of frames" };
}

/** In the order in which they stand in the file. */
function episodesByVideo(episodes: readonly RawEpisode[], camera: string): Map<string, RawEpisode[]> {
  const out = new Map<string, RawEpisode[]>();
  for (const episode of episodes) {
    const video = episode.videos[camera];
    if (video !== undefined) out.set(video.path, [...(out.get(video.path) ?? []), episode]);
  }
  for (const own of out.values()) own.sort((a, b) => (a.videos[camera]?.from ?? 0) - (b.videos[camera]?.from ?? 0));
  return out;
}

function rewriteTasks({ tasks, version }: RawDataset): Fix | null {
  const sorted = [...tasks].sort((a, b) => a.index - b.index);
  // Gaps and doubles cannot be mended by sorting.
  if (version !== 3 || sorted.some((task, i) => task.index !== i)) return null;
  const bytes = encodeTasks(sorted.map((task) => task.text));
  return { files: [[TASKS_PATH, bytes]], did: `wrote ${TASKS_PATH} anew, in order and with pandas' index` };
}

const RECOMPUTED = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"] as const;
type Json = Record<string, unknown>;

/** Of numbers; those of pictures are left as they are. */
async function recomputeStats(raw: RawDataset, findings: readonly Finding[]): Promise<Fix | null> {
  if (raw.version === 2) return recomputeEpisodeStats(raw, findings);
  if (raw.stats === null) return null;
  const kept = raw.stats as Readonly<Record<string, Json>>;
  const named = new Set(findings.flatMap(({ column }) => column ?? []));
  const out: Record<string, Json> = {};
  const done: string[] = [];
  for (const [name, own] of Object.entries(kept)) {
    const again = named.has(name) || hasNull(own) ? recomputed(raw, name, own, null) : null;
    if (again !== null) done.push(name);
    out[name] = again ?? own;
  }
  return {
    files: [[STATS_PATH, encodeJson(out)]],
    did: `computed the statistics of ${done.join(", ")} anew, from all values`,
  };
}

async function recomputeEpisodeStats(raw: RawDataset, findings: readonly Finding[]): Promise<Fix | null> {
  const bytes = await raw.store.read(EPISODES_STATS_JSONL);
  if (bytes === null) return null;
  const wrong = new Set(findings.flatMap(({ episode }) => episode ?? []));
  const lines = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map((line) => {
      if (line.trim() === "") return line;
      const row = parsePythonJson(line) as { episode_index: number; stats: Record<string, Json> };
      if (!wrong.has(row.episode_index)) return line;
      for (const [name, own] of Object.entries(row.stats))
        row.stats[name] = recomputed(raw, name, own, row.episode_index) ?? own;
      return JSON.stringify(row);
    });
  const did = `computed the statistics of ${wrong.size} episodes anew, from all values`;
  return { files: [[EPISODES_STATS_JSONL, new TextEncoder().encode(lines.join("\n"))]], did };
}

function hasNull(value: unknown): boolean {
  return (
    value === null ||
    (Array.isArray(value) ? value.some(hasNull) : typeof value === "object" && Object.values(value).some(hasNull))
  );
}

/** Null for what is no row of numbers. */
function recomputed(raw: RawDataset, name: string, own: Json, episode: number | null): Json | null {
  const feature = raw.features[name];
  if (feature === undefined || feature.shape.length > 1) return null;
  const stats = new NumberStats(feature.shape[0] ?? 1);
  for (const [index, frames] of raw.frames) {
    const values: NumberArray | undefined = frames.numbers.get(name)?.values;
    if (values !== undefined && (episode === null || episode === index)) stats.add(values, frames.length);
  }
  if (stats.frames === 0) return null;
  const truth = stats.summary();
  const fresh = RECOMPUTED.filter((stat) => stat in own).map((stat) => [
    stat,
    stat === "count" ? [truth.count] : truth[stat],
  ]);
  return { ...own, ...Object.fromEntries(fresh) };
}

async function recount(raw: RawDataset): Promise<Fix | null> {
  const bytes = await raw.store.read(INFO_PATH);
  if (bytes === null) return null;
  const frames = [...raw.frames.values()].reduce((sum, own) => sum + own.length, 0);
  const totals = { total_episodes: raw.episodes.length, total_frames: frames, total_tasks: raw.tasks.length };
  const info = JSON.parse(new TextDecoder().decode(bytes)) as Json;
  return {
    files: [[INFO_PATH, encodeJson({ ...info, ...totals })]],
    did: `wrote the totals into ${INFO_PATH}: ${totals.total_episodes} episodes, ${totals.total_frames} frames, ${totals.total_tasks} tasks`,
  };
}
