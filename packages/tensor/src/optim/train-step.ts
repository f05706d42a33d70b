/**
 * One training step as a graph: loss, gradients, clipping by global norm, AdamW, moving average. What lives from step to step
 * (parameters, moments, average, step number) is a list of slots: inputs of the graph with an output each.
 */
import { BiddenError } from "@bidden/runtime";
import { type DType, type Shape, sizeOf } from "../graph/dtype.ts";
import { gradients } from "../graph/gradients.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { onnxModel } from "../onnx/model.ts";
import { add, cast, mul } from "../ops/core.ts";
import { sumSquares } from "../ops/reduce.ts";
import { sqrt } from "../ops/unary.ts";
import {
  type AdamWFacts,
  type AdamWOptions,
  type AdamWScalars,
  adamW,
  adamWFacts,
  adamWScalars,
  clipFactor,
} from "./adamw.ts";
import { type Pack, type Part, packParameters } from "./pack.ts";
import { learningRate, type Schedule } from "./schedule.ts";

export type TrainStepOptions = {
  readonly schedule: Schedule;
  readonly adamw?: AdamWOptions;
  /** Gradients are scaled down so that their joint length is at most this. */
  readonly clipNorm?: number;
  /** Keeps a moving average of the parameters: average = decay·average + (1 - decay)·parameter after every step. */
  readonly emaDecay?: number;
  /** Parameters, by name, that are read and not changed; what is only needed for their gradients is not computed. */
  readonly freeze?: (name: string) => boolean;
  /** Further values to return at every step. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
};

/** A value that one step hands to the next. */
export type Slot = {
  readonly role: "parameter" | "first-moment" | "second-moment" | "average" | "step";
  readonly input: string;
  readonly output: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** The slot's array times this is the quantity itself. */
  readonly scale: number;
  /** The parameters that lie in the array; none in the step number. */
  readonly parts: readonly Part[];
};

export type TrainStep = {
  readonly graph: Graph;
  readonly model: Uint8Array;
  readonly slots: readonly Slot[];
  /** Parameters that are read and never changed. */
  readonly frozen: readonly string[];
  /** Names of the scalars that a step returns: loss, gradientNorm, learningRate, and those asked for. */
  readonly metrics: readonly string[];
};

/** Adds the step to the graph and writes it. A graph takes one step only. */
export function buildTrainStep(graph: Graph, loss: Tensor, options: TrainStepOptions): TrainStep {
  const trainable = [...graph.parameters.values()].filter(
    (p) => p.source.kind === "parameter" && p.source.trainable && options.freeze?.(p.name) !== true,
  );
  if (trainable.length === 0) throw new BiddenError("bad-graph", `graph "${graph.name}" has no parameter to train.`);
  const facts = adamWFacts(options.adamw);
  const found = gradients(loss, trainable);
  const { packs, views } = packParameters(
    graph,
    trainable,
    found,
    (name, shape) => facts.weightDecay > 0 && facts.decays(name, shape),
  );
  const gradientNorm = sqrt(packs.map((pack) => sumSquares(pack.gradient)).reduce((a, b) => add(a, b)));
  const clip = options.clipNorm === undefined ? null : clipFactor(gradientNorm, options.clipNorm);
  const step = graph.input("step", "float64", []);
  const rate = learningRate(options.schedule, step);
  const scalars = adamWScalars(facts, step, rate);
  const slots = packs.flatMap((pack) =>
    updatePack(graph, pack, { facts, scalars, clip, emaDecay: options.emaDecay ?? null }),
  );
  graph.output("next/step", add(step, 1));
  slots.push({ role: "step", input: "step", output: "next/step", dtype: "float64", shape: [], scale: 1, parts: [] });
  const metrics = { loss, gradientNorm, learningRate: cast(rate, "float32"), ...options.metrics };
  for (const [name, value] of Object.entries(metrics)) graph.output(`metric/${name}`, value);
  const outputs = [...slots.map((slot) => slot.output), ...Object.keys(metrics).map((name) => `metric/${name}`)];
  const replacements = new Map([...graph.trainingForms, ...views]);
  const frozen = [...graph.parameters.values()].filter((p) => !trainable.includes(p)).map((p) => p.name);
  return { graph, model: onnxModel(graph, { outputs, replacements }), slots, frozen, metrics: Object.keys(metrics) };
}

type Update = {
  readonly facts: AdamWFacts;
  readonly scalars: AdamWScalars;
  readonly clip: Tensor | null;
  readonly emaDecay: number | null;
};

function updatePack(graph: Graph, pack: Pack, update: Update): Slot[] {
  const { name, shape, value, parts } = pack;
  const { facts, scalars, clip, emaDecay } = update;
  const gradient = clip === null ? pack.gradient : mul(pack.gradient, clip);
  const state = (prefix: string): Tensor => graph.input(`${prefix}/${name}`, "float32", shape);
  const moments = { first: state("first"), second: state("second") };
  const next = adamW(value, gradient, moments, scalars, { ...facts, decays: pack.decays });
  const slots: Slot[] = [];
  const slot = (role: Slot["role"], input: Tensor, result: Tensor, scale: number): void => {
    const output = `next/${role}/${name}`;
    graph.output(output, result);
    slots.push({ role, input: input.name, output, dtype: "float32", shape, scale, parts });
  };
  slot("parameter", value, next.value, 1);
  slot("first-moment", moments.first, next.first, 1 - facts.beta1);
  slot("second-moment", moments.second, next.second, 1 - facts.beta2);
  if (emaDecay !== null) {
    const average = state("average");
    slot("average", average, add(mul(average, emaDecay), next.value), 1 - emaDecay);
  }
  return slots;
}

/** Number of values in the parameters of a graph. */
export function countParameters(graph: Graph): number {
  return [...graph.parameters.values()].reduce((total, { shape }) => total + sizeOf(shape), 0);
}
