/**
 * One chunk of ACT (52 M parameters) from two 480x640 cameras, beside LeRobot's own on the same random weights, in turns:
 *   npx tsx bench/act.ts [--size full|tiny] [--folder DIR] [--python PATH] [--rounds 5] [--threads 2]
 * PATH is a Python with lerobot; without it only our own figures. Its actions are compared with ours. LeRobot knows the
 * published widths only: --python goes with --size full. The checkpoint (208 MB) is made in a temporary folder, or kept in
 * --folder. Our time is that of `predict`: pictures to actions, normalisation included; LeRobot's begins behind it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  compareValues,
  type FamilyObservation,
  familyByName,
  type PublishedPolicy,
  type WrittenFiles,
} from "@bidden/models";
import { nodeEngine, openCheckpointAt, writeCheckpoint } from "@bidden/models/node";
import { createRng } from "@bidden/runtime";
import { readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "full" },
    folder: { type: "string" },
    python: { type: "string" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
  },
});
const threads = Number(flags.threads);
const CHUNKS_A_ROUND = 3;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Noise in the size of every camera, and the state that normalises to nearly nothing. */
function observe(policy: PublishedPolicy): FamilyObservation {
  const images = Object.fromEntries(
    policy.info.cameras.map(({ name, width, height }) => {
      const rng = createRng(3).fork(name);
      return [name, { width, height, data: Uint8Array.from({ length: 3 * width * height }, () => rng.below(256)) }];
    }),
  );
  return { images, state: new Float32Array(policy.info.state.dim).fill(0.1), instruction: "" };
}

/** What LeRobot's module is given: the observation as its processors would hand it over. */
function normalisedInputs(observation: FamilyObservation, statistics: Statistics): Map<string, TensorData> {
  const inputs = new Map<string, TensorData>();
  const { mean, std } = statistics("observation.state");
  const state = observation.state.map((value, i) => (value - (mean[i] as number)) / (std[i] as number));
  inputs.set("observation.state", { dtype: "float32", shape: [1, state.length], data: state });
  for (const [name, { width, height, data }] of Object.entries(observation.images)) {
    const of = statistics(name);
    const places = width * height;
    const values = Float32Array.from({ length: 3 * places }, (_, i) => {
      const channel = Math.floor(i / places);
      const share = (data[(i % places) * 3 + channel] as number) / 255;
      return (share - (of.mean[channel] as number)) / (of.std[channel] as number);
    });
    inputs.set(name, { dtype: "float32", shape: [1, 3, height, width], data: values });
  }
  return inputs;
}

type Statistics = (name: string) => { readonly mean: ArrayLike<number>; readonly std: ArrayLike<number> };

type Peer = {
  readonly about: string;
  readonly actions: readonly number[];
  readonly ask: () => Promise<number>;
  readonly close: () => void;
};

async function startPeer(python: string, folder: string, inputs: string): Promise<Peer> {
  const script = fileURLToPath(new URL("./act-peer.py", import.meta.url));
  const child = spawn(python, [script, folder, inputs], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const next = async (): Promise<unknown> => {
    const [line] = (await once(lines, "line")) as [string];
    return JSON.parse(line) as unknown;
  };
  const { parameters, torch, actions } = (await next()) as { parameters: number; torch: string; actions: number[] };
  return {
    about: `LeRobot's ACT, ${(parameters / 1e6).toFixed(1)} M parameters, torch ${torch}`,
    actions,
    ask: async () => {
      child.stdin.write(`${threads} ${CHUNKS_A_ROUND}\n`);
      return (await next()) as number;
    },
    close: () => child.kill(),
  };
}

const family = familyByName("act");
const temporary = flags.folder === undefined ? mkdtempSync(join(tmpdir(), "bidden-bench-")) : null;
const folder = join(flags.folder ?? (temporary as string), "checkpoint");
if (!existsSync(join(folder, "config.json"))) {
  const size = flags.size === "tiny" ? "tiny" : "full";
  await writeCheckpoint(folder, family.make?.({ size, dims: {}, seed: 1 }) as WrittenFiles);
}
const checkpoint = await openCheckpointAt(folder);
const opening = performance.now();
const policy = await family.open(checkpoint, nodeEngine({ threads }));
const openedMs = performance.now() - opening;
const observation = observe(policy);
const first = await policy.predict(observation, { seed: 1 });

let peer: Peer | null = null;
if (flags.python !== undefined) {
  const stored = await checkpoint.bytes("policy_preprocessor_step_3_normalizer_processor.safetensors");
  const { tensors } = readSafetensors(stored as Uint8Array);
  const values = (name: string): Float32Array => tensors.get(name)?.data as Float32Array;
  const statistics: Statistics = (name) => ({ mean: values(`${name}.mean`), std: values(`${name}.std`) });
  const inputs = join(flags.folder ?? (temporary as string), "inputs.safetensors");
  writeFileSync(inputs, writeSafetensors(normalisedInputs(observation, statistics)));
  peer = await startPeer(flags.python, folder, inputs);
  const { relL2, maxAbs } = compareValues("actions", first.normalised, peer.actions, {});
  console.log(`actions against LeRobot's: relative L2 ${relL2.toExponential(2)}, largest ${maxAbs.toExponential(2)}`);
}

const ours: number[] = [];
const theirs: number[] = [];
for (let round = 0; round < Number(flags.rounds); round++) {
  for (let i = 0; i < CHUNKS_A_ROUND; i++) {
    const start = performance.now();
    await policy.predict(observation, { seed: 1 });
    ours.push(performance.now() - start);
  }
  if (peer !== null) theirs.push(await peer.ask());
}

const { info } = policy;
const size = info.cameras.map(({ width, height }) => `${width}x${height}`).join(" and ");
console.log(`${cpus()[0]?.model ?? "unknown"}, ${threads} threads, Node ${process.version}; medians`);
console.log(`ACT, ${(info.parameters / 1e6).toFixed(1)} M parameters, cameras ${size}, chunks of ${info.chunk}`);
console.log(`bidden  ${median(ours).toFixed(1).padStart(8)} ms a chunk (opened in ${openedMs.toFixed(0)} ms)`);
if (peer !== null) {
  const ratio = median(theirs) / median(ours);
  console.log(
    `LeRobot ${median(theirs).toFixed(1).padStart(8)} ms a chunk, ${ratio.toFixed(2)}x as long (${peer.about})`,
  );
}
peer?.close();
await policy.close();
await checkpoint.close();
if (temporary !== null) rmSync(temporary, { recursive: true });
