/**
 * The 100 Hz loop while the policy infers, beside a bare worker timer with the cores idle: by turns, a minute each, so that
 * what the host takes away meets both. World, policy, loop and main thread are those of the console; a stop is asked for
 * every few seconds, and its time until the loop has taken it is measured.
 *
 *   npx tsx bench/loop.ts [--minutes 10] [--policy FOLDER]
 *
 * Without a bundled checkpoint and without --policy the network is the same with random weights.
 */
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { tabletopGraphs } from "@bidden/models";
import { createRng, invariant, type LatenessSummary, type LoopEvent } from "@bidden/runtime";
import { processClock, spawnWorker } from "@bidden/runtime/node";
import { pandaEmbodiment } from "@bidden/sim";
import { initParameters, writeSafetensors } from "@bidden/tensor";
import { trainingConfig } from "@bidden/train";
import { openParts } from "../packages/cli/src/live/parts.ts";
import { Lateness } from "../packages/runtime/src/monitor/lateness.ts";

const PERIOD_MS = pandaEmbodiment.commandPeriodMs;
const STOP_EVERY_MS = 5000;
const SENTENCES = [
  "pick up the red block",
  "put the ball in the bowl",
  "push the can to the square",
  "open the drawer",
];

type Row = Pick<LatenessSummary, "count" | "p50Ms" | "p99Ms" | "p999Ms" | "maxMs">;

function rowOf(late: readonly number[]): Row {
  const sorted = Float64Array.from(late).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
}

/** In the loop's own bins, whose upper edges its quantiles are: both series are rounded alike. */
function latenessOf(late: readonly number[]): LatenessSummary {
  const lateness = new Lateness(PERIOD_MS);
  for (const ms of late) lateness.add(ms);
  return lateness.summary();
}

async function bareTimer(minutes: number): Promise<number[]> {
  const ticks = Math.max(1, Math.round((minutes * 60_000) / PERIOD_MS));
  const worker = spawnWorker(new URL("./loop/bare-timer.ts", import.meta.url), {
    workerData: { periodMs: PERIOD_MS, ticks },
  });
  const [late] = (await once(worker, "message")) as [Float64Array];
  await once(worker, "exit");
  return [...late];
}

/** A checkpoint with random weights: it decides nothing sensible, and computes exactly as much. */
function randomCheckpoint(): string {
  const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
  const config = trainingConfig;
  const rng = createRng(1);
  const tensors = new Map(tabletopGraphs(config).flatMap((graph) => [...initParameters(graph, rng)]));
  writeFileSync(join(folder, "model.safetensors"), writeSafetensors(tensors));
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

type Live = {
  readonly lateness: LatenessSummary;
  readonly stopsMs: number[];
  readonly asked: number;
  readonly inferMs: number[];
};

/** The console's threads at work: somebody always asks for something, and stops it every few seconds. */
async function liveLoop(minutes: number, policy: string): Promise<Live> {
  const stopsMs: number[] = [];
  const inferMs: number[] = [];
  let asked = 0;
  let stopAskedMs = 0;
  let sentence = 0;
  const parts = await openParts({
    policy,
    seed: 7,
    record: null,
    onWorld: () => {},
    onStatus: () => {},
    onTrouble: (trouble) => console.error(trouble),
    onEvent: (event: LoopEvent) => {
      if (event.type === "thought") inferMs.push(event.thought.chunk?.origin.stageMs["infer"] ?? 0);
      if (event.type === "mode" && event.change.to === "stop") stopsMs.push(event.atMs - stopAskedMs);
      if (event.type === "end") ask();
    },
  });
  const ask = (): void => {
    parts.loop.raise("nominal", "bench");
    parts.loop.instruct({ text: SENTENCES[sentence % SENTENCES.length] ?? "", by: "bench" });
    sentence += 1;
  };
  parts.tellWorld({ type: "watched", on: true });
  ask();
  const endMs = performance.now() + minutes * 60_000;
  while (performance.now() < endMs) {
    await pause(STOP_EVERY_MS + 50 * (asked % 7));
    stopAskedMs = processClock.nowMs();
    asked += 1;
    parts.loop.stop("bench");
  }
  await pause(200);
  const lateness = parts.loop.status?.lateness;
  await parts.close();
  invariant(lateness, "the loop gave no status");
  return { lateness, stopsMs, asked, inferMs };
}

/** Each figure's median over the turns. */
function middle(rows: readonly Row[]): Row {
  const of = (figure: (row: Row) => number): number => rowOf(rows.map(figure)).p50Ms;
  return {
    count: rows.reduce((sum, row) => sum + row.count, 0),
    p50Ms: of((row) => row.p50Ms),
    p99Ms: of((row) => row.p99Ms),
    p999Ms: of((row) => row.p999Ms),
    maxMs: of((row) => row.maxMs),
  };
}

function print(name: string, row: Row): void {
  const cells = [row.p50Ms, row.p99Ms, row.p999Ms, row.maxMs].map((ms) => ms.toFixed(3).padStart(9));
  console.log(name.padEnd(38), String(row.count).padStart(8), ...cells);
}

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, policy: { type: "string" } } });
const turns = Math.max(1, Math.round(Number(values.minutes)));
const bundled = existsSync(new URL("../packages/models/checkpoints/tabletop/model.safetensors", import.meta.url));
const random = values.policy === undefined && !bundled ? randomCheckpoint() : null;
const policy = values.policy ?? random ?? "tabletop";

console.log(`${cpus().length} x ${cpus()[0]?.model ?? "?"}, Linux ${release()}, Node ${process.version}`);
console.log(
  `load at the start ${loadavg()[0]?.toFixed(2)}; policy ${random === null ? policy : "with random weights"}`,
);
console.log(
  `${"lateness of 10 ms ticks, ms".padEnd(38)} ${"ticks".padStart(8)}       p50       p99     p99.9       max`,
);
const bare: LatenessSummary[] = [];
const live: Live[] = [];
for (let turn = 1; turn <= turns; turn++) {
  bare.push(latenessOf(await bareTimer(1)));
  print(`${turn}: bare worker timer, cores idle`, bare.at(-1)!);
  live.push(await liveLoop(1, policy));
  print(`${turn}: loop while inferring`, live.at(-1)!.lateness);
}
const bareMiddle = middle(bare);
const liveMiddle = middle(live.map((one) => one.lateness));
print("bare worker timer, medians of turns", bareMiddle);
print("loop while inferring, medians of turns", liveMiddle);
console.log(`ratio of p99.9: ${(liveMiddle.p999Ms / bareMiddle.p999Ms).toFixed(2)} (goal: at most 1.5)`);
const infer = rowOf(live.flatMap((one) => one.inferMs));
console.log(`inferences: ${infer.count}, ms p50 ${infer.p50Ms.toFixed(1)}, p99 ${infer.p99Ms.toFixed(1)}`);
const stops = rowOf(live.flatMap((one) => one.stopsMs));
const asked = live.reduce((sum, one) => sum + one.asked, 0);
const missed = asked - stops.count;
console.log(
  `stops: ${asked} asked, ${missed} missed; ms until taken p50 ${stops.p50Ms.toFixed(2)}, max ${stops.maxMs.toFixed(2)}`,
);
if (random !== null) rmSync(random, { recursive: true });
