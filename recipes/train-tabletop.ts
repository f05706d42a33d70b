/**
 * The bundled policy from nothing: demonstrations and stills, training, rounds of on-policy correction, calibration.
 *
 *   npx tsx recipes/train-tabletop.ts [--work runs/tabletop] [--init CHECKPOINT --peak-rate 0.0008] [--install]
 *
 * Every stage goes on where an interrupted run left it; run it again after a crash. Between three and four hours on two cores.
 * `--init` begins from a checkpoint instead of random weights: new words or a new skill take a third of the steps then.
 * `--install` copies the result to packages/models/checkpoints/tabletop. Compare it with the bundled one before (bidden eval).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { halfPrecision } from "@bidden/models";
import { loadTabletopPolicy } from "@bidden/models/node";
import { createWorld } from "@bidden/sim";
import { fitCalibration, sampleDoubts, trainingConfig } from "@bidden/train";
import { trainTabletop } from "@bidden/train/node";

const { values: flags } = parseArgs({
  options: {
    work: { type: "string", default: "runs/tabletop" },
    install: { type: "boolean", default: false },
    demonstrations: { type: "string", default: "1700" },
    stills: { type: "string", default: "48000" },
    steps: { type: "string", default: "12000" },
    /** Of learning to read, from sentences alone, before the pictures. */
    "read-steps": { type: "string", default: "2200" },
    /** Of learning to see, from pictures alone, after which sight stays as it is. */
    "see-steps": { type: "string", default: "9000" },
    init: { type: "string" },
    "peak-rate": { type: "string", default: "0.0012" },
    /** On-policy correction: after these shares of the steps, so many episodes each. */
    rounds: { type: "string", default: "0.4,0.55,0.65,0.8,0.9" },
    corrections: { type: "string", default: "140" },
  },
});
const DATA = join(flags.work, "data");
const OUT = join(flags.work, "training");
const CHECKPOINT = join(OUT, "checkpoint");
const STEPS = Number(flags.steps);
const BUNDLED = "packages/models/checkpoints/tabletop";
/** Seeds: demonstrations from 100,000, stills from 500,000, corrections from 800,000, calibration from 950,000. */
const CORRECTION_SEED = 800_000;
const CALIBRATION_SEED = 950_000;
const CALIBRATION_SCENES = 500;

/** `bidden demo ...` in two processes, one a core, each with its own first seed. */
async function inTwo(seeds: readonly [number, number], args: readonly string[]): Promise<void> {
  const children = seeds.map((seed) =>
    spawn(process.execPath, ["packages/cli/bin/bidden.js", "demo", ...args, "--seed", String(seed), "--out", DATA], {
      stdio: "inherit",
    }),
  );
  const codes = await Promise.all(children.map(async (child) => ((await once(child, "exit")) as [number])[0]));
  if (codes.some((code) => code !== 0)) throw new Error(`bidden demo ${args[0]} failed`);
}

const half = (count: string): string => String(Math.ceil(Number(count) / 2));

async function collect(): Promise<void> {
  const counts = ["--episodes", half(flags.demonstrations), "--stills", half(flags.stills)];
  await inTwo([100_000, 200_000], ["collect", ...counts]);
}

async function trainTo(step: number): Promise<void> {
  await trainTabletop(trainingConfig, {
    data: DATA,
    out: OUT,
    steps: STEPS,
    resume: true,
    stopAt: step,
    peakRate: Number(flags["peak-rate"]),
    readSteps: Number(flags["read-steps"]),
    seeSteps: Number(flags["see-steps"]),
    sentences: 3,
    sampler: { actionShare: 0.6 },
    ...(flags.init === undefined ? {} : { init: flags.init }),
    onStep: ({ step: at, samplesPerS, etaS, metrics }) => {
      if (at % 500 !== 0) return;
      const shown = Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(3)}`);
      console.log(
        `step ${at}/${STEPS}, ${samplesPerS.toFixed(0)} samples/s, ${(etaS / 60).toFixed(0)} min left: ${shown.join(", ")}`,
      );
    },
  });
}

/** Episodes driven by the policy as it is, labelled by the expert. */
async function correct(round: number): Promise<void> {
  const first = CORRECTION_SEED + round * 10_000;
  if (existsSync(join(DATA, `correction-${first + 5000}.shard`))) return;
  await inTwo([first, first + 5000], ["correct", "--policy", CHECKPOINT, "--episodes", half(flags.corrections)]);
}

async function calibrate(): Promise<void> {
  const [world, policy] = await Promise.all([createWorld(), loadTabletopPolicy(CHECKPOINT)]);
  const seeds = Array.from({ length: CALIBRATION_SCENES }, (_, i) => CALIBRATION_SEED + i);
  const calibration = fitCalibration(await sampleDoubts(world, policy, seeds));
  writeFileSync(join(CHECKPOINT, "calibration.json"), `${JSON.stringify(calibration, null, 2)}\n`);
  console.log("calibration", calibration);
  await policy.close();
  world.close();
}

function install(): void {
  mkdirSync(BUNDLED, { recursive: true });
  for (const name of ["config.json", "calibration.json"]) copyFileSync(join(CHECKPOINT, name), join(BUNDLED, name));
  writeFileSync(join(BUNDLED, "model.safetensors"), halfPrecision(readFileSync(join(CHECKPOINT, "model.safetensors"))));
  const record = JSON.parse(readFileSync(join(CHECKPOINT, "training.json"), "utf8")) as Record<string, unknown>;
  const command = `npx tsx recipes/train-tabletop.ts ${process.argv.slice(2).join(" ")}`.trim();
  writeFileSync(join(BUNDLED, "training.json"), `${JSON.stringify({ ...record, command }, null, 2)}\n`);
}

await collect();
for (const [round, share] of flags.rounds.split(",").map(Number).entries()) {
  await trainTo(Math.round(share * STEPS));
  await correct(round);
}
await trainTo(STEPS);
await calibrate();
if (flags.install) install();
