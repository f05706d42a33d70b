/** The lists of LeRobotDataset v2.1: one JSON object a line, one data file an episode (data.md 1.8). */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { FileStore } from "../files/store.ts";
import { EXTRA_COLUMN, type EpisodePlace, type VideoPlace } from "./episodes.ts";
import { fillTemplate, type LeRobotInfo } from "./info.ts";

export const EPISODES_JSONL = "meta/episodes.jsonl";
export const TASKS_JSONL = "meta/tasks.jsonl";
export const EPISODES_STATS_JSONL = "meta/episodes_stats.jsonl";

/** JSON lines; the bare token NaN, which Python writes, becomes null. */
export async function readJsonLines(store: FileStore, path: string): Promise<Record<string, unknown>[]> {
  const bytes = await store.read(path);
  if (bytes === null) {
    throw new BiddenError("bad-dataset", `${store.root}/${path} is missing.`, { file: path, rule: "missing-file" });
  }
  const lines = new TextDecoder().decode(bytes).split("\n");
  const out: Record<string, unknown>[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    try {
      out.push(parsePythonJson(line) as Record<string, unknown>);
    } catch (error) {
      throw new BiddenError(
        "bad-dataset",
        `${store.root}/${path}, line ${i + 1}: ${messageOf(error)}.`,
        { file: path },
        error,
      );
    }
  }
  return out;
}

/** JSON in which Python's NaN, Infinity and -Infinity stand for null. */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON.parse(
      text.replace(/("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g, (all, string) => string ?? (all && "null")),
    );
  }
}

export async function readTasksV21(store: FileStore): Promise<string[]> {
  const rows = await readJsonLines(store, TASKS_JSONL);
  const tasks: string[] = [];
  for (const row of rows) {
    const index = row["task_index"];
    if (
      typeof index !== "number" ||
      !Number.isInteger(index) ||
      index < 0 ||
      index > 1e7 ||
      typeof row["task"] !== "string"
    ) {
      throw new BiddenError(
        "bad-dataset",
        `${store.root}/${TASKS_JSONL}: expected {"task_index", "task"}, found ${JSON.stringify(row)}.`,
      );
    }
    tasks[index] = row["task"];
  }
  return Array.from(tasks, (task) => task ?? "");
}

export async function readEpisodesV21(store: FileStore, info: LeRobotInfo): Promise<EpisodePlace[]> {
  const rows = await readJsonLines(store, EPISODES_JSONL);
  const cameras = Object.keys(info.features).filter((name) => info.features[name]?.dtype === "video");
  let from = 0;
  return rows.map((row, i) => {
    const { episode_index: index, length, tasks, [EXTRA_COLUMN]: kept, ...others } = row;
    const extra = { ...others, ...(typeof kept === "object" ? kept : {}) };
    if (index !== i || typeof length !== "number" || !Number.isInteger(length) || length < 0) {
      throw new BiddenError(
        "bad-dataset",
        `${store.root}/${EPISODES_JSONL}: expected episode_index ${i} with a length, found ${JSON.stringify({ index, length })}.`,
        { file: EPISODES_JSONL, rule: "episode-index-gap", episode: i },
      );
    }
    const parts = { episode_chunk: Math.floor(i / info.chunks_size), episode_index: i };
    const videos: Record<string, VideoPlace> = {};
    for (const camera of cameras) {
      videos[camera] = { path: fillTemplate(info.video_path ?? "", { ...parts, video_key: camera }), fromSeconds: 0 };
    }
    const place: EpisodePlace = {
      index: i,
      length,
      tasks: Array.isArray(tasks) ? tasks.map(String) : [],
      extra,
      path: fillTemplate(info.data_path, parts),
      row: 0,
      from,
      videos,
    };
    from += length;
    return place;
  });
}
