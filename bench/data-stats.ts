/**
 * Statistics of many frames (min, max, mean, deviation, five quantiles): exact ones and those of mergeable sketches, beside numpy's
 * exact ones and LeRobot's running ones, in turns on the same numbers. Episodes of 300 frames are made, and added one by one; making
 * them is not counted. Ours run in a process of their own each, whose memory is that of the whole process, Node included.
 *
 *   npx tsx bench/data-stats.ts [--python PATH] [--frames 1000000] [--dims 14] [--runs 5]
 *
 * PATH is a Python with lerobot 0.6.1. Figures: median of the runs. Goal: 1 M frames of 14 numbers in 2 s and 200 MB.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { QuantileSketch, statsFromSketches } from "@bidden/data";
import { createRng } from "@bidden/runtime";
import { NumberStats } from "../packages/data/src/stats/stats.ts";

const EPISODE = 300;
const GOAL = { seconds: 2, megabytes: 200 };

const { values: options } = parseArgs({
  options: {
    python: { type: "string" },
    frames: { type: "string", default: "1000000" },
    dims: { type: "string", default: "14" },
    runs: { type: "string", default: "5" },
    /** What a child process measures. */
    child: { type: "string" },
  },
});
const frames = Number(options.frames);
const dims = Number(options.dims);

type Run = { readonly seconds: number; readonly megabytes: number; readonly q99: readonly number[] };

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

/** float32[EPISODE, dims] an episode: a slow walk with noise in each, as joints have. */
function* walk(): Generator<Float32Array> {
  const rng = createRng(1);
  const state = new Float64Array(dims);
  for (let from = 0; from < frames; from += EPISODE) {
    const values = new Float32Array(Math.min(EPISODE, frames - from) * dims);
    for (let i = 0; i < values.length; i++) {
      state[i % dims] = 0.99 * (state[i % dims] as number) + rng.uniform() - 0.5;
      values[i] = state[i % dims] as number;
    }
    yield values;
  }
}

type Collector = { add(values: Float32Array): void; q99(): readonly number[] };

function exact(): Collector {
  const stats = new NumberStats(dims);
  return { add: (values) => stats.add(values, values.length / dims), q99: () => stats.summary().q99 };
}

function sketched(): Collector {
  const sketches = Array.from({ length: dims }, () => new QuantileSketch());
  const add = (values: Float32Array): void => {
    for (const [d, sketch] of sketches.entries()) sketch.addAll(values, d, dims);
  };
  return { add, q99: () => statsFromSketches(sketches, frames).q99 };
}

function measure(collector: Collector): Run {
  let milliseconds = 0;
  const timed = <T>(work: () => T): T => {
    const start = performance.now();
    const result = work();
    milliseconds += performance.now() - start;
    return result;
  };
  for (const values of walk()) timed(() => collector.add(values));
  const q99 = timed(() => collector.q99());
  return { seconds: milliseconds / 1000, megabytes: (process.resourceUsage().maxRSS * 1024) / 1e6, q99 };
}

function inChild(kind: "exact" | "sketch"): Run {
  const args = ["--import", "tsx", fileURLToPath(import.meta.url), "--child", kind];
  args.push("--frames", options.frames, "--dims", options.dims);
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Run;
}

function print(name: string, runs: readonly Run[]): void {
  const seconds = median(runs.map((run) => run.seconds)).toFixed(3);
  const megabytes = median(runs.map((run) => run.megabytes)).toFixed(0);
  console.log(name.padEnd(34), `${seconds.padStart(8)} s ${megabytes.padStart(5)} MB`);
}

type Peer = { readonly numpy: number; readonly lerobot: number; readonly q99: number[] };

/** Answers of the other side, as many as there are runs. */
async function askPeer(python: string, folder: string, runs: number): Promise<Peer[]> {
  const path = join(folder, "values.f32");
  for (const values of walk()) appendFileSync(path, new Uint8Array(values.buffer));
  const script = fileURLToPath(new URL("data-stats-peer.py", import.meta.url));
  const peer = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const answers: Peer[] = [];
  for (let run = 0; run < runs; run++) {
    peer.stdin.write(`${frames} ${dims} ${path}\n`);
    answers.push(JSON.parse(String((await lines.next()).value)) as Peer);
  }
  peer.stdin.end();
  await once(peer, "exit");
  return answers;
}

async function main(): Promise<void> {
  const runs = Number(options.runs);
  const own = Array.from({ length: runs }, () => ({ exact: inChild("exact"), sketch: inChild("sketch") }));
  console.log(`${frames} frames of ${dims} numbers; goal: ${GOAL.seconds} s, ${GOAL.megabytes} MB`);
  print(
    "bidden, exact, by episode",
    own.map((run) => run.exact),
  );
  print(
    "bidden, sketch, by episode",
    own.map((run) => run.sketch),
  );
  if (options.python === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    const peers = await askPeer(options.python, folder, runs);
    const q99 = own[0]?.exact.q99 ?? [];
    const worst = Math.max(...(peers[0]?.q99 ?? []).map((value, d) => Math.abs(value - (q99[d] ?? Number.NaN))));
    console.log(
      "numpy, exact, at once".padEnd(34),
      median(peers.map((peer) => peer.numpy))
        .toFixed(3)
        .padStart(8),
      "s",
    );
    console.log(
      "LeRobot, histograms, by episode".padEnd(34),
      median(peers.map((peer) => peer.lerobot))
        .toFixed(3)
        .padStart(8),
      "s",
    );
    console.log("largest difference of q99 to numpy's".padEnd(34), worst.toExponential(1).padStart(8));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (options.child === undefined) await main();
else console.log(JSON.stringify(measure(options.child === "exact" ? exact() : sketched())));
