/**
 * Opening a LeRobotDataset v3.0 of 100,000 episodes and reading its first and a random sample, as a process that starts fresh does.
 * Two cameras (their videos are placed, not decoded), state and action of 14 numbers, statistics of every episode, 1000 episodes a
 * file of meta/episodes.
 *
 *   npx tsx bench/data-open.ts [--episodes 100000] [--runs 3] [--keep FOLDER]
 *
 * Figures: median of the runs. Goals: open in 1 s, first sample after 2 s.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openDataset } from "@bidden/data/node";
import type { Features } from "../packages/data/src/dataset/types.ts";
import { cells, encodeTasks } from "../packages/data/src/lerobot/encode.ts";
import {
  columnSchema,
  encodeTable,
  featureSchema,
  huggingFaceMetadata,
  type TableColumn,
} from "../packages/data/src/lerobot/parquet.ts";

const PER_FILE = 1000;
const FRAMES = 100;
const DIMS = 14;
const CAMERAS = ["observation.images.front", "observation.images.wrist"];
const NUMBERS: Features = {
  "observation.state": { dtype: "float32", shape: [DIMS] },
  action: { dtype: "float32", shape: [DIMS] },
  timestamp: { dtype: "float32", shape: [1] },
  frame_index: { dtype: "int64", shape: [1] },
  episode_index: { dtype: "int64", shape: [1] },
  index: { dtype: "int64", shape: [1] },
  task_index: { dtype: "int64", shape: [1] },
};

const { values } = parseArgs({
  options: {
    episodes: { type: "string", default: "100000" },
    runs: { type: "string", default: "3" },
    keep: { type: "string" },
    /** What a child process opens. */
    child: { type: "string" },
  },
});

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;
const name = (file: number): string => `chunk-000/file-${String(file).padStart(3, "0")}.parquet`;

function put(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** Rows of meta/episodes for episodes [first, first + PER_FILE), as LeRobot writes them. */
function episodeTable(first: number): Uint8Array {
  const rows = Array.from({ length: PER_FILE }, (_, i) => first + i);
  const int = (column: string, value: (episode: number) => number): TableColumn => ({
    name: column,
    schema: columnSchema(column, "int64", 0),
    data: rows.map((row) => BigInt(value(row))),
  });
  const list = (column: string, values: (episode: number) => number[]): TableColumn => ({
    name: column,
    schema: columnSchema(column, "float64", 1),
    data: rows.map(values),
  });
  const file = first / PER_FILE;
  const stats = ["min", "max", "mean", "std", "q01", "q10", "q50", "q90", "q99"];
  const columns: TableColumn[] = [
    int("episode_index", (episode) => episode),
    { name: "tasks", schema: columnSchema("tasks", "string", 1), data: rows.map((row) => [`task ${row % 50}`]) },
    int("length", () => FRAMES),
    int("data/chunk_index", () => 0),
    int("data/file_index", () => file),
    int("dataset_from_index", (episode) => episode * FRAMES),
    int("dataset_to_index", (episode) => (episode + 1) * FRAMES),
    ...CAMERAS.flatMap((camera) => [
      int(`videos/${camera}/chunk_index`, () => 0),
      int(`videos/${camera}/file_index`, () => file),
      ...["from", "to"].map((end, i) => ({
        name: `videos/${camera}/${end}_timestamp`,
        schema: columnSchema(`videos/${camera}/${end}_timestamp`, "float64", 0),
        data: rows.map((row) => (((row % PER_FILE) + i) * FRAMES) / 30),
      })),
    ]),
    ...["action", "observation.state"].flatMap((feature) =>
      stats.map((stat) =>
        list(`stats/${feature}/${stat}`, (episode) =>
          Array.from({ length: DIMS }, (_, d) => Math.sin(episode * 17 + d)),
        ),
      ),
    ),
  ];
  return encodeTable(columns, [], [PER_FILE]);
}

/** One data file: the same numbers in all of them, but for the indices. */
function dataTable(file: number): Uint8Array {
  const frames = PER_FILE * FRAMES;
  const walk = Float32Array.from({ length: frames * DIMS }, (_, i) => Math.sin(i * 0.01));
  const own: Record<string, (row: number) => number | bigint> = {
    timestamp: (row) => (row % FRAMES) / 30,
    frame_index: (row) => BigInt(row % FRAMES),
    episode_index: (row) => BigInt(file * PER_FILE + Math.floor(row / FRAMES)),
    index: (row) => BigInt(file * frames + row),
    task_index: (row) => BigInt(Math.floor(row / FRAMES) % 50),
  };
  const columns = Object.entries(NUMBERS).map(([column, feature]): TableColumn => {
    const value = own[column];
    const data =
      value === undefined
        ? cells(feature, { kind: "numbers", dtype: "float32", size: DIMS, values: walk }, frames)
        : Array.from({ length: frames }, (_, row) => value(row));
    return { name: column, schema: featureSchema(column, feature), data };
  });
  return encodeTable(
    columns,
    [huggingFaceMetadata(NUMBERS)],
    Array.from({ length: PER_FILE }, () => FRAMES),
  );
}

function make(folder: string, episodes: number): void {
  const cameras = CAMERAS.map((camera) => [camera, { dtype: "video", shape: [256, 256, 3], names: null }]);
  for (let first = 0; first < episodes; first += PER_FILE) {
    put(join(folder, "meta/episodes", name(first / PER_FILE)), episodeTable(first));
  }
  for (const file of [0, Math.floor((episodes - 1) / PER_FILE)]) put(join(folder, "data", name(file)), dataTable(file));
  put(join(folder, "meta/tasks.parquet"), encodeTasks(Array.from({ length: 50 }, (_, i) => `task ${i}`)));
  const info = {
    codebase_version: "v3.0",
    robot_type: "bench",
    fps: 30,
    total_episodes: episodes,
    total_frames: episodes * FRAMES,
    total_tasks: 50,
    chunks_size: 1000,
    features: { ...NUMBERS, ...Object.fromEntries(cameras) },
  };
  put(join(folder, "meta/info.json"), JSON.stringify(info));
}

type Run = { readonly open: number; readonly first: number; readonly last: number; readonly megabytes: number };

async function measure(folder: string): Promise<Run> {
  const start = performance.now();
  const since = (): number => (performance.now() - start) / 1000;
  const dataset = await openDataset(folder);
  const open = since();
  const columns = Object.keys(NUMBERS);
  await dataset.read(0, { columns, from: 0, to: 1 });
  const first = since();
  await dataset.read(dataset.episodeCount - 1, { columns, from: FRAMES - 1, to: FRAMES });
  const last = since() - first;
  await dataset.close();
  return { open, first, last, megabytes: (process.resourceUsage().maxRSS * 1024) / 1e6 };
}

function main(): void {
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    if (!existsSync(join(folder, "meta/info.json"))) make(folder, Number(values.episodes));
    const args = ["--import", "tsx", fileURLToPath(import.meta.url), "--child", folder];
    const runs = Array.from(
      { length: Number(values.runs) },
      () => JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Run,
    );
    const say = (what: string, of: keyof Run, unit: string, goal: string): void =>
      console.log(
        what.padEnd(32),
        `${median(runs.map((run) => run[of]))
          .toFixed(2)
          .padStart(7)} ${unit}`,
        goal,
      );
    console.log(`${values.episodes} episodes`);
    say("opened", "open", "s ", "(goal 1 s)");
    say("first sample, opening included", "first", "s ", "(goal 2 s)");
    say("a sample of the last episode", "last", "s ", "");
    say("memory of the process", "megabytes", "MB", "");
  } finally {
    if (values.keep === undefined) rmSync(folder, { recursive: true });
  }
}

if (values.child === undefined) main();
else console.log(JSON.stringify(await measure(values.child)));
