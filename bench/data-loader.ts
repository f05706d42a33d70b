/**
 * Random samples a second out of a LeRobotDataset v3.0 with two cameras of 256 x 256, AV1 and H.264: bidden's loader and LeRobot's
 * own, in turns on the same files, with the same number of threads. A sample is state, action and both pictures as RGB. Both loaders
 * stay open, as in training; the first samples of both (--warm), while files are opened and code is compiled, are a figure of their own.
 *
 *   npx tsx bench/data-loader.ts --python PATH [--codecs av1,h264] [--workers 2] [--episodes 20] [--frames 150]
 *     [--warm 640] [--samples 640] [--runs 5]
 *
 * PATH is a Python with lerobot 0.6.1, which also records the files. LeRobot decodes with torchcodec where that finds FFmpeg's
 * libraries (LD_LIBRARY_PATH), else with PyAV; the figures say which. Figures: median of the runs (all runs in
 * brackets); milliseconds are processor time of all threads, which other work on the machine disturbs less than the clock.
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
/** Batches that each thread of both sides reads ahead. */
const AHEAD = 2;
const COLUMNS = ["observation.state", "action", "observation.images.front", "observation.images.wrist"];

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    workers: { type: "string", default: "2" },
    episodes: { type: "string", default: "20" },
    frames: { type: "string", default: "150" },
    codecs: { type: "string", default: "av1,h264" },
    warm: { type: "string", default: "640" },
    samples: { type: "string", default: "640" },
    runs: { type: "string", default: "5" },
    /** Keeps the recorded sets, and uses them again. */
    keep: { type: "string" },
  },
});

const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1] ?? Number.NaN;

/** Samples a second, and milliseconds of processor time that each took in all threads and processes of a side. */
type Figures = { readonly rate: number; readonly cpu: number };

/** One side of the comparison. What was read ahead before is not counted. */
type Side = { readonly name: string; read(samples: number): Promise<Figures>; close(): Promise<void> };

async function startOurs(folder: string, workers: number): Promise<Side> {
  const loader = await createLoader(folder, { batchSize: BATCH, workers, ahead: AHEAD, columns: COLUMNS });
  return {
    name: "bidden",
    read: async (samples) => {
      for (let i = 0; i < AHEAD * workers; i++) await loader.next();
      const [start, before] = [performance.now(), process.cpuUsage()];
      let count = 0;
      while (count < samples) count += (await loader.next())?.episodes.length ?? 0;
      const { user, system } = process.cpuUsage(before);
      return { rate: count / ((performance.now() - start) / 1000), cpu: (user + system) / 1000 / count };
    },
    close: () => loader.close(),
  };
}

async function startPeer(python: string, folder: string, workers: number): Promise<Side> {
  const child = spawn(python, [PEER, "load", folder, String(workers), String(BATCH)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<Partial<Figures> & { backend?: string }> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("LeRobot's half ended early.");
    return JSON.parse(line.value) as Partial<Figures> & { backend?: string };
  };
  const { backend } = await answer();
  return {
    name: `LeRobot (${backend})`,
    read: async (samples) => {
      child.stdin.write(`${samples}\n`);
      const { rate = Number.NaN, cpu = Number.NaN } = await answer();
      return { rate, cpu };
    },
    close: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

function print(name: string, figures: readonly Figures[]): void {
  const rates = figures.map(({ rate }) => rate);
  const cpu = median(figures.map((figure) => figure.cpu));
  const all = rates.map((rate) => rate.toFixed(0)).join(" ");
  console.log(name.padEnd(40), median(rates).toFixed(1).padStart(6), `samples/s, ${cpu.toFixed(1)} ms each [${all}]`);
}

async function compare(codec: string, python: string, base: string): Promise<void> {
  const folder = join(base, codec);
  if (!existsSync(folder)) {
    execFileSync(python, [PEER, "make", folder, codec, values.episodes, values.frames], { stdio: "ignore" });
  }
  const workers = Number(values.workers);
  const sides = [await startOurs(folder, workers), await startPeer(python, folder, workers)];
  const first: Figures[] = [];
  for (const side of sides) first.push(await side.read(Number(values.warm)));
  const runs: Figures[][] = sides.map(() => []);
  for (let run = 0; run < Number(values.runs); run++) {
    for (const [i, side] of sides.entries()) runs[i]?.push(await side.read(Number(values.samples)));
  }
  for (const [i, side] of sides.entries()) {
    print(`${codec}, ${side.name}, first ${values.warm}`, first.slice(i, i + 1));
    print(`${codec}, ${side.name}`, runs[i] ?? []);
    await side.close();
  }
  const [ours = [], theirs = []] = runs;
  const ratio = (key: keyof Figures, a: readonly Figures[], b: readonly Figures[]): string =>
    (median(a.map((figures) => figures[key])) / median(b.map((figures) => figures[key]))).toFixed(2);
  const [byClock, byCpu] = [ratio("rate", ours, theirs), ratio("cpu", theirs, ours)];
  console.log(`${codec}, times as many`.padEnd(40), byClock.padStart(6), `(by processor time ${byCpu})`);
}

if (values.python === undefined) {
  console.log("This bench needs a Python with lerobot, which records the files: --python PATH");
} else {
  const base = values.keep ?? mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    for (const codec of values.codecs.split(",")) await compare(codec, values.python, base);
  } finally {
    if (values.keep === undefined) rmSync(base, { recursive: true, force: true });
  }
}
