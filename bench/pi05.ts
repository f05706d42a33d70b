/**
 * One chunk of a π0.5 (two cameras, the state in the prompt, ten denoising steps): ours, in float32 or fewer bits, beside
 * LeRobot's own module (PyTorch, float32) on the same machine; and how far fewer bits move the actions.
 *
 *   npx tsx bench/pi05.ts [--checkpoint FOLDER] [--size tiny|full] [--precision int4,int8,fp32] [--threads 2] [--rounds 3]
 *                         [--python PATH]
 *
 * Without a checkpoint one of random weights is made (full: 13.4 GB) in FOLDER, by default beside the machine's temporary
 * files, and used again next time: time does not depend on what the weights are. Precisions are measured one after the other,
 * each in a process of its own, so that its peak of memory is its own. PATH is a Python with lerobot
 * (`python3 -m venv v && v/bin/pip install "lerobot[pi]"`); it needs 18 GB for the full size.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { familyByName, type FamilyObservation, type PublishedPolicy } from "@bidden/models";
import { openPublished, writeCheckpoint } from "@bidden/models/node";
import { createRng } from "@bidden/runtime";

const { values: flags } = parseArgs({
  options: {
    checkpoint: { type: "string" },
    size: { type: "string", default: "full" },
    precision: { type: "string", default: "int4" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "3" },
    python: { type: "string" },
    only: { type: "boolean", default: false },
  },
});

type Precision = "fp32" | "int8" | "int4";

/** What one process measured. */
type Measured = {
  readonly openMs: number;
  readonly firstMs: number;
  readonly chunkMs: readonly number[];
  readonly stageMs: Readonly<Record<string, number>>;
  readonly peakGb: number;
  readonly actions: readonly number[];
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const peakGb = (): number => process.resourceUsage().maxRSS / 1e6;

/** Random pictures and states; the sentence is the same, the state in the prompt is not. */
function observations(policy: PublishedPolicy, count: number): FamilyObservation[] {
  const rng = createRng(7);
  const { cameras, state } = policy.info;
  return Array.from({ length: count }, () => ({
    images: Object.fromEntries(
      cameras.map(({ name }) => {
        const data = Uint8Array.from({ length: 640 * 480 * 3 }, () => Math.floor(rng.uniform() * 256));
        return [name, { width: 640, height: 480, data }];
      }),
    ),
    state: Float32Array.from({ length: state.dim }, () => rng.normal()),
    instruction: "pick up the red cube and place it in the box",
  }));
}

async function measure(folder: string, precision: Precision): Promise<Measured> {
  const began = performance.now();
  const policy = await openPublished(folder, { precision, session: { threads: Number(flags.threads) } });
  const opened = performance.now();
  const [first, ...rest] = observations(policy, 1 + Number(flags.rounds));
  const actions = [...(await policy.predict(first as FamilyObservation, { seed: 1 })).normalised];
  const ready = performance.now();
  const chunkMs: number[] = [];
  let stageMs: Readonly<Record<string, number>> = {};
  for (const observation of rest) {
    const start = performance.now();
    const chunk = await policy.predict(observation, { seed: 1 });
    chunkMs.push(performance.now() - start);
    actions.push(...chunk.normalised);
    stageMs = chunk.stageMs;
  }
  await policy.close();
  return { openMs: opened - began, firstMs: ready - opened, chunkMs, stageMs, peakGb: peakGb(), actions };
}

/** The same program in a process of its own. */
function measureApart(folder: string, precision: Precision): Measured {
  const out = execFileSync(
    process.execPath,
    [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      "--only",
      `--checkpoint=${folder}`,
      `--precision=${precision}`,
      `--threads=${flags.threads}`,
      `--rounds=${flags.rounds}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 },
  );
  return JSON.parse(out.toString()) as Measured;
}

async function checkpointFolder(): Promise<string> {
  const folder = flags.checkpoint ?? join(tmpdir(), `bidden-pi05-${flags.size}`);
  if (existsSync(join(folder, "config.json"))) return folder;
  const size = flags.size === "tiny" ? "tiny" : "full";
  const made = familyByName("pi05").make?.({ size, dims: {}, seed: 1 });
  if (made === undefined) throw new Error("no checkpoint can be made");
  console.error(`making ${folder}`);
  await writeCheckpoint(folder, made, (done, total) => {
    process.stderr.write(`\r${((100 * done) / total).toFixed(0)} %`);
  });
  console.error("");
  return folder;
}

const row = (name: string, value: string, rest = ""): void => console.log(name.padEnd(36), value.padStart(12), rest);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function peerSeconds(
  python: string,
): { readonly chunkMs: number; readonly peakGb: number; readonly about: string } | null {
  const script = fileURLToPath(new URL("./pi05-peer.py", import.meta.url));
  const run = spawnSync(python, [script, flags.size, flags.threads, flags.rounds], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return run.status === 0 ? (JSON.parse(run.stdout.toString()) as ReturnType<typeof peerSeconds>) : null;
}

/** Root of the mean square of the difference, as a share of that of the reference. */
function relativeError(came: readonly number[], reference: readonly number[]): number {
  const square = (values: readonly number[]): number => values.reduce((sum, x) => sum + x * x, 0);
  return Math.sqrt(square(reference.map((x, i) => x - (came[i] as number))) / square(reference));
}

const precisions = flags.precision.split(",") as Precision[];
if (flags.only) {
  console.log(JSON.stringify(await measure(flags.checkpoint as string, precisions[0] as Precision)));
} else {
  const folder = await checkpointFolder();
  console.log(
    `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}; ${flags.threads} threads`,
  );
  const measured = new Map(precisions.map((precision) => [precision, measureApart(folder, precision)]));
  const peer = flags.python === undefined ? null : peerSeconds(flags.python);
  const exact = measured.get("fp32");
  for (const [precision, { openMs, firstMs, chunkMs, stageMs, peakGb: gb, actions }] of measured) {
    const ms = median(chunkMs);
    const ratio = peer === null ? "" : `, ${(peer.chunkMs / ms).toFixed(1)}x faster than LeRobot`;
    row(`π0.5 ${precision}, one chunk`, seconds(ms), `peak ${gb.toFixed(1)} GB${ratio}`);
    row("  opened; first chunk", seconds(openMs), seconds(firstMs));
    for (const [stage, each] of Object.entries(stageMs)) row(`  ${stage}`, seconds(each));
    if (exact !== undefined && precision !== "fp32") {
      row("  actions differ from fp32 by", `${(100 * relativeError(actions, exact.actions)).toFixed(2)} %`);
    }
  }
  if (peer !== null) row(peer.about, seconds(peer.chunkMs), `peak ${peer.peakGb.toFixed(1)} GB`);
}
