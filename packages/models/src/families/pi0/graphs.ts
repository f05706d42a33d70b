/**
 * π0 (arXiv:2410.24164) and π0.5 (arXiv:2504.16054) as graphs: the prefix (pictures and words, once) leaves keys and values;
 * the step reads them and turns noisy actions into a velocity. The denoising loop stands outside (blocks/flow-matching.ts), so that real-time
 * chunking can steer it. All graphs are for one observation; several are run one after the other.
 */
import { BiddenError } from "@bidden/runtime";
import { concat, expand, Graph, reshape, silu, slice, stack, type Tensor } from "@bidden/tensor";
import {
  adaptiveNames,
  adaptiveNorm,
  chosenModulation,
  denseModulation,
  type Modulation,
  tableModulation,
} from "../../blocks/ada-rms.ts";
import { type GemmaDims, gemmaLayer, gemmaNorm, type KeysValues, MASKED, type NormAt } from "../../blocks/gemma.ts";
import type { Net } from "../../blocks/net.ts";
import type { Turns } from "../../blocks/rope.ts";
import { siglip } from "../../blocks/siglip.ts";
import type { PiDims } from "./dims.ts";
import { EXPERT, LANGUAGE, PROJECTOR, VISION } from "./names.ts";

/** How a graph holds its matrices. */
export type NetOn = (graph: Graph) => Net;

/** A picture float32[1, 3, side, side] in [-1, 1] to `features` float32[1, patches, width of the language model]. */
export function visionGraph(dims: PiDims, netOn: NetOn): Graph {
  const graph = new Graph("pi-vision");
  const side = dims.vision.side * dims.vision.patch;
  const pixels = graph.input("pixels", "float32", [1, 3, side, side]);
  graph.output("features", imageFeatures(netOn(graph), dims, pixels));
  return graph;
}

/** SigLIP and PaliGemma's projection. Unlike words, pictures are not scaled by the root of the width. */
export function imageFeatures(net: Net, dims: PiDims, pixels: Tensor): Tensor {
  return net.linear(PROJECTOR, siglip(net, VISION, pixels, dims.vision), dims.text.width);
}

/**
 * Pictures and words: every token sees every other.
 * @param n number of places; those whose `bias` is MASKED are padding
 * @returns inputs `embeds` float32[1, n, width], `bias` float32[1, 1, 1, n], `cos`, `sin`; outputs `k.i`, `v.i` and `hidden`
 *   (after the last norm). A model that asks for keys and values only leaves out the last layer's attention and MLP.
 */
export function prefixGraph(dims: PiDims, n: number, netOn: NetOn): Graph {
  const graph = new Graph("pi-prefix");
  const embeds = graph.input("embeds", "float32", [1, n, dims.text.width]);
  const bias = graph.input("bias", "float32", [1, 1, 1, n]);
  const out = languageStack(netOn(graph), dims.text, embeds, { turns: turnInputs(graph, dims.text, n), bias });
  out.layers.forEach(({ k, v }, i) => {
    graph.output(`k.${i}`, k);
    graph.output(`v.${i}`, v);
  });
  graph.output("hidden", out.hidden);
  return graph;
}

/** The language model over tokens: keys and values by layer, and what follows its last norm. */
export function languageStack(
  net: Net,
  dims: GemmaDims,
  embeds: Tensor,
  inputs: { readonly turns: Turns; readonly bias: Tensor; readonly past?: readonly KeysValues[] },
): { readonly layers: readonly KeysValues[]; readonly hidden: Tensor } {
  const { turns, bias, past } = inputs;
  const norm = gemmaNorm(net, dims.epsilon);
  return runStack(net, LANGUAGE, dims, embeds, (i) => ({ norm, turns, bias, ...pastOf(past, i) }));
}

function pastOf(past: readonly KeysValues[] | undefined, layer: number): { readonly past?: KeysValues } {
  const kept = past?.[layer];
  return kept === undefined ? {} : { past: kept };
}

type StackInputs = Parameters<typeof gemmaLayer>[4];

function runStack(
  net: Net,
  name: string,
  dims: GemmaDims,
  embeds: Tensor,
  inputsOf: (layer: number) => StackInputs,
): { readonly layers: readonly KeysValues[]; readonly hidden: Tensor } {
  const layers: KeysValues[] = [];
  let x = embeds;
  for (let i = 0; i < dims.depth; i++) {
    const layer = gemmaLayer(net, `${name}.layers.${i}`, x, dims, inputsOf(i));
    layers.push(layer.own);
    x = layer.x;
  }
  return { layers, hidden: inputsOf(dims.depth - 1).norm(x, `${name}.norm`).y };
}

/** Inputs `cos` and `sin`: rotary angles of `n` places. */
export function turnInputs(graph: Graph, dims: GemmaDims, n: number): Turns {
  const shape = [n, dims.headDim / 2];
  return { cos: graph.input("cos", "float32", shape), sin: graph.input("sin", "float32", shape) };
}

/** Inputs `k.0`, `v.0`, `k.1`, ...: what stands before, float32[1, kvHeads, length, headDim] each. */
export function pastInputs(graph: Graph, dims: GemmaDims, length: number): KeysValues[] {
  const shape = [1, dims.kvHeads, length, dims.headDim];
  return Array.from({ length: dims.depth }, (_, i) => ({
    k: graph.input(`k.${i}`, "float32", shape),
    v: graph.input(`v.${i}`, "float32", shape),
  }));
}

/** What the actions of one step are denoised with. */
export type StepOptions = {
  /** Actions in a chunk. */
  readonly horizon: number;
  /** Places of the prefix. */
  readonly prefix: number;
  /** Tokens that are actions already carry time 0 (training-time real-time chunking, arXiv:2512.05964; π0.5 only). */
  readonly fixedActions?: boolean;
};

/**
 * One evaluation of the velocity. Inputs `x` float32[1, horizon, actionWidth], `bias` float32[1, 1, 1, prefix], `cos`, `sin`
 * (of the suffix's places), `k.i`, `v.i`; π0 also `time` float32[1, 1, width] (the sinusoid) and `state`
 * float32[1, 1, actionWidth]; π0.5 `modulation` float32[norms, 3, width], and with `fixedActions` `fixed` bool[1, horizon, 1]
 * and `fixedModulation`. Outputs `velocity` like `x`, `suffix` (the embeddings) and `hidden` (after the last norm).
 */
export function stepGraph(dims: PiDims, options: StepOptions, netOn: NetOn): Graph {
  const graph = new Graph("pi-step");
  const net = netOn(graph);
  const expert = expertOf(dims);
  const { horizon, prefix } = options;
  const x = graph.input("x", "float32", [1, horizon, dims.actionWidth]);
  const suffix = dims.kind === "pi05" ? net.linear("action_in_proj", x, expert.width) : stateSuffix(net, dims, x);
  const n = suffix.shape[1] as number;
  const padding = graph.input("bias", "float32", [1, 1, 1, prefix]);
  const out = expertStack(net, dims, suffix, {
    norm: dims.kind === "pi05" ? tableNorm(graph, expert, options) : gemmaNorm(net, expert.epsilon),
    turns: turnInputs(graph, expert, n),
    bias: concat([expand(padding, [1, 1, n, prefix]), suffixBias(graph, n, horizon)], 3),
    past: pastInputs(graph, expert, prefix),
  });
  graph.output("suffix", suffix);
  graph.output("hidden", out.hidden);
  graph.output("velocity", out.velocity);
  return graph;
}

/** The expert's sizes; a π0-FAST model has none. */
export function expertOf(dims: PiDims): GemmaDims {
  if (dims.expert === null) throw new BiddenError("internal", "internal: π0-FAST has no action expert");
  return dims.expert;
}

export type ExpertInputs = {
  readonly norm: NormAt;
  readonly turns: Turns;
  readonly bias: Tensor;
  readonly past: readonly KeysValues[];
};

/** The action expert over its suffix, reading the prefix's keys and values; the last `horizon` tokens are the actions. */
export function expertStack(
  net: Net,
  dims: PiDims,
  suffix: Tensor,
  { norm, turns, bias, past }: ExpertInputs,
): { readonly hidden: Tensor; readonly velocity: Tensor } {
  const expert = expertOf(dims);
  const { hidden } = runStack(net, EXPERT, expert, suffix, (i) => ({ norm, turns, bias, ...pastOf(past, i) }));
  const first = dims.kind === "pi0" ? 1 : 0;
  const actions = first === 0 ? hidden : slice(hidden, { axis: 1, start: first });
  return { hidden, velocity: net.linear("action_out_proj", actions, dims.actionWidth) };
}

/** π0: the state as one token, then the actions, each joined with the time. */
function stateSuffix(net: Net, dims: PiDims, x: Tensor): Tensor {
  const { width } = expertOf(dims);
  const state = net.graph.input("state", "float32", [1, 1, dims.actionWidth]);
  const time = net.graph.input("time", "float32", [1, 1, width]);
  return concat([net.linear("state_proj", state, width), timedActions(net, width, x, time)], 1);
}

/** π0's MLP over actions and time side by side. time: float32[batch, 1, width]. */
export function timedActions(net: Net, width: number, x: Tensor, time: Tensor): Tensor {
  const actions = net.linear("action_in_proj", x, width);
  const both = concat([actions, expand(time, actions.shape)], -1);
  return net.linear("action_time_mlp_out", silu(net.linear("action_time_mlp_in", both, width)), width);
}

/** Who may attend to whom among suffix tokens: π0's state does not see the actions; these see each other both ways. */
export function suffixAllowed(n: number, horizon: number): boolean[][] {
  const before = n - horizon;
  return Array.from({ length: n }, (_, query) =>
    Array.from({ length: n }, (_, key) => query >= before || key < before),
  );
}

/** The same, added to scores: float32[1, 1, n, n]. */
export function suffixBias(graph: Graph, n: number, horizon: number): Tensor {
  const values = suffixAllowed(n, horizon).flatMap((keys) => keys.map((allowed) => (allowed ? 0 : MASKED)));
  return graph.constant(values, "float32", [1, 1, n, n]);
}

function tableNorm(graph: Graph, expert: GemmaDims, { horizon, fixedActions = false }: StepOptions): NormAt {
  const names = adaptiveNames(EXPERT, expert.depth);
  const shape = [names.length, 3, expert.width];
  const table = graph.input("modulation", "float32", shape);
  const of = (name: string): Modulation => tableModulation(table, names.indexOf(name));
  if (!fixedActions) return adaptiveNorm(expert.epsilon, of);
  const fixed = graph.input("fixed", "bool", [1, horizon, 1]);
  const atZero = graph.input("fixedModulation", "float32", shape);
  return adaptiveNorm(expert.epsilon, (name) =>
    chosenModulation(fixed, tableModulation(atZero, names.indexOf(name)), of(name)),
  );
}

/** π0.5's condition on time: silu(W2·silu(W1·sinusoid)). time: float32[..., width]. */
export function timeCondition(net: Net, width: number, time: Tensor): Tensor {
  return silu(net.linear("time_mlp_out", silu(net.linear("time_mlp_in", time, width)), width));
}

/**
 * All modulations of the expert's norms, for `steps` times at once: they depend on nothing else, so the step graph carries
 * none of these matrices. Input `time` float32[steps, width]; outputs `condition` [steps, width] and `modulation`
 * [steps, norms, 3, width].
 */
export function modulationGraph(dims: PiDims, steps: number, netOn: NetOn): Graph {
  const graph = new Graph("pi-modulation");
  const net = netOn(graph);
  const { width, depth } = expertOf(dims);
  const condition = timeCondition(net, width, graph.input("time", "float32", [steps, width]));
  const rows = adaptiveNames(EXPERT, depth).map((name) => {
    const { scale, shift, gate } = denseModulation(net, name, condition);
    return stack([scale, shift, gate], 1);
  });
  graph.output("condition", condition);
  graph.output("modulation", reshape(stack(rows, 1), [steps, rows.length, 3, width]));
  return graph;
}
