/**
 * Records a small dataset with bidden, opens it with LeRobot's own loader and compares every number, task, picture and
 * statistic. Not part of `npm test`: it needs Python with `pip install "lerobot[dataset]==0.6.1"`.
 *
 *   npx tsx interop/lerobot-open.ts /path/to/python [--keep folder]
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, EpisodeData, Features, FrameValue } from "@bidden/data";
import { openDataset, openRecorder } from "@bidden/data/node";
import { BiddenError, createRng } from "@bidden/runtime";

const FPS = 10;
const FEATURES: Features = {
  "observation.state": { dtype: "float32", shape: [3], names: ["x", "y", "z"] },
  action: { dtype: "float32", shape: [2], names: null },
  "observation.images.front": { dtype: "image", shape: [20, 28, 3], names: ["height", "width", "channels"] },
  "observation.images.wrist": { dtype: "image", shape: [16, 16, 3], names: ["height", "width", "channels"] },
  "next.done": { dtype: "bool", shape: [1], names: null },
  flags: { dtype: "bool", shape: [2], names: null },
  note: { dtype: "string", shape: [1], names: null },
  touch: { dtype: "float32", shape: [2, 3], names: null },
  levels: { dtype: "uint16", shape: [2], names: null },
  small: { dtype: "int8", shape: [2], names: null },
  half: { dtype: "float16", shape: [2], names: null },
  wide: { dtype: "float64", shape: [1], names: null },
  count: { dtype: "int64", shape: [1], names: null },
};
const TASKS = ["pick up the red block", "öffne die Schublade – 引き出しを開ける", '  padded\nand "quoted"  '];

function frameOf(episode: number, frame: number): Record<string, FrameValue> {
  const rng = createRng(episode * 1000 + frame);
  const picture = (width: number, height: number) => ({
    width,
    height,
    data: Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => (i + 3 * frame + 40 * episode + rng.below(9)) & 255,
    ),
  });
  return {
    "observation.state": Float32Array.from({ length: 3 }, () => rng.normal()),
    action: Float32Array.of(rng.normal() * 100, -0),
    "observation.images.front": picture(28, 20),
    "observation.images.wrist": picture(16, 16),
    "next.done": frame === 7,
    flags: [frame % 2 === 0, true],
    note: `frame ${frame}: ü`,
    touch: Float32Array.from({ length: 6 }, () => rng.normal()),
    levels: Uint16Array.of(65535 - frame, frame),
    small: Int8Array.of(-128 + frame, 127),
    half: Float32Array.of(0.5 * frame, -2),
    wide: 1 / 3 + frame,
    count: BigInt(frame) * 10_000_000_000n,
  };
}

/** Two sittings, so that appending is checked too; one change of task within an episode; one episode of one frame. */
async function record(folder: string): Promise<void> {
  let episode = 0;
  for (const lengths of [
    [8, 5],
    [1, 9],
  ]) {
    const recorder = await openRecorder(folder, { robotType: "panda", fps: FPS, features: FEATURES });
    for (const length of lengths) {
      const extra = { policy: "expert", instruction: "x", grant: "g1", expert: true };
      recorder.begin({ task: TASKS[episode % 3] as string, ...(episode === 2 ? {} : { extra }) });
      for (let frame = 0; frame < length; frame++) {
        if (frame === 4) recorder.setTask("no, the green one");
        recorder.addFrame(frameOf(episode, frame));
      }
      await recorder.end();
      episode++;
    }
    await recorder.close();
  }
}

type Opened = {
  episodes: number;
  frames: Record<string, unknown>[];
  stats: Record<string, Record<string, number[]>>;
  lengths: number[];
  episode_tasks: string[][];
  tasks: string[];
  one_episode: number;
  pandas_rows: number;
  datasets_features: Record<string, string>;
};

let compared = 0;
function same(what: string, ours: unknown, theirs: unknown): void {
  compared++;
  if (JSON.stringify(ours) === JSON.stringify(theirs)) return;
  throw new BiddenError(
    "bad-dataset",
    `${what}: bidden has ${JSON.stringify(ours)}, LeRobot ${JSON.stringify(theirs)}`,
  );
}

async function cell(column: Column, frame: number): Promise<unknown> {
  if (column.kind === "images") {
    return {
      sha256: createHash("sha256")
        .update((await column.image(frame)).data)
        .digest("hex"),
    };
  }
  if (column.kind !== "numbers") return column.values[frame];
  const size = column.shape.reduce((product, n) => product * n, 1);
  const flat = Array.from(column.values.slice(frame * size, (frame + 1) * size), (value) =>
    // LeRobot hands float64 on as float32.
    column.dtype === "bool" ? value === 1 : column.dtype === "float64" ? Math.fround(Number(value)) : Number(value),
  );
  const [rows = 1, columns] = column.shape;
  if (columns !== undefined) return Array.from({ length: rows }, (_, r) => flat.slice(r * columns, (r + 1) * columns));
  return size === 1 ? flat[0] : flat;
}

async function compareEpisode(episode: EpisodeData, theirs: readonly Record<string, unknown>[]): Promise<void> {
  for (let frame = 0; frame < episode.length; frame++) {
    const other = theirs[frame] ?? {};
    same(`episode ${episode.index} frame ${frame} task`, episode.tasks[frame], other["task"]);
    for (const [name, column] of Object.entries(episode.columns)) {
      same(`episode ${episode.index} frame ${frame} ${name}`, await cell(column, frame), other[name]);
    }
  }
}

/** LeRobot's own arithmetic on the values it loaded. */
function compareStats({ frames, stats }: Opened): void {
  for (const [name, feature] of Object.entries(FEATURES)) {
    if (feature.dtype === "string" || feature.dtype === "image") continue;
    const own = stats[name] as Record<string, number[]>;
    const dims = feature.shape.at(-1) ?? 1;
    for (let d = 0; d < dims; d++) {
      const values = frames
        .flatMap((frame) =>
          [frame[name]]
            .flat(2)
            .filter((_, i) => i % dims === d)
            .map(Number),
        )
        .sort((a, b) => a - b);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      const expected: Record<string, number> = {
        min: values[0] as number,
        max: values.at(-1) as number,
        mean,
        std: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length),
        q50:
          ((values[Math.floor((values.length - 1) / 2)] as number) +
            (values[Math.ceil((values.length - 1) / 2)] as number)) /
          2,
      };
      for (const [stat, value] of Object.entries(expected)) {
        const got = own[stat]?.[d] as number;
        compared++;
        if (Math.abs(got - value) > 1e-6 * Math.max(1, Math.abs(value))) {
          throw new BiddenError("bad-dataset", `stats ${name}[${d}] ${stat}: wrote ${got}, values say ${value}`);
        }
      }
    }
    same(`stats ${name} count`, [frames.length], own["count"]);
  }
}

async function main(): Promise<void> {
  const [python = "python3", flag, kept] = process.argv.slice(2);
  const base = fs.mkdtempSync(join(tmpdir(), "bidden-interop-"));
  const folder = flag === "--keep" && kept !== undefined ? kept : join(base, "set");
  await record(folder);
  const out = join(base, "opened.json");
  execFileSync(python, [join(import.meta.dirname, "lerobot-open.py"), folder, out], { stdio: "inherit" });
  const opened = JSON.parse(fs.readFileSync(out, "utf8")) as Opened;
  const dataset = await openDataset(folder);
  same("episodes", dataset.episodeCount, opened.episodes);
  same("frames", dataset.frameCount, opened.frames.length);
  same("tasks", dataset.tasks, opened.tasks);
  same("rows in pandas", dataset.frameCount, opened.pandas_rows);
  same("length of the last episode", opened.lengths.at(-1), opened.one_episode);
  let from = 0;
  for (let index = 0; index < dataset.episodeCount; index++) {
    const info = await dataset.episode(index);
    same(`length of episode ${index}`, info.length, opened.lengths[index]);
    same(`tasks of episode ${index}`, info.tasks, opened.episode_tasks[index]);
    await compareEpisode(await dataset.read(index), opened.frames.slice(from, from + info.length));
    from += info.length;
  }
  compareStats(opened);
  await dataset.close();
  fs.rmSync(base, { recursive: true, force: true });
  process.stdout.write(`LeRobot agrees: ${compared} comparisons, ${opened.frames.length} frames\n`);
  process.stdout.write(`datasets alone sees: ${JSON.stringify(opened.datasets_features)}\n`);
}

await main();
