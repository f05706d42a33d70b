/**
 * Lint for what is no LeRobot dataset: every episode is read (and its checksums compared), and the rules about numbers and sentences
 * see it under LeRobot's names. Rules about LeRobot's files have nothing to say here.
 */

import { BiddenError, messageOf } from "@bidden/runtime";
import { elementsOf } from "../dataset/columns.ts";
import type { Column, Dataset, Feature } from "../dataset/types.ts";
import { MemoryStore } from "../files/memory-store.ts";
import type { Table } from "../lerobot/parquet.ts";
import { ACTION, checkContent, STATE } from "./content.ts";
import { checkEpisodes } from "./episodes-rule.ts";
import { checkNeighbours } from "./neighbours-rule.ts";
import { bySeverity, type Finding, type RawDataset, type RawFrames } from "./types.ts";
import { checkWords } from "./words-rule.ts";

/** Where formats keep the two, in the order of trust. */
const ACTIONS = ["action", "actions"];
const STATES = [
  "observation/state",
  "observations/qpos",
  "obs/joint_states",
  "obs/robot0_joint_pos",
  "state",
  "states",
];
/** For rules about seconds, where nobody said a rate. */
const USUAL_FPS = 10;

export async function lintAnyFormat(dataset: Dataset): Promise<Finding[]> {
  const pick = (names: readonly string[]): string | undefined => names.find((name) => name in dataset.features);
  const renamed = new Map<string, string>();
  for (const [name, own] of [
    [pick(ACTIONS), ACTION],
    [pick(STATES), STATE],
  ] as const)
    if (name !== undefined) renamed.set(name, own);
  const findings: Finding[] = [];
  const frames = new Map<number, RawFrames>();
  const tasks: string[] = [];
  for (let episode = 0; episode < dataset.episodeCount; episode++) {
    try {
      frames.set(episode, await readFrames(dataset, episode, renamed, tasks));
    } catch (error) {
      if (!(error instanceof BiddenError)) throw error;
      findings.push({ rule: "file-unreadable", severity: "error", episode, evidence: messageOf(error) });
    }
  }
  const raw = rawFrom(dataset, frames, tasks, renamed, findings);
  findings.push(...checkContent(raw), ...checkEpisodes(raw), ...checkWords(raw));
  const told = findings.flatMap((own) => (own.episode !== undefined && own.severity !== "info" ? [own.episode] : []));
  findings.push(...checkNeighbours(raw, new Set(told)));
  return findings.sort(bySeverity);
}

/** Every column is read, pictures too, though only numbers and texts are kept. */
async function readFrames(
  dataset: Dataset,
  episode: number,
  renamed: ReadonlyMap<string, string>,
  tasks: string[],
): Promise<RawFrames> {
  const data = await dataset.read(episode);
  const numbers = new Map<string, { dims: number; values: Float64Array }>();
  const texts = new Map<string, readonly string[]>();
  for (const [name, column] of Object.entries(data.columns)) {
    if (column.kind === "numbers") numbers.set(renamed.get(name) ?? name, numbersOf(column));
    else if (column.kind === "text") texts.set(name, column.values);
    else if (column.kind === "images" && column.length > 0) await column.image(0);
  }
  const indices = Float64Array.from(data.tasks, (task) => {
    const known = tasks.indexOf(task);
    return known >= 0 ? known : tasks.push(task) - 1;
  });
  numbers.set("task_index", { dims: 1, values: indices });
  return { path: dataset.path, table: NO_TABLE, row: 0, length: data.length, numbers, texts };
}

function numbersOf(column: Extract<Column, { kind: "numbers" }>): { dims: number; values: Float64Array } {
  const values = Float64Array.from(column.values as ArrayLike<number | bigint>, Number);
  return { dims: elementsOf(column.shape), values };
}

const NO_TABLE: Table = {
  rows: 0,
  rowGroups: [],
  columns: [],
  metadata: { version: 2, schema: [], num_rows: 0n, row_groups: [], metadata_length: 0 },
  read: () => Promise.resolve([]),
  schemaOf: () => [],
  close: () => Promise.resolve(),
};

function rawFrom(
  dataset: Dataset,
  frames: ReadonlyMap<number, RawFrames>,
  tasks: readonly string[],
  renamed: ReadonlyMap<string, string>,
  findings: readonly Finding[],
): RawDataset {
  const features: Record<string, Feature> = {};
  for (const [name, feature] of Object.entries(dataset.features)) features[renamed.get(name) ?? name] = feature;
  return {
    store: new MemoryStore([]),
    info: {
      codebase_version: dataset.format,
      robot_type: dataset.robotType,
      fps: dataset.fps ?? USUAL_FPS,
      total_episodes: dataset.episodeCount,
      total_frames: 0,
      total_tasks: tasks.length,
      chunks_size: 1000,
      data_path: "",
      video_path: null,
      splits: {},
      features,
      rest: {},
    },
    version: 3,
    features,
    cameras: [],
    // Formats without sentences have none that could be empty.
    tasks: tasks.every((task) => task === "") ? [] : tasks.map((text, index) => ({ index, text })),
    tasksIndexed: true,
    episodes: [],
    frames,
    undeclared: new Map(),
    stats: null,
    statsTokens: [],
    videos: new Map(),
    findings,
  };
}
