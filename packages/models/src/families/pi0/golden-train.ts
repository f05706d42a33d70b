/** π's objectives against LeRobot's: losses, and gradients of the parameters that the golden set names. */
import { BiddenError } from "@bidden/runtime";
import { type Elements, Graph, gradients, type Tensor } from "@bidden/tensor";
import { embedTime } from "../../blocks/flow-matching.ts";
import { MASKED } from "../../blocks/gemma.ts";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { GoldenCheck } from "../../checkpoint/golden.ts";
import { rawObservation } from "./golden.ts";
import type { PiDims } from "./dims.ts";
import { expertOf } from "./graphs.ts";
import { GEMMA_TURNS } from "./model.ts";
import { canonicalName, type PiKind } from "./names.ts";
import type { PiParts, ReadObservation } from "./policy.ts";
import { bindPi, piTensors } from "./tensors.ts";
import { flowLoss } from "./train.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** README-lerobot.md, "Tolerances". */
export const GRADIENTS = { relL2: 1e-4 };
export const LOSS = { relL2: 5e-6 };

export type TrainParts = { readonly checkpoint: Checkpoint; readonly engine: Engine };

export async function checkFlowLoss(
  parts: Omit<PiParts, "info">,
  { checkpoint, engine }: TrainParts,
  check: GoldenCheck,
): Promise<void> {
  const { config, model } = parts;
  const { dims } = model;
  const own = check.golden;
  const inputs = check.base ?? own;
  const reads = [await rawObservation(parts, check, 0), await rawObservation(parts, check, 1)];
  const fixed = own.has("train/prefix_mask") ? await own.float("train/prefix_mask") : null;
  const graph = new Graph("pi-loss");
  const size = { ...batchSize(reads), horizon: config.horizon, actionDim: config.actionDim };
  const out = flowLoss(new Net(graph), dims, size);
  for (const [name, value] of Object.entries(out)) graph.output(name, value);
  const wanted = gradientOutputs(graph, out.loss, own.names("train/grad/"), dims.kind);
  const [horizon, width] = [config.horizon, dims.actionWidth];
  const times = tokenTimes(await inputs.float("train/time"), horizon, fixed);
  const feeds = {
    ...prefixFeeds(reads, size.words, dims),
    ...suffixFeeds(reads, dims.kind === "pi0" ? horizon + 1 : horizon, dims),
    ...(dims.kind === "pi0" ? { state: joinRows(reads.map(({ state }) => wide(state, state.length, width))) } : {}),
    actions: wide(await inputs.float("train/action_normalised"), config.actionDim, width),
    noise: await inputs.float("train/noise"),
    time: times,
    times: joinRows(Array.from(times, (t) => Float32Array.from(embedTime(t, expertOf(dims).width, config.time)))),
    counted: Float32Array.from({ length: times.length }, (_, i) => (fixed?.[i] === 1 ? 0 : 1)),
  };
  const run = await runLoss(graph, { checkpoint, engine }, dims.kind, feeds);
  await check.compare("train/loss", [...(run.loss as Float32Array)], LOSS);
  if (own.has("train/loss_per_sample")) await check.compare("train/loss_per_sample", run.rows as Float32Array, LOSS);
  if (own.has("train/losses_elementwise")) await check.compare("train/losses_elementwise", run.each as Float32Array);
  for (const [name, output] of wanted) await check.compare(name, run[output] as Float32Array, GRADIENTS);
}

/** Runs a loss and its gradients with the checkpoint's weights. */
export async function runLoss(
  graph: Graph,
  { checkpoint, engine }: TrainParts,
  kind: PiKind,
  feeds: Readonly<Record<string, Elements>>,
): Promise<Record<string, Elements>> {
  const session = await bindPi(checkpoint, piTensors(checkpoint, kind), [graph]).open(graph, engine);
  try {
    return Object.fromEntries(Object.entries(await session.run(feeds)).map(([name, { data }]) => [name, data]));
  } finally {
    await session.close();
  }
}

/** Adds the gradients of stored parameters as outputs; golden names with the outputs' names. */
export function gradientOutputs(
  graph: Graph,
  loss: Tensor,
  names: readonly string[],
  kind: PiKind,
): readonly (readonly [golden: string, output: string])[] {
  const parameters = names.map((name) => {
    const parameter = graph.parameters.get(canonicalName(name.replace("train/grad/", ""), kind) ?? "");
    if (parameter !== undefined) return parameter;
    throw new BiddenError("not-found", `The loss has no parameter for "${name}".`, { name });
  });
  return gradients(loss, parameters).map((gradient, i) => {
    graph.output(`gradient.${i}`, gradient);
    return [names[i] as string, `gradient.${i}`] as const;
  });
}

export function batchSize(reads: readonly ReadObservation[]): { batch: number; cameras: number; words: number } {
  const [first] = reads;
  return {
    batch: reads.length,
    cameras: first?.pixels.length ?? 0,
    words: Math.max(...reads.map(({ ids }) => ids.length)),
  };
}

/** Pictures and prompts of a batch, padded to `words`. */
function prefixFeeds(reads: readonly ReadObservation[], words: number, dims: PiDims): Record<string, Elements> {
  const rows = reads.map(({ pixels, ids }) => {
    const n = pixels.length * dims.vision.side ** 2 + words;
    const valid = n - words + ids.length;
    const places = Array.from({ length: n }, (_, i) => Math.min(i, valid - 1));
    return { bias: new Float32Array(n).fill(MASKED, valid), turns: turnValues(places, dims.text.headDim, GEMMA_TURNS) };
  });
  return {
    pixels: joinRows(reads.flatMap(({ pixels }) => pixels)),
    tokens: paddedTokens(reads, words),
    bias: joinRows(rows.map(({ bias }) => bias)),
    "prefix.cos": joinRows(rows.map(({ turns }) => turns.cos)),
    "prefix.sin": joinRows(rows.map(({ turns }) => turns.sin)),
  };
}

/** int64[batch, words] */
export function paddedTokens(reads: readonly ReadObservation[], words: number): BigInt64Array {
  const rows = reads.map(({ ids }) => Array.from({ length: words }, (_, i) => BigInt(ids[i] ?? 0)));
  return BigInt64Array.from(rows.flat());
}

function suffixFeeds(reads: readonly ReadObservation[], places: number, dims: PiDims): Record<string, Elements> {
  const turns = reads.map(({ pixels, ids }) => {
    const first = pixels.length * dims.vision.side ** 2 + ids.length;
    return turnValues(
      Array.from({ length: places }, (_, i) => first + i),
      dims.text.headDim,
      GEMMA_TURNS,
    );
  });
  return {
    "suffix.cos": joinRows(turns.map(({ cos }) => cos)),
    "suffix.sin": joinRows(turns.map(({ sin }) => sin)),
  };
}

/** A time for every action: the sample's, or 0 where the action is held. */
function tokenTimes(times: Float32Array, horizon: number, held: Float32Array | null): Float32Array {
  return Float32Array.from({ length: times.length * horizon }, (_, i) =>
    held?.[i] === 1 ? 0 : (times[Math.floor(i / horizon)] as number),
  );
}

/** Rows of `from` numbers with zeros up to `to`. */
function wide(values: Float32Array, from: number, to: number): Float32Array {
  const rows = values.length / from;
  const out = new Float32Array(rows * to);
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * from, (row + 1) * from), row * to);
  return out;
}
