/**
 * One chunk of SmolVLA from two cameras, beside LeRobot's own module on the same random weights of the published sizes:
 *   npx tsx bench/smolvla.ts [--size full|tiny] [--folder DIR] [--python PATH] [--precision fp32,int8,int4]
 *                            [--repeats 5] [--threads 2]
 * Without --python only our own figures. LeRobot's actions are compared with ours, those in fewer bits with those in float32.
 * Where other work shares the machine, measure with --threads 1 and read the processor's time: with more, waiting threads count.
 * The checkpoint (1.8 GB in full size) is made in a temporary folder, or kept in --folder.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  actionError,
  familyByName,
  type FamilyObservation,
  type FamilyOptions,
  openCheckpoint,
  type PolicyFamily,
  type PublishedPolicy,
} from "@bidden/models";
import { folderSource, nodeEngine, writeCheckpoint } from "@bidden/models/node";
import { createRng } from "@bidden/runtime";
import { readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";

const { values: options } = parseArgs({
  options: {
    size: { type: "string", default: "full" },
    folder: { type: "string" },
    python: { type: "string" },
    precision: { type: "string", default: "fp32,int8,int4" },
    repeats: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
  },
});
const [repeats, threads] = [Number(options.repeats), Number(options.threads)];
const INSTRUCTION = "pick up the red block";

const family: PolicyFamily = familyByName("smolvla");
const temporary = options.folder === undefined ? mkdtempSync(join(tmpdir(), "bidden-bench-")) : null;
const folder = join(options.folder ?? (temporary as string), "checkpoint");
if (!existsSync(join(folder, "config.json"))) {
  const size = options.size === "tiny" ? "tiny" : "full";
  await writeCheckpoint(
    folder,
    family.make?.({ size, dims: {}, seed: 1 }) as NonNullable<ReturnType<NonNullable<PolicyFamily["make"]>>>,
  );
}
const observation = observe();
const info = await describe();
console.log(
  `${info.variant}, ${(info.parameters / 1e6).toFixed(1)} M parameters, ${(info.flops / 1e9).toFixed(0)} GFLOP a chunk, ${threads} threads`,
);

let exact: PublishedPolicy | null = null;
for (const precision of options.precision.split(",") as NonNullable<FamilyOptions["precision"]>[]) {
  const before = performance.now();
  const policy = await open(precision);
  await policy.predict(observation, { seed: 1 });
  const opened = performance.now() - before;
  const ms: number[] = [];
  const busy: number[] = [];
  let stages: Readonly<Record<string, number>> = {};
  for (let i = 0; i < repeats; i++) {
    const [began, used] = [performance.now(), process.cpuUsage()];
    stages = (await policy.predict(observation, { seed: 1 })).stageMs;
    ms.push(performance.now() - began);
    const { user, system } = process.cpuUsage(used);
    busy.push((user + system) / 1000);
  }
  const parts = Object.entries(stages).map(([stage, time]) => `${stage} ${time.toFixed(0)}`);
  const resident = process.memoryUsage.rss() / 1e9;
  console.log(
    `${precision} ${median(ms).toFixed(0).padStart(7)} ms a chunk, processor ${median(busy).toFixed(0)} ms (${parts.join(", ")}); first ${opened.toFixed(0)} ms, ${resident.toFixed(2)} GB`,
  );
  if (precision === "fp32") {
    exact = policy;
    if (options.python !== undefined)
      await comparePeer(options.python, policy, { ms: median(ms), busyMs: median(busy) });
    continue;
  }
  if (exact !== null) {
    const { rmse, relL2, maxAbs } = await actionError(exact, policy, [observation], [1, 2, 3]);
    console.log(
      `     actions against fp32: RMSE ${rmse.toExponential(2)}, relative L2 ${relL2.toExponential(2)}, largest ${maxAbs.toExponential(2)}`,
    );
  }
  await policy.close();
}
await exact?.close();
if (temporary !== null) rmSync(temporary, { recursive: true });

async function describe(): ReturnType<PolicyFamily["describe"]> {
  const checkpoint = await openCheckpoint(folderSource(folder));
  const facts = await family.describe(checkpoint);
  await checkpoint.close();
  return facts;
}

async function open(precision: NonNullable<FamilyOptions["precision"]>): Promise<PublishedPolicy> {
  return family.open(await openCheckpoint(folderSource(folder)), nodeEngine({ threads }), { precision });
}

/** Noise from both cameras in the size that the robot sends, and the state that normalises to zeros. */
function observe(): FamilyObservation {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as {
    input_features: Record<string, { type: string; shape: number[] }>;
  };
  const cameras = Object.entries(config.input_features).filter(([, { type }]) => type === "VISUAL");
  const images = Object.fromEntries(
    cameras.map(([name, { shape }]) => {
      const [, height, width] = shape as [number, number, number];
      const rng = createRng(3).fork(name);
      const data = Uint8Array.from({ length: 3 * height * width }, () => rng.below(256));
      return [name, { height, width, data }];
    }),
  );
  const stats = readSafetensors(
    readFileSync(join(folder, "policy_preprocessor_step_3_normalizer_processor.safetensors")),
  );
  const { data } = stats.tensors.get("observation.state.mean") as TensorData;
  return { images, state: Float32Array.from(data as Float32Array), instruction: INSTRUCTION };
}

/** What LeRobot's network gets: images in [0, 1], ids of the made tokenizer (7 special tokens, then one for every byte). */
function peerInputs(noise: Float32Array, chunk: number): Uint8Array {
  const given = new Map<string, TensorData>();
  for (const [name, { height, width, data }] of Object.entries(observation.images)) {
    const planes = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++)
      planes[(i % 3) * height * width + Math.floor(i / 3)] = (data[i] as number) / 255;
    given.set(name, { dtype: "float32", shape: [1, 3, height, width], data: planes });
  }
  const ids = BigInt64Array.from([...new TextEncoder().encode(`${INSTRUCTION}\n`)], (byte) => BigInt(byte + 7));
  given.set("observation.language.tokens", { dtype: "int64", shape: [1, ids.length], data: ids });
  const state = new Float32Array(observation.state.length);
  given.set("observation.state", { dtype: "float32", shape: [1, state.length], data: state });
  given.set("noise", { dtype: "float32", shape: [1, chunk, noise.length / chunk], data: noise });
  return writeSafetensors(given);
}

type Times = { readonly ms: number; readonly busyMs: number };

async function comparePeer(python: string, policy: PublishedPolicy, ours: Times): Promise<void> {
  const rng = createRng(9);
  const noise = Float32Array.from({ length: info.chunk * 32 }, () => rng.normal());
  const inputs = join(folder, "..", "inputs.safetensors");
  writeFileSync(inputs, peerInputs(noise, info.chunk));
  const script = fileURLToPath(new URL("smolvla-peer.py", import.meta.url));
  const child = spawn(python, [script, folder, inputs], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("internal: the peer ended without an answer");
      // LeRobot prints while it builds its model.
      if (value.startsWith("{")) return JSON.parse(value) as T;
    }
  };
  const { parameters, torch } = await next<{ parameters: number; torch: string }>();
  child.stdin.write(`${threads} ${repeats}\n`);
  const { ms, busyMs, actions } = await next<Times & { readonly actions: number[] }>();
  child.stdin.end();
  const own = (await policy.predict(observation, { seed: 0, noise })).normalised;
  const [difference, size] = [0, 1].map((kind) =>
    Math.sqrt(actions.reduce((sum, value, i) => sum + (kind === 0 ? value - (own[i] as number) : value) ** 2, 0)),
  ) as [number, number];
  console.log(
    `LeRobot ${ms.toFixed(0)} ms a chunk, processor ${busyMs.toFixed(0)} ms (torch ${torch}, ${(parameters / 1e6).toFixed(1)} M parameters, fp32 eager): ` +
      `ours in fp32 is ${(ms / ours.ms).toFixed(2)}x as fast (by the processor's time ${(busyMs / ours.busyMs).toFixed(2)}x); actions differ by relative L2 ${(difference / size).toExponential(1)}`,
  );
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
}
