/**
 * One training step as a graph: loss, gradients, clipping by global norm, AdamW with decoupled decay, moving average. What lives
 * from step to step (parameters, moments, average, step number) is a list of slots: inputs of the graph with an output each.
 */
import { BiddenError } from "@bidden/runtime";
import { type DType, type Shape, sizeOf } from "../graph/dtype.ts";
import { gradients } from "../graph/gradients.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { onnxModel } from "../onnx/model.ts";
import { add, cast, div, mul, sub } from "../ops/core.ts";
import { minimum, pow } from "../ops/elementwise.ts";
import { sumSquares } from "../ops/reduce.ts";
import { sqrt } from "../ops/unary.ts";
import { learningRate, type Schedule } from "./schedule.ts";

export type AdamWOptions = {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
  /** Which parameters decay. Left out: those of two or more dimensions. */
  readonly decays?: (name: string, shape: Shape) => boolean;
};

export type TrainStepOptions = {
  readonly schedule: Schedule;
  readonly adamw?: AdamWOptions;
  /** Gradients are scaled down so that their joint length is at most this. */
  readonly clipNorm?: number;
  /** Keeps a moving average of the parameters: average = decay·average + (1 - decay)·parameter after every step. */
  readonly emaDecay?: number;
  /** Further values to return at every step. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
};

/** A value that one step hands to the next. */
export type Slot = {
  readonly name: string;
  readonly input: string;
  readonly output: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly role: "parameter" | "first-moment" | "second-moment" | "average" | "step";
  /** The parameter that this belongs to; empty for the step number. */
  readonly parameter: string;
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

export function buildTrainStep(graph: Graph, loss: Tensor, options: TrainStepOptions): TrainStep {
  const trainable = [...graph.parameters.values()].filter((p) => p.source.kind === "parameter" && p.source.trainable);
  if (trainable.length === 0) throw new BiddenError("bad-graph", `graph "${graph.name}" has no parameter to train.`);
  const slots: Slot[] = [];
  const found = gradients(loss, trainable);
  const normSquared = found.map((g) => sumSquares(g)).reduce((a, b) => add(a, b));
  const gradientNorm = sqrt(normSquared);
  const step = graph.input("step", "float64", []);
  const rate = learningRate(options.schedule, step);
  const scalars = adamScalars(options, step, rate, gradientNorm);
  trainable.forEach((parameter, i) => slots.push(...updateParameter(parameter, found[i] as Tensor, scalars, options)));
  graph.output("next/step", add(step, 1));
  slots.push({
    name: "step",
    input: "step",
    output: "next/step",
    dtype: "float64",
    shape: [],
    role: "step",
    parameter: "",
  });
  const metrics = { loss, gradientNorm, learningRate: cast(rate, "float32"), ...options.metrics };
  for (const [name, value] of Object.entries(metrics)) graph.output(`metric/${name}`, value);
  const outputs = [...slots.map((slot) => slot.output), ...Object.keys(metrics).map((name) => `metric/${name}`)];
  const frozen = [...graph.parameters.values()].filter((p) => !trainable.includes(p)).map((p) => p.name);
  return { graph, model: onnxModel(graph, { outputs }), slots, frozen, metrics: Object.keys(metrics) };
}

/** float32 scalars that every parameter's update shares. */
type AdamScalars = {
  /** Factor on the gradients, or null where nothing is clipped. */
  readonly clip: Tensor | null;
  /** 1 - rate·decay */
  readonly shrink: Tensor;
  /** rate/(1 - β₁ᵗ) */
  readonly stepSize: Tensor;
  /** 1/√(1 - β₂ᵗ) */
  readonly secondScale: Tensor;
};

function adamScalars(options: TrainStepOptions, step: Tensor, rate: Tensor, gradientNorm: Tensor): AdamScalars {
  const { beta1 = 0.9, beta2 = 0.999, weightDecay = 0.01 } = options.adamw ?? {};
  const count = add(step, 1);
  const graph = step.graph;
  const unbiased = (beta: number): Tensor => sub(1, pow(graph.constant(beta, "float64"), count));
  const clip =
    options.clipNorm === undefined ? null : minimum(div(options.clipNorm, add(gradientNorm, 1e-6)), graph.constant(1));
  return {
    clip,
    shrink: cast(sub(1, mul(rate, weightDecay)), "float32"),
    stepSize: cast(div(rate, unbiased(beta1)), "float32"),
    secondScale: cast(div(1, sqrt(unbiased(beta2))), "float32"),
  };
}

function isMatrix(_name: string, shape: Shape): boolean {
  return shape.length > 1;
}

/** AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), in the order of PyTorch's implementation. */
function updateParameter(parameter: Tensor, gradient: Tensor, scalars: AdamScalars, options: TrainStepOptions): Slot[] {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decays = isMatrix } = options.adamw ?? {};
  const { graph, name, shape } = parameter;
  const slots: Slot[] = [];
  const slot = (role: Slot["role"], label: string, input: Tensor, next: Tensor): void => {
    const output = `next/${label}`;
    graph.output(output, next);
    slots.push({ name: label, input: input.name, output, dtype: "float32", shape, role, parameter: name });
  };
  const first = graph.input(`m/${name}`, "float32", shape);
  const second = graph.input(`v/${name}`, "float32", shape);
  const g = scalars.clip === null ? gradient : mul(gradient, scalars.clip);
  const nextFirst = add(mul(first, beta1), mul(g, 1 - beta1));
  const nextSecond = add(mul(second, beta2), mul(mul(g, g), 1 - beta2));
  const denominator = add(mul(sqrt(nextSecond), scalars.secondScale), epsilon);
  const kept = decays(name, shape) ? mul(parameter, scalars.shrink) : parameter;
  const next = sub(kept, mul(div(nextFirst, denominator), scalars.stepSize));
  slot("parameter", `p/${name}`, parameter, next);
  slot("first-moment", `m/${name}`, first, nextFirst);
  slot("second-moment", `v/${name}`, second, nextSecond);
  if (options.emaDecay !== undefined) {
    const average = graph.input(`ema/${name}`, "float32", shape);
    const nextAverage = add(mul(average, options.emaDecay), mul(next, 1 - options.emaDecay));
    slot("average", `ema/${name}`, average, nextAverage);
  }
  return slots;
}

/** Number of trainable values of a graph. */
export function countParameters(graph: Graph): number {
  let total = 0;
  for (const { shape } of graph.parameters.values()) total += sizeOf(shape);
  return total;
}
