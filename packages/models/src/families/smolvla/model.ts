/**
 * SmolVLA (Shukor et al. 2025, arXiv:2506.01844) as graphs. The VLM reads images, instruction and state once and leaves the keys
 * and values of its layers; the action expert turns noise into actions in a few steps, attending in turn to itself beside those
 * keys and values ("self") and to its own view of them only ("cross"). The loop over the steps stands outside (sample.ts).
 *
 * Traps: rotary base 10 000 although SmolVLM2's configuration says 100 000; actions see only earlier ones; the keys that a cross
 * layer makes are not turned again, and its queries count from 0; image and language tokens are scaled by √width, the state and
 * special tokens are not.
 */
import { and, concat, expand, Graph, mul, reshape, silu, slice, type Tensor, transpose } from "@bidden/tensor";
import { finishLayer, type KeysValues, keysValues, layerInput, type LlamaConfig, queries } from "../../blocks/llama.ts";
import { Net, type NetOptions } from "../../blocks/net.ts";
import { pixelShuffle } from "../../blocks/pixel-shuffle.ts";
import { fixedTurns, type Turns } from "../../blocks/rope.ts";
import { siglip } from "../../blocks/siglip.ts";
import type { SmolVlaConfig } from "./config.ts";
import { CONNECTOR, EXPERT, TEXT, VISION } from "./names.ts";

/** Images to tokens of the language model: float32[n, 3, h, w] in [-1, 1] to [n, tokens, width]. */
export function imageTokens(net: Net, config: SmolVlaConfig, pixels: Tensor): Tensor {
  const few = pixelShuffle(siglip(net, VISION, pixels, config.vision), config.shuffle);
  const tokens = net.linear(CONNECTOR.replace(/\.weight$/, ""), few, config.text.width, { bias: false });
  return mul(tokens, Math.sqrt(config.text.width));
}

/**
 * The language model over the whole prefix.
 * @param embeds float32[batch, n, width]
 * @param mask bool[batch, 1, n, n], true where a token may be attended to
 */
export function readPrefix(
  net: Net,
  config: SmolVlaConfig,
  embeds: Tensor,
  mask: Tensor | null,
  turns: Turns,
): { readonly memory: readonly KeysValues[]; readonly hidden: Tensor } {
  const { text } = config;
  const memory: KeysValues[] = [];
  let x = embeds;
  for (let l = 0; l < text.layers; l++) {
    const name = `${TEXT}.layers.${l}`;
    const y = layerInput(net, name, x, text);
    const own = keysValues(net, name, { k: y, v: y }, turns, text);
    memory.push(own);
    x = finishLayer(net, name, x, queries(net, name, y, turns, text), own, mask, text);
  }
  return { memory, hidden: net.rmsNorm(`${TEXT}.norm`, x, text.epsilon) };
}

/**
 * What each layer of the expert attends to beside itself. The same in all steps, so it is made once: a "cross" layer projects
 * the VLM's keys and values, heads side by side and keys turned, by its own weights.
 */
export function expertMemory(net: Net, config: SmolVlaConfig, memory: readonly KeysValues[]): KeysValues[] {
  return config.expertLayers.map(({ vlm, kind }, i) => {
    const { k, v } = memory[vlm] as KeysValues;
    if (kind === "self") return { k, v };
    return keysValues(net, `${EXPERT}.layers.${i}`, { k: flatHeads(k), v: flatHeads(v) }, null, config.expert);
  });
}

/** float32[batch, heads, n, width] to [batch, n, heads·width]. */
function flatHeads(x: Tensor): Tensor {
  const [batch, heads, n, width] = x.shape as unknown as readonly [number, number, number, number];
  return reshape(transpose(x, [0, 2, 1, 3]), [batch, n, heads * width]);
}

export type StepInputs = {
  /** float32[batch, chunk, actionWidth]. */
  readonly noisy: Tensor;
  /** The time's embedding, float32[batch, chunk, expert width]: each action may have a time of its own. */
  readonly time: Tensor;
  /** By layer of the expert. */
  readonly memory: readonly KeysValues[];
  /** bool[batch, 1, 1, n], true for tokens of the prefix that are not padding; null where none is. */
  readonly seen: Tensor | null;
  /** The actions' places after the prefix. */
  readonly turns: Turns;
};

/** One evaluation of the velocity. */
export function velocity(
  net: Net,
  config: SmolVlaConfig,
  inputs: StepInputs,
): { readonly velocity: Tensor; readonly embeds: Tensor; readonly hidden: Tensor } {
  const { expert, expertLayers, chunk } = config;
  const { graph } = net;
  const embeds = embedActions(net, expert, inputs.noisy, inputs.time);
  const fromZero = fixedTurns(graph, chunk, expert.headWidth);
  const causal = causalMask(graph, chunk, inputs);
  let x = embeds;
  expertLayers.forEach(({ kind }, i) => {
    const name = `${EXPERT}.layers.${i}`;
    const past = inputs.memory[i] as KeysValues;
    const y = layerInput(net, name, x, expert);
    const q = queries(net, name, y, kind === "self" ? inputs.turns : fromZero, expert);
    if (kind === "cross") {
      x = finishLayer(net, name, x, q, past, inputs.seen, expert);
      return;
    }
    const own = keysValues(net, name, { k: y, v: y }, inputs.turns, expert);
    const all = { k: concat([past.k, own.k], 2), v: concat([past.v, own.v], 2) };
    x = finishLayer(net, name, x, q, all, causal, expert);
  });
  const hidden = net.rmsNorm(`${EXPERT}.norm`, x, expert.epsilon);
  return { velocity: net.linear("model.action_out_proj", hidden, config.actionWidth), embeds, hidden };
}

/** MLP of action and time side by side. */
function embedActions(net: Net, { width }: LlamaConfig, noisy: Tensor, time: Tensor): Tensor {
  const both = concat([net.linear("model.action_in_proj", noisy, width), time], 2);
  return net.linear("model.action_time_mlp_out", silu(net.linear("model.action_time_mlp_in", both, width)), width);
}

/** An action sees the whole prefix and the actions up to its own: bool[batch, 1, chunk, n + chunk]. */
function causalMask(graph: Graph, chunk: number, { memory, seen, noisy }: StepInputs): Tensor {
  const batch = noisy.shape[0] as number;
  const n = memory[0]?.k.shape[2] as number;
  const allowed = new Uint8Array(chunk * (n + chunk));
  for (let i = 0; i < chunk; i++) allowed.fill(1, i * (n + chunk), i * (n + chunk) + n + i + 1);
  const mask = graph.constant(allowed, "bool", [1, 1, chunk, n + chunk]);
  if (seen === null) return mask;
  const own = expand(graph.constant([1], "bool", [1, 1, 1, 1]), [batch, 1, 1, chunk]);
  return and(mask, concat([seen, own], 3));
}

/** Input `pixels` float32[images, 3, h, w]; output `tokens` float32[images, tokens, width]. */
export function visionGraph(
  config: SmolVlaConfig,
  images: number,
  height: number,
  width: number,
  options: NetOptions = {},
): Graph {
  const graph = new Graph("smolvla-vision");
  const pixels = graph.input("pixels", "float32", [images, 3, height, width]);
  graph.output("tokens", imageTokens(new Net(graph, options), config, pixels));
  return graph;
}

/**
 * Inputs `embeds` float32[1, n, width], `mask` bool[1, 1, n, n], `cos` and `sin` float32[n, headWidth/2]. Outputs `keys` and
 * `values` float32[expert layers, kvHeads, n, headWidth] for the expert; for inspection `vlm.keys`, `vlm.values` (of all the
 * VLM's layers) and `hidden`. A model without `hidden` leaves out the last layer's attention and MLP.
 */
export function prefixGraph(config: SmolVlaConfig, n: number, options: NetOptions = {}): Graph {
  const { text } = config;
  const graph = new Graph("smolvla-prefix");
  const net = new Net(graph, options);
  const embeds = graph.input("embeds", "float32", [1, n, text.width]);
  const mask = graph.input("mask", "bool", [1, 1, n, n]);
  const { memory, hidden } = readPrefix(net, config, embeds, mask, turnInputs(graph, n, text.headWidth));
  const own = expertMemory(net, config, memory);
  outputStack(
    graph,
    "keys",
    own.map(({ k }) => k),
  );
  outputStack(
    graph,
    "values",
    own.map(({ v }) => v),
  );
  outputStack(
    graph,
    "vlm.keys",
    memory.map(({ k }) => k),
  );
  outputStack(
    graph,
    "vlm.values",
    memory.map(({ v }) => v),
  );
  graph.output("hidden", hidden);
  return graph;
}

function turnInputs(graph: Graph, n: number, headWidth: number): Turns {
  const shape = [n, headWidth / 2];
  return { cos: graph.input("cos", "float32", shape), sin: graph.input("sin", "float32", shape) };
}

/** Arrays float32[1, ...] as one float32[arrays, ...]. */
function outputStack(graph: Graph, name: string, parts: readonly Tensor[]): void {
  graph.output(name, parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0));
}

/**
 * Inputs `noisy` float32[1, chunk, actionWidth], `time` float32[1, chunk, expert width], `keys` and `values` as the prefix left
 * them, `seen` bool[1, 1, 1, n], `cos` and `sin` float32[chunk, headWidth/2] of the actions' places. Outputs `velocity`
 * float32[1, chunk, actionWidth]; for inspection `embeds` and `hidden`.
 */
export function stepGraph(config: SmolVlaConfig, n: number, options: NetOptions = {}): Graph {
  const { expert, chunk } = config;
  const graph = new Graph("smolvla-step");
  const net = new Net(graph, options);
  const shape = [expert.layers, expert.kvHeads, n, expert.headWidth];
  const keys = graph.input("keys", "float32", shape);
  const values = graph.input("values", "float32", shape);
  const out = velocity(net, config, {
    noisy: graph.input("noisy", "float32", [1, chunk, config.actionWidth]),
    time: graph.input("time", "float32", [1, chunk, expert.width]),
    memory: config.expertLayers.map((_, i) => ({ k: row(keys, i), v: row(values, i) })),
    seen: graph.input("seen", "bool", [1, 1, 1, n]),
    turns: turnInputs(graph, chunk, expert.headWidth),
  });
  graph.output("velocity", out.velocity);
  graph.output("embeds", out.embeds);
  graph.output("hidden", out.hidden);
  return graph;
}

function row(x: Tensor, i: number): Tensor {
  return slice(x, { axis: 0, start: i, end: i + 1 });
}
