/** Rules about what belongs together: indices, lengths, totals, tasks, time, statistics. */

import { featureStatsDiffer } from "./stats-rule.ts";
import type { Finding, RawDataset } from "./types.ts";

/** LeRobot's tolerance for timestamps, seconds. */
const TIME_TOLERANCE = 1e-4;

export function checkStructure(raw: RawDataset): Finding[] {
  return [
    ...featureRules(raw),
    ...episodeRules(raw),
    ...indexRules(raw),
    ...taskRules(raw),
    ...timeRules(raw),
    ...featureStatsDiffer(raw),
  ];
}

function featureRules(raw: RawDataset): Finding[] {
  return [...raw.undeclared].map(([column, path]) => ({
    rule: "feature-mismatch",
    severity: "error",
    column,
    evidence: `column "${column}" is in ${path} but not in the features of meta/info.json`,
  }));
}

function episodeRules(raw: RawDataset): Finding[] {
  const out: Finding[] = [];
  const gap = raw.episodes.findIndex((episode, i) => episode.index !== i);
  if (gap >= 0) {
    out.push({
      rule: "episode-index-gap",
      severity: "error",
      episode: gap,
      evidence: `row ${gap} of the episodes is episode ${raw.episodes[gap]?.index}: look-ups by position return the wrong episode from here on`,
    });
  }
  for (const episode of raw.episodes) {
    const rows = raw.frames.get(episode.index)?.length;
    const range = episode.to - episode.from;
    const wrongRange = raw.version === 3 && range !== episode.length;
    if (rows === undefined || (rows === episode.length && !wrongRange)) continue;
    out.push({
      rule: "episode-length",
      severity: "error",
      episode: episode.index,
      evidence: `length says ${episode.length}, the data has ${rows} rows${raw.version === 3 ? `, dataset_from_index to dataset_to_index are ${range}` : ""}`,
    });
  }
  if (gap < 0 && raw.findings.length === 0) out.push(...totalRules(raw));
  return out;
}

function totalRules(raw: RawDataset): Finding[] {
  const rows = [...raw.frames.values()].reduce((sum, frames) => sum + frames.length, 0);
  const totals: [string, number, number][] = [
    ["total_episodes", raw.info.total_episodes, raw.episodes.length],
    ["total_frames", raw.info.total_frames, rows],
    ["total_tasks", raw.info.total_tasks, raw.tasks.length],
  ];
  return totals.flatMap(([name, says, is]) =>
    says === is
      ? []
      : [
          {
            rule: "info-totals",
            severity: "error" as const,
            evidence: `meta/info.json: ${name} is ${says}, there are ${is}`,
            fix: "rewrite info",
          },
        ],
  );
}

/** `index` counts all rows, `frame_index` those of the episode. */
function indexRules(raw: RawDataset): Finding[] {
  const unreadable = raw.findings.some((finding) => finding.rule === "file-unreadable");
  if (unreadable) return [];
  let expected = 0;
  for (const [episode, frames] of [...raw.frames].sort(([a], [b]) => a - b)) {
    const index = frames.numbers.get("index")?.values ?? new Float64Array(0);
    const own = frames.numbers.get("frame_index")?.values ?? new Float64Array(0);
    for (let i = 0; i < index.length; i++) {
      if (index[i] !== expected) {
        return [
          {
            rule: "index-gap",
            severity: "error",
            episode,
            frame: i,
            column: "index",
            evidence: `index is ${index[i]} where ${expected} follows (a jump by ${(index[i] as number) - expected + 1} instead of 1)`,
            fix: "number the rows anew",
          },
        ];
      }
      if (own[i] !== i) {
        return [
          {
            rule: "index-gap",
            severity: "error",
            episode,
            frame: i,
            column: "frame_index",
            evidence: `frame_index is ${own[i]} where ${i} follows`,
            fix: "number the rows anew",
          },
        ];
      }
      expected++;
    }
  }
  return [];
}

function taskRules(raw: RawDataset): Finding[] {
  const out: Finding[] = [];
  const unsorted = raw.tasks.findIndex((task, i) => task.index !== i);
  if (unsorted >= 0) {
    out.push({
      rule: "tasks-unsorted",
      severity: "error",
      evidence: `row ${unsorted} of the tasks has task_index ${raw.tasks[unsorted]?.index}; loaders look tasks up by position`,
      fix: "sort by task_index",
    });
  }
  if (!raw.tasksIndexed) {
    out.push({
      rule: "tasks-no-pandas-metadata",
      severity: "error",
      evidence: "meta/tasks.parquet lacks pandas' index_columns: LeRobot would return row numbers instead of sentences",
      fix: "rewrite tasks",
    });
  }
  const known = new Set(raw.tasks.map((task) => task.index));
  for (const [episode, frames] of raw.frames) {
    const indices = frames.numbers.get("task_index")?.values ?? new Float64Array(0);
    const frame = indices.findIndex((index) => !known.has(index));
    if (frame < 0) continue;
    out.push({
      rule: "task-index",
      severity: "error",
      episode,
      frame,
      column: "task_index",
      evidence: `task_index ${indices[frame]} has no row in the tasks (there are ${raw.tasks.length})`,
    });
  }
  return out;
}

/** One wrong frame rate for all, or single gaps. */
function timeRules(raw: RawDataset): Finding[] {
  const step = 1 / raw.info.fps;
  const spacings: number[] = [];
  const gaps: Finding[] = [];
  for (const [episode, frames] of raw.frames) {
    const times = frames.numbers.get("timestamp")?.values ?? new Float64Array(0);
    let reported = false;
    for (let i = 1; i < times.length; i++) {
      const spacing = (times[i] as number) - (times[i - 1] as number);
      spacings.push(spacing);
      if (reported || Math.abs(spacing - step) <= TIME_TOLERANCE) continue;
      reported = true;
      gaps.push({
        rule: "timestamp-gap",
        severity: "error",
        episode,
        frame: i,
        column: "timestamp",
        evidence: `${(spacing * 1000).toFixed(2)} ms between frames ${i - 1} and ${i}, at ${raw.info.fps} frames a second it should be ${(step * 1000).toFixed(2)} ms`,
      });
    }
  }
  spacings.sort((a, b) => a - b);
  const median = spacings[Math.floor(spacings.length / 2)] ?? step;
  if (Math.abs(median - step) > TIME_TOLERANCE) {
    const evidence = `timestamps are ${median.toFixed(5)} s apart (${(1 / median).toFixed(2)} frames a second), meta/info.json says fps ${raw.info.fps}`;
    return [{ rule: "fps-mismatch", severity: "error", column: "timestamp", evidence }];
  }
  return gaps;
}
