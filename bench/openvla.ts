/**
 * OpenVLA with random weights, at the sizes of openvla-7b unless asked otherwise: how long opening to metadata takes, the first
 * action, every further one, a decoded token; and how much memory.
 *
 *   npx tsx bench/openvla.ts [--size tiny] [--precision int4] [--family openvla] [--folder runs/openvla-full] [--rounds 2]
 *
 * The checkpoint is made in FOLDER when it is not there (15 GB and some minutes at full size) and stays; converted weights are
 * kept in it as well, so that the first run also says how long converting takes. PyTorch is not run beside: in float32 it needs
 * 30 GB. The authors' figures on graphics cards: 6 actions a second (RTX 4090, bfloat16, 15 GB).
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FamilyChunk, type FamilyOptions, familyByName, familyOf, type PublishedPolicy } from "@bidden/models";
import { nodeEngine, openCheckpointAt, writeCheckpoint } from "@bidden/models/node";
import { createRng, type Image } from "@bidden/runtime";

const { values: options } = parseArgs({
  options: {
    size: { type: "string", default: "full" },
    precision: { type: "string", default: "int4" },
    family: { type: "string", default: "openvla" },
    folder: { type: "string" },
    rounds: { type: "string", default: "2" },
    threads: { type: "string" },
  },
});
const size = options.size === "tiny" ? "tiny" : "full";
const folder = options.folder ?? `runs/${options.family}-${size}`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

/** The most memory that this process ever held. */
function peakBytes(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return kilobytes === undefined ? process.memoryUsage().rss : Number(kilobytes) * 1024;
}

function picture(seed: number): Image {
  const rng = createRng(seed);
  return { width: 256, height: 256, data: Uint8Array.from({ length: 256 * 256 * 3 }, () => rng.below(256)) };
}

async function make(): Promise<void> {
  const began = performance.now();
  const written = familyByName(options.family).make?.({ size, dims: {}, seed: 1 });
  if (written === undefined) throw new RangeError(`"${options.family}" makes no checkpoints`);
  await writeCheckpoint(folder, written, (done, total) => {
    process.stderr.write(`\rmaking ${folder}: ${((100 * done) / total).toFixed(0)} %`);
  });
  process.stderr.write(`\rmade ${folder} in ${seconds(performance.now() - began)}\n`);
}

async function predict(
  policy: PublishedPolicy,
  seed: number,
): Promise<{ readonly ms: number; readonly chunk: FamilyChunk }> {
  const images = Object.fromEntries(policy.info.cameras.map(({ name }, i) => [name, picture(10 * seed + i)]));
  const state = new Float32Array(policy.info.state.dim).fill(0.1);
  const began = performance.now();
  const chunk = await policy.predict({ images, state, instruction: "put the carrot on the plate" }, { seed });
  return { ms: performance.now() - began, chunk };
}

function show(what: string, { ms, chunk }: Awaited<ReturnType<typeof predict>>): void {
  const stages = Object.entries(chunk.stageMs).map(([stage, time]) => `${stage} ${seconds(time)}`);
  const { tokens } = chunk.stageMs;
  const each = tokens === undefined || chunk.dim < 2 ? "" : `; ${seconds(tokens / (chunk.dim - 1))} a token`;
  console.log(`${what.padEnd(16)} ${seconds(ms)}  (${stages.join(", ")}${each})`);
}

if (!existsSync(join(folder, "config.json"))) await make();
const precision = options.precision === "fp32" || options.precision === "int8" ? options.precision : "int4";
console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${folder}, ${precision}`);
const began = performance.now();
const checkpoint = await openCheckpointAt(folder);
const family = familyOf(checkpoint);
const settings: FamilyOptions = { precision, ...(family.name === "openvla" ? { dataset: "bridge_orig" } : {}) };
const info = await family.describe(checkpoint, settings);
console.log(
  `${"metadata".padEnd(16)} ${seconds(performance.now() - began)}  (${(info.parameters / 1e9).toFixed(2)} B parameters)`,
);
const engine = nodeEngine(options.threads === undefined ? {} : { threads: Number(options.threads) });
const policy = await family.open(checkpoint, engine, settings);
const first = await predict(policy, 1);
show("first action", first);
for (let round = 0; round < Number(options.rounds); round++) show("next action", await predict(policy, 2 + round));
console.log(`${"memory".padEnd(16)} ${gigabytes(process.memoryUsage().rss)} now, ${gigabytes(peakBytes())} at most`);
await policy.close();
await checkpoint.close();
