/**
 * Random samples a second out of a LeRobotDataset v3.0 with two cameras of 256 x 256, AV1 and H.264: bidden's loader and LeRobot's
 * own, in turns on the same files, with the same number of threads. A sample is state, action and both pictures as RGB.
 *
 *   npx tsx bench/data-loader.ts --python PATH [--workers 2] [--episodes 20] [--frames 150] [--samples 320] [--runs 5]
 *
 * PATH is a Python with lerobot 0.6.1, which also records the files. Figures: median of the runs (all runs in brackets).
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createLoader } from "@bidden/data/node";

const PEER = fileURLToPath(new URL("data-loader-peer.py", import.meta.url));
const BATCH = 16;
const COLUMNS = ["observation.state", "action", "observation.images.front", "observation.images.wrist"];

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    workers: { type: "string", default: "2" },
    episodes: { type: "string", default: "20" },
    frames: { type: "string", default: "150" },
    samples: { type: "string", default: "320" },
    runs: { type: "string", default: "5" },
    /** Keeps the recorded sets, and uses them again. */
    keep: { type: "string" },
  },
});

const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1] ?? Number.NaN;

/** Samples a second of ours, start-up and first batch left out, as on the other side. */
async function ourRate(folder: string, workers: number, samples: number, seed: number): Promise<number> {
  const loader = await createLoader(folder, { batchSize: BATCH, workers, seed, columns: COLUMNS });
  try {
    await loader.next();
    const start = performance.now();
    let count = 0;
    while (count < samples) count += (await loader.next())?.episodes.length ?? 0;
    return count / ((performance.now() - start) / 1000);
  } finally {
    await loader.close();
  }
}

type Peer = { rate(samples: number): Promise<number>; close(): Promise<void> };

async function startPeer(python: string, folder: string, workers: number): Promise<Peer> {
  const child = spawn(python, [PEER, "load", folder, String(workers), String(BATCH)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<{ rate?: number }> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("LeRobot's half ended early.");
    return JSON.parse(line.value) as { rate?: number };
  };
  await answer();
  return {
    rate: async (samples) => {
      child.stdin.write(`${samples}\n`);
      return (await answer()).rate ?? Number.NaN;
    },
    close: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

function print(name: string, rates: readonly number[]): void {
  const all = rates.map((rate) => rate.toFixed(0)).join(" ");
  console.log(name.padEnd(36), median(rates).toFixed(1).padStart(8), "samples/s", `[${all}]`);
}

async function compare(codec: string, python: string, base: string): Promise<void> {
  const folder = join(base, codec);
  if (!existsSync(folder)) {
    execFileSync(python, [PEER, "make", folder, codec, values.episodes, values.frames], { stdio: "ignore" });
  }
  const workers = Number(values.workers);
  const samples = Math.min(Number(values.samples), Number(values.episodes) * Number(values.frames) - BATCH);
  const peer = await startPeer(python, folder, workers);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    ours.push(await ourRate(folder, workers, samples, run));
    theirs.push(await peer.rate(samples));
  }
  await peer.close();
  print(`${codec}, bidden, ${workers} threads`, ours);
  print(`${codec}, LeRobot, ${workers} workers`, theirs);
  console.log(`${codec}, times as many`.padEnd(36), (median(ours) / median(theirs)).toFixed(2).padStart(8));
}

if (values.python === undefined) {
  console.log("This bench needs a Python with lerobot, which records the files: --python PATH");
} else {
  const base = values.keep ?? mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    for (const codec of ["av1", "h264"]) await compare(codec, values.python, base);
  } finally {
    if (values.keep === undefined) rmSync(base, { recursive: true, force: true });
  }
}
