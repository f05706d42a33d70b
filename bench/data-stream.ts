/**
 * Memory while a dataset larger than the memory that reading it may take is read from end to end, as steps and by the training loader.
 * Every episode is read from the same few files, under as many names as there are episodes, so that the disk need not hold what is read.
 *
 *   npx tsx bench/data-stream.ts [--gigabytes 2]
 *
 * Figures: resident memory of the process after each tenth of the frames, MB, and how much was read. Goal: flat, the last tenth at most
 * 20 % above the third.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { streamSteps } from "@bidden/data";
import { openDataset, openRecorder } from "@bidden/data/node";
import type { Dataset } from "../packages/data/src/dataset/types.ts";
import { createRng } from "@bidden/runtime";

const EPISODES = 12;
const FRAMES = 60;
const SIDE = 128;
const TENTHS = 10;

const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "2" },
    /** What a child process reads. */
    child: { type: "string" },
  },
});

async function make(folder: string): Promise<void> {
  const recorder = await openRecorder(folder, {
    robotType: "bench",
    fps: 30,
    features: {
      "observation.state": { dtype: "float32", shape: [14] },
      "observation.images.front": { dtype: "image", shape: [SIDE, SIDE, 3] },
    },
  });
  const rng = createRng(1);
  for (let episode = 0; episode < EPISODES; episode++) {
    recorder.begin({ task: "bench" });
    for (let frame = 0; frame < FRAMES; frame++) {
      const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i + frame) & 127);
      const state = Float32Array.from({ length: 14 }, () => rng.uniform());
      recorder.addFrame({
        "observation.state": state,
        "observation.images.front": { width: SIDE, height: SIDE, data },
      });
    }
    await recorder.end();
  }
  await recorder.close();
}

/** The dataset again and again, as if it were one long one. */
function* order(times: number): Generator<number> {
  for (let i = 0; i < times * EPISODES; i++) yield i % EPISODES;
}

type Run = { readonly megabytes: number[]; readonly gigabytes: number; readonly steps: number };

/** Decodes every picture; counts what the pictures take. */
async function read(dataset: Dataset, gigabytes: number): Promise<Run> {
  const stepBytes = SIDE * SIDE * 3;
  const times = Math.ceil((gigabytes * 1e9) / (stepBytes * EPISODES * FRAMES));
  const total = times * EPISODES * FRAMES;
  const megabytes: number[] = [];
  let steps = 0;
  let bytes = 0;
  for await (const step of streamSteps(dataset, { episodes: order(times) })) {
    const value = step.values["observation.images.front"];
    if (value?.kind === "image") bytes += (await value.image()).data.length;
    if (++steps % Math.ceil(total / TENTHS) === 0 || steps === total) megabytes.push(process.memoryUsage().rss / 1e6);
  }
  return { megabytes, gigabytes: bytes / 1e9, steps };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    await make(folder);
    const args = [
      "--import",
      "tsx",
      fileURLToPath(import.meta.url),
      "--child",
      folder,
      "--gigabytes",
      values.gigabytes,
    ];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    const { megabytes, gigabytes, steps } = JSON.parse(stdout) as Run;
    const growth = ((megabytes.at(-1) ?? Number.NaN) / (megabytes[2] ?? Number.NaN) - 1) * 100;
    console.log(`${steps} steps, ${gigabytes.toFixed(1)} GB of pictures decoded`);
    console.log("resident memory, MB, by tenth:", megabytes.map((own) => own.toFixed(0)).join(" "));
    console.log(`last tenth against the third: ${growth.toFixed(0)} % (goal: at most 20 %)`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.child === undefined) await main();
else {
  const dataset = await openDataset(values.child);
  console.log(JSON.stringify(await read(dataset, Number(values.gigabytes))));
  await dataset.close();
}
