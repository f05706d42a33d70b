/**
 * Statistics of many frames (min, max, mean, deviation, five quantiles): exact ones and those of mergeable sketches, beside numpy's
 * exact ones and LeRobot's running ones, in turns on the same numbers. Episodes of 300 frames are added one by one.
 *
 *   npx tsx bench/data-stats.ts [--python PATH] [--frames 1000000] [--dims 14] [--runs 5]
 *
 * PATH is a Python with lerobot 0.6.1. Figures: median of the runs.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { QuantileSketch, statsFromSketches } from "@bidden/data";
import { createRng } from "@bidden/runtime";
import { NumberStats } from "../packages/data/src/stats/stats.ts";

const EPISODE = 300;

const { values: options } = parseArgs({
  options: {
    python: { type: "string" },
    frames: { type: "string", default: "1000000" },
    dims: { type: "string", default: "14" },
    runs: { type: "string", default: "5" },
  },
});
const frames = Number(options.frames);
const dims = Number(options.dims);

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

/** float32[frames, dims]: a slow walk with noise in each, as joints have. */
function walk(): Float32Array {
  const rng = createRng(1);
  const values = new Float32Array(frames * dims);
  const state = new Float64Array(dims);
  for (let frame = 0; frame < frames; frame++) {
    for (let d = 0; d < dims; d++) {
      state[d] = 0.99 * (state[d] as number) + rng.uniform() - 0.5;
      values[frame * dims + d] = state[d] as number;
    }
  }
  return values;
}

function exactly(values: Float32Array): readonly number[] {
  const stats = new NumberStats(dims);
  for (let from = 0; from < frames; from += EPISODE) {
    const to = Math.min(frames, from + EPISODE);
    stats.add(values.subarray(from * dims, to * dims), to - from);
  }
  return stats.summary().q99;
}

function sketched(values: Float32Array): readonly number[] {
  const sketches = Array.from({ length: dims }, () => new QuantileSketch());
  for (let i = 0; i < values.length; i++) (sketches[i % dims] as QuantileSketch).add(values[i] as number);
  return statsFromSketches(sketches, frames).q99;
}

function timed(work: () => readonly number[]): { seconds: number; q99: readonly number[] } {
  const start = performance.now();
  const q99 = work();
  return { seconds: (performance.now() - start) / 1000, q99 };
}

const print = (name: string, seconds: readonly number[]): void =>
  console.log(name.padEnd(40), median(seconds).toFixed(3).padStart(9), "s");

async function main(): Promise<void> {
  const values = walk();
  const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
  const path = join(folder, "values.f32");
  writeFileSync(path, values);
  const peer =
    options.python === undefined
      ? null
      : spawn(options.python, [fileURLToPath(new URL("data-stats-peer.py", import.meta.url))], {
          stdio: ["pipe", "pipe", "inherit"],
        });
  const lines = peer === null ? null : createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const [exact, sketch, numpy, lerobot]: number[][] = [[], [], [], []];
  let worst = 0;
  for (let run = 0; run < Number(options.runs); run++) {
    const own = timed(() => exactly(values));
    exact?.push(own.seconds);
    sketch?.push(timed(() => sketched(values)).seconds);
    if (peer === null || lines === null) continue;
    peer.stdin.write(`${frames} ${dims} ${path}\n`);
    const line = await lines.next();
    const answer = JSON.parse(String(line.value)) as { numpy: number; lerobot: number; q99: number[] };
    numpy?.push(answer.numpy);
    lerobot?.push(answer.lerobot);
    for (const [d, value] of answer.q99.entries()) worst = Math.max(worst, Math.abs(value - (own.q99[d] as number)));
  }
  console.log(`${frames} frames of ${dims} numbers`);
  print("bidden, exact, by episode", exact ?? []);
  print("bidden, sketch", sketch ?? []);
  if (peer !== null) {
    print("numpy, exact, at once", numpy ?? []);
    print("LeRobot, histograms, by episode", lerobot ?? []);
    console.log("largest difference of q99 to numpy's".padEnd(40), worst.toExponential(1).padStart(9));
    peer.stdin.end();
    await once(peer, "exit");
  }
  console.log(
    "memory, largest so far".padEnd(40),
    (process.resourceUsage().maxRSS / 1024).toFixed(0).padStart(9),
    "MiB",
  );
  rmSync(folder, { recursive: true });
}

await main();
