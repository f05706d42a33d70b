/**
 * One chunk of actions: the tabletop policy beside LeRobot's ACT (52 M parameters, two 96x96 cameras), in turns on the same
 * machine. Also what the virtual clock's inference delay stands for: two pictures drawn, one chunk inferred.
 *
 *   npx tsx bench/policy.ts [--policy FOLDER] [--python PATH] [--rounds 8]
 *
 * PATH is a Python with lerobot (`python3 -m venv v && v/bin/pip install lerobot`). Without it only our own figures are
 * printed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { INFERENCE_DELAY_MS, planSuite, WorldPlant } from "@bidden/eval";
import { loadTabletopPolicy } from "@bidden/models/node";
import type { Ask, Observation, Policy } from "@bidden/runtime";
import { createScene, createWorld, stateVector, type World } from "@bidden/sim";

const CHUNKS_AN_INSTRUCTION = 4;
const PEER_A_ROUND = 5;

/** On a machine with other work, the fastest tenth says more than the median. */
const fastest = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 10)] ?? Number.NaN;
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Real observations, each of another scene with its own sentence; and the median ms to draw the pictures of one. */
function look(world: World, policy: Policy): { observations: Observation[]; drawMs: number } {
  const plant = new WorldPlant(world, policy.info.cameras);
  const times: number[] = [];
  const plans = planSuite({ skills: ["pick", "put"], episodes: 4, unclear: 0, seed: 1 });
  const observations = plans.map(({ seed, instruction, key }) => {
    world.reset(createScene(seed));
    const state = stateVector(world, 1);
    const history = Array.from({ length: policy.info.historyLength }, () => state);
    const ask: Ask = { id: key, captureNs: 0n, captureMs: 0, state, history, instruction, seed: 0 };
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      plant.observe(ask);
      times.push(performance.now() - start);
    }
    return plant.observe(ask);
  });
  return { observations, drawMs: median(times) };
}

/** Ms of each chunk from the second of an instruction on, 100 ms apart: its words are read with the first. */
async function inferMs(policy: Policy, head: string, observations: readonly Observation[]): Promise<number[]> {
  const times: number[] = [];
  for (const observation of observations) {
    for (let chunk = 0; chunk <= CHUNKS_AN_INSTRUCTION; chunk++) {
      const captureNs = observation.captureNs + BigInt(chunk) * 100_000_000n;
      const start = performance.now();
      await policy.infer({ ...observation, captureNs }, { seed: chunk, head });
      if (chunk > 0) times.push(performance.now() - start);
    }
  }
  return times;
}

type Peer = { readonly about: string; readonly ask: (threads: number) => Promise<number>; readonly close: () => void };

async function startPeer(python: string): Promise<Peer> {
  const script = fileURLToPath(new URL("./act-peer.py", import.meta.url));
  const child = spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const next = async (): Promise<unknown> => {
    const [line] = (await once(lines, "line")) as [string];
    return JSON.parse(line) as unknown;
  };
  const about = (await next()) as { parameters: number; torch: string };
  return {
    about: `ACT, ${(about.parameters / 1e6).toFixed(0)} M parameters, torch ${about.torch}`,
    ask: async (threads) => {
      child.stdin.write(`${threads} ${PEER_A_ROUND}\n`);
      return (await next()) as number;
    },
    close: () => child.kill(),
  };
}

const { values: flags } = parseArgs({
  options: { policy: { type: "string" }, python: { type: "string" }, rounds: { type: "string", default: "8" } },
});
const world = await createWorld();
const peer = flags.python === undefined ? null : await startPeer(flags.python);
const times = new Map<string, number[]>();
const note = (name: string, ms: readonly number[]): void => {
  times.set(name, [...(times.get(name) ?? []), ...ms]);
};

let drawMs = Number.NaN;
let readMs = Number.NaN;
const policies = await Promise.all(
  [1, 2].map(async (threads) => ({ threads, policy: await loadTabletopPolicy(flags.policy, { threads }) })),
);
const [first] = policies;
if (first !== undefined) {
  const seen = look(world, first.policy);
  drawMs = seen.drawMs;
  const sentenceMs: number[] = [];
  for (const { policy } of policies) {
    for (const observation of seen.observations) {
      const start = performance.now();
      await policy.infer(observation, { seed: 0 });
      sentenceMs.push(performance.now() - start);
    }
  }
  readMs = median(sentenceMs);
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const { threads, policy } of policies) {
      for (const head of policy.info.heads) {
        note(`tabletop, ${head}, threads ${threads}`, await inferMs(policy, head, seen.observations));
      }
      if (peer !== null) note(`${peer.about}, threads ${threads}`, [await peer.ask(threads)]);
    }
  }
}

const row = (name: string, ms: number, rest = ""): void =>
  console.log(name.padEnd(56), `${ms.toFixed(2).padStart(8)} ms`, rest);
console.log(`${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, Node ${process.version}; medians`);
for (const [name, ms] of times) {
  const threads = name.slice(-1);
  const other = [...times].find(([key]) => key.startsWith("ACT") && key.endsWith(threads));
  const ours = !name.startsWith("ACT");
  const ratio = ours && other !== undefined ? `, ${(median(other[1]) / median(ms)).toFixed(1)}x faster than ACT` : "";
  row(name, median(ms), `fastest tenth ${fastest(ms).toFixed(2)} ms${ratio}`);
}
row("first chunk of a new sentence (it is read once)", readMs);
row("two pictures drawn", drawMs);
const chunkMs = median(times.get("tabletop, regression, threads 1") ?? []);
row("two pictures and one chunk", drawMs + chunkMs, `the virtual clock counts ${INFERENCE_DELAY_MS} ms`);
peer?.close();
for (const { policy } of policies) await policy.close();
world.close();
