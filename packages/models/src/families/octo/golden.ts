/** Octo's masks, transformer and head against what octo-models/octo computed: a golden set without a checkpoint. */
import { Graph, mean, onnxModel, reshape, type Session, type Shape, slice, type TensorData } from "@bidden/tensor";
import type { Engine } from "../../checkpoint/engine.ts";
import type { GoldenCheck, GoldenSet } from "../../checkpoint/golden.ts";
import type { CheckpointSource } from "../../checkpoint/source.ts";
import type { GoldenKind } from "../../golden-sets/set.ts";
import { batchMask, blockMask, octoRules, type TokenGroup } from "./mask.ts";
import { flaxTree, octoScore, octoTransformer } from "./model.ts";
import { octoSchedule, sampleOcto } from "./sample.ts";

/** README-open.md: features, and actions. */
const FEATURES = { relMax: 1e-4 };
const ACTIONS = { maxAbs: 1e-3 };

export const octo: GoldenKind = {
  name: "octo",
  matches: (files) =>
    files.includes("goldens.json") && files.includes("goldens.safetensors") && !files.includes("config.json"),
  async check(_source: CheckpointSource, check: GoldenCheck, engine: Engine): Promise<void> {
    const groups = groupsOf(check.golden);
    for (const rule of ["correct", "december_2023"]) await checkTransformer(check, engine, groups, rule);
    await checkHead(check, engine);
  },
};

/** The groups of the set: names in the order of a step, sizes from the recorded inputs. */
function groupsOf(golden: GoldenSet): TokenGroup[] {
  const order = ["task_language", "obs_primary", "obs_wrist", "readout_action"];
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = golden.names("in.").flatMap((name) => (name.endsWith(".mask") ? [] : [name.slice(3)]));
  return names
    .sort((a, b) => place(a) - place(b))
    .map((name) => {
      const shape = golden.shape(`in.${name}`);
      const kind = shape.length === 3 ? "prefix" : "timestep";
      return { name, kind, tokens: shape.at(-2) as number, rules: octoRules(name) };
    });
}

/** Values of groups side by side as one sequence a sample: prefix groups, then every step's groups. */
async function sequence(
  golden: GoldenSet,
  groups: readonly TokenGroup[],
  suffix: string,
  width: number,
): Promise<Float32Array> {
  const { batch, window } = sizesOf(golden, groups);
  const parts = new Map<TokenGroup, Float32Array>();
  for (const group of groups) parts.set(group, await golden.float(`in.${group.name}${suffix}`));
  const rows: number[] = [];
  const take = (group: TokenGroup, row: number): void => {
    const each = group.tokens * width;
    for (const value of (parts.get(group) as Float32Array).subarray(row * each, (row + 1) * each)) rows.push(value);
  };
  for (let sample = 0; sample < batch; sample++) {
    for (const group of groups) if (group.kind === "prefix") take(group, sample);
    for (let step = 0; step < window; step++) {
      for (const group of groups) if (group.kind === "timestep") take(group, sample * window + step);
    }
  }
  return Float32Array.from(rows);
}

type Sizes = { readonly batch: number; readonly window: number; readonly width: number; readonly count: number };

function sizesOf(golden: GoldenSet, groups: readonly TokenGroup[]): Sizes {
  const step = groups.find(({ kind }) => kind === "timestep") as TokenGroup;
  const [batch, window, , width] = golden.shape(`in.${step.name}`) as readonly [number, number, number, number];
  const count = groups.reduce((sum, { kind, tokens }) => sum + tokens * (kind === "prefix" ? 1 : window), 0);
  return { batch, window, width, count };
}

function countOf(golden: GoldenSet, prefix: string): number {
  let count = 0;
  while (golden.names(`${prefix}${count}/`).length > 0) count++;
  return count;
}

async function open(golden: GoldenSet, graph: Graph, engine: Engine): Promise<Session> {
  const parameters = new Map<string, TensorData>();
  for (const [name, { shape }] of graph.parameters) {
    parameters.set(name, { dtype: "float32", shape, data: await golden.float(name) });
  }
  return engine.openSession(onnxModel(graph, { parameters }), engine.options);
}

async function checkTransformer(
  check: GoldenCheck,
  engine: Engine,
  groups: readonly TokenGroup[],
  rule: string,
): Promise<void> {
  const { golden } = check;
  const { batch, window, width, count } = sizesOf(golden, groups);
  const valid = Uint8Array.from(await sequence(golden, groups, ".mask", 1));
  const mask = batchMask(blockMask(groups, { window, correct: rule === "correct" }), valid);
  await check.compare(`${rule}.attention_mask`, mask, { maxAbs: 0 });
  const text = Array.from({ length: count }, (_, i) => {
    return Array.from(mask.subarray(i * count, (i + 1) * count), (seen) => (seen === 1 ? "x" : ".")).join("");
  });
  check.holds(`${rule}.masks`, text.join("\n") === golden.facts.object("masks").texts(rule).join("\n"), "another mask");
  const graph = new Graph("octo");
  const tree = flaxTree(graph, (path) => golden.shape(path));
  const x = graph.input("x", "float32", [batch, count, width]);
  const seen = graph.input("mask", "bool", [batch, 1, count, count]);
  const layers = countOf(golden, "params/Transformer_0/encoderblock_");
  const out = octoTransformer(tree, "params/Transformer_0", x, seen, layers);
  const prefix = groups.reduce((sum, { kind, tokens }) => sum + (kind === "prefix" ? tokens : 0), 0);
  const steps = reshape(slice(out, { axis: 1, start: prefix }), [batch, window, (count - prefix) / window, width]);
  let [inPrefix, inStep] = [0, 0];
  for (const { name, kind, tokens } of groups) {
    const [from, axis, start] = kind === "prefix" ? [out, 1, inPrefix] : [steps, 2, inStep];
    graph.output(name, slice(from, { axis, start, end: start + tokens }));
    if (kind === "prefix") inPrefix += tokens;
    else inStep += tokens;
  }
  const session = await open(golden, graph, engine);
  const values = await session.run({ x: await sequence(golden, groups, "", width), mask });
  await session.close();
  for (const { name } of groups) await check.compare(`${rule}.out.${name}`, values[name]?.data ?? [], FEATURES);
}

async function checkHead(check: GoldenCheck, engine: Engine): Promise<void> {
  const { golden } = check;
  const [batch, window, tokens, width] = golden.shape("correct.out.readout_action") as readonly [
    number,
    number,
    number,
    number,
  ];
  const flat = golden.shape("score.noisy_actions").at(-1) as number;
  const rows = batch * window;
  const graph = new Graph("octo-head");
  const tree = flaxTree(graph, (path): Shape => golden.shape(path));
  const readout = mean(graph.input("readout", "float32", [rows, tokens, width]), 1);
  const noisy = graph.input("noisy", "float32", [rows, flat]);
  const time = graph.input("time", "float32", [rows, 1]);
  const blocks = countOf(golden, "head/diffusion_model/reverse_network/MLPResNetBlock_");
  graph.output("noise", octoScore(tree, "head/diffusion_model", { readout, noisy, time }, blocks));
  const session = await open(golden, graph, engine);
  const read = await golden.float("correct.out.readout_action");
  const network = async (x: Float32Array, times: Float32Array): Promise<Float32Array> =>
    (await session.run({ readout: read, noisy: x, time: times })).noise?.data as Float32Array;
  const seen = await network(await golden.float("score.noisy_actions"), await golden.float("score.time"));
  await check.compare("score.eps_pred", seen, FEATURES);
  const schedule = octoSchedule(golden.shape("betas")[0] as number);
  await check.compare("betas", schedule.betas, FEATURES);
  await check.compare("alpha_hats", schedule.alphaHats, FEATURES);
  const noise = await golden.float("sample.noise");
  const drawn = (i: number): Float32Array => noise.slice(i * rows * flat, (i + 1) * rows * flat);
  for (const name of ["full", "masked"]) {
    const [, horizon, actionDim] = golden.shape(`sample.${name}.actions`) as readonly [number, number, number];
    // The masked sample lacks the last two dimensions.
    const usedDim = name === "full" ? actionDim : actionDim - 2;
    const all = await sampleOcto(
      schedule,
      drawn(0),
      (step) => drawn(step + 1),
      (x, at) => network(x, new Float32Array(rows).fill(at)),
      { actionDim, usedDim },
    );
    // Actions of the window's last step count.
    const last = Array.from({ length: batch }, (_, i) => {
      const end = (i + 1) * window * horizon * actionDim;
      return [...all.subarray(end - horizon * actionDim, end)];
    });
    await check.compare(`sample.${name}.actions`, last.flat(), ACTIONS);
  }
  await session.close();
}
