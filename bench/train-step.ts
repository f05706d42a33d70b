/**
 * A whole training step (forward, gradients, clipping, AdamW) of a 3.2 M parameter transformer as one ONNX graph, beside PyTorch
 * in eager mode and with torch.compile:
 *   npx tsx bench/train-step.ts [--python PATH] [--rounds 6] [--steps 5] [--threads 2] [--form both]
 * Without --python only our own figure. The three take turns, so that a busy machine hits all alike; medians are compared.
 * With --threads 1 the processor's own milliseconds are a fair measure on a machine that others use too.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createRng } from "@bidden/runtime";
import {
  buildTrainStep,
  countParameters,
  initParameters,
  type TensorData,
  type Trainer,
  writeSafetensors,
} from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import { buildTransformer, flops, type Form, forms, size } from "./train-step-model.ts";

const { values: options } = parseArgs({
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "6" },
    steps: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    form: { type: "string", default: "both" },
  },
});
const [rounds, steps, threads] = [options.rounds, options.steps, options.threads].map(Number) as [
  number,
  number,
  number,
];

type Times = { ms: number[]; cpuMs: number[] };
type Runner = (count: number) => Promise<Times & { loss: number }>;

const rng = createRng(1);
const normals = (length: number): Float32Array => Float32Array.from({ length }, () => rng.normal());
const batch = { x: normals(size.batch * size.tokens * size.width), target: normals(size.batch * size.tokens * 8) };

console.log(
  `batch ${size.batch}, ${size.tokens} tokens, ${threads} threads, ${(flops(size) / 1e9).toFixed(1)} GFLOP a step`,
);
for (const form of forms) if (options.form === "both" || options.form === form) await compare(form);

async function compare(form: Form): Promise<void> {
  const { graph, loss } = buildTransformer(size, form);
  const parameters = initParameters(graph, createRng(2));
  const trainer = await createTrainer(
    buildTrainStep(graph, loss, { schedule: { peak: 1e-3 }, clipNorm: 1 }),
    parameters,
    {
      threads,
    },
  );
  console.log(`\n${form}: ${countParameters(graph)} parameters`);
  const runners = new Map<string, Runner>([["bidden", (count) => runOurs(trainer, count)]]);
  const peer = options.python === undefined ? null : startPeer(options.python, form, parameters);
  if (peer !== null) {
    console.log(`PyTorch ${(await peer.hello).torch}`);
    runners.set("eager", peer.runner("eager"));
    runners.set("compile", peer.runner("compile"));
  }
  report(await takeTurns(runners));
  await trainer.close();
  peer?.stop();
}

async function runOurs(trainer: Trainer, count: number): Promise<Times & { loss: number }> {
  const ms: number[] = [];
  const cpuMs: number[] = [];
  let last = 0;
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    last = (await trainer.run(batch)).loss;
    const used = process.cpuUsage(cpu);
    ms.push(performance.now() - start);
    cpuMs.push((used.user + used.system) / 1e3);
  }
  return { ms, cpuMs, loss: last };
}

async function takeTurns(runners: ReadonlyMap<string, Runner>): Promise<Map<string, Times>> {
  const times = new Map<string, Times>();
  for (const [name, run] of runners) {
    // The first step has the parameters that all share: the same loss shows that all compute the same.
    console.log(`${name.padEnd(8)} loss of the first step ${(await run(1)).loss.toFixed(6)}`);
    await run(3);
    times.set(name, { ms: [], cpuMs: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of runners) {
      const { ms, cpuMs } = await run(steps);
      times.get(name)?.ms.push(...ms);
      times.get(name)?.cpuMs.push(...cpuMs);
    }
  }
  return times;
}

function report(times: ReadonlyMap<string, Times>): void {
  const median = (list: readonly number[]): number =>
    [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
  const own = times.get("bidden") ?? { ms: [], cpuMs: [] };
  for (const [name, { ms, cpuMs }] of times) {
    const [wall, cpu] = [median(ms), median(cpuMs)];
    const speed = flops(size) / wall / 1e6;
    const ratios = `bidden is ${(wall / median(own.ms)).toFixed(2)}x as fast (${(cpu / median(own.cpuMs)).toFixed(2)}x by processor time)`;
    console.log(
      `${name.padEnd(8)} ${wall.toFixed(1).padStart(7)} ms ${cpu.toFixed(1).padStart(7)} ms of processor ${speed.toFixed(1).padStart(6)} GFLOP/s  ${ratios}`,
    );
  }
}

function startPeer(
  python: string,
  form: Form,
  parameters: ReadonlyMap<string, TensorData>,
): { hello: Promise<{ torch: string }>; runner: (kind: string) => Runner; stop: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
  const shapes = { x: [size.batch, size.tokens, size.width], target: [size.batch, size.tokens, 8] };
  const arrays = new Map<string, TensorData>(
    Object.entries(batch).map(([name, data]) => [
      name,
      { dtype: "float32", shape: shapes[name as "x" | "target"], data },
    ]),
  );
  writeFileSync(join(folder, "parameters.safetensors"), writeSafetensors(parameters));
  writeFileSync(join(folder, "batch.safetensors"), writeSafetensors(arrays));
  const script = fileURLToPath(new URL("train-step-peer.py", import.meta.url));
  const child = spawn(python, [script, folder, String(threads), form], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => JSON.parse(String((await lines.next()).value)) as T;
  return {
    hello: next<{ torch: string }>(),
    runner: (kind) => (count) => {
      child.stdin.write(`${kind} ${count}\n`);
      return next();
    },
    stop: () => {
      child.stdin.end();
      rmSync(folder, { recursive: true });
    },
  };
}
