/**
 * The objectives of π0 and π0.5: the velocity at x_t = t·noise + (1 - t)·actions should be noise - actions. The same layers as
 * in a prediction, for a batch with padding, from pixels to loss. Every action has a time of its own: training-time real-time
 * chunking (arXiv:2512.05964) gives time 0, and no loss, to the first of them.
 */
import {
  add,
  concat,
  div,
  embedding,
  expand,
  type Graph,
  mul,
  reshape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
} from "@bidden/tensor";
import { adaptiveNorm, denseModulation } from "../../blocks/ada-rms.ts";
import { gemmaNorm, type NormAt } from "../../blocks/gemma.ts";
import type { Net } from "../../blocks/net.ts";
import type { Turns } from "../../blocks/rope.ts";
import type { PiDims } from "./dims.ts";
import {
  expertOf,
  expertStack,
  imageFeatures,
  languageStack,
  suffixBias,
  timeCondition,
  timedActions,
} from "./graphs.ts";
import { EMBEDDING } from "./names.ts";

/** Sizes of a batch. */
export type BatchSize = {
  readonly batch: number;
  readonly cameras: number;
  /** Words of a prompt, padding included. */
  readonly words: number;
  readonly horizon: number;
  /** Numbers of an action that count; those after them are padding. */
  readonly actionDim: number;
};

/** Inputs `name.cos` and `name.sin` float32[batch, 1, n, headDim / 2]: places differ where padding does. */
export function batchTurns(graph: Graph, name: string, batch: number, n: number, headDim: number): Turns {
  const shape = [batch, 1, n, headDim / 2];
  return { cos: graph.input(`${name}.cos`, "float32", shape), sin: graph.input(`${name}.sin`, "float32", shape) };
}

/**
 * Pictures, then words. Inputs `pixels` float32[batch · cameras, 3, side, side], `tokens` int64[batch, words].
 * @returns float32[batch, cameras · patches + words, width]
 */
export function batchEmbeds(net: Net, dims: PiDims, { batch, cameras, words }: BatchSize): Tensor {
  const { graph } = net;
  const { width } = dims.text;
  const side = dims.vision.side * dims.vision.patch;
  const pixels = graph.input("pixels", "float32", [batch * cameras, 3, side, side]);
  const pictures = reshape(imageFeatures(net, dims, pixels), [batch, cameras * dims.vision.side ** 2, width]);
  const tokens = graph.input("tokens", "int64", [batch, words]);
  return concat([pictures, mul(embedding(embeddingTable(net, dims), tokens), Math.sqrt(width))], 1);
}

export function embeddingTable(net: Net, dims: PiDims): Tensor {
  const { width } = dims.text;
  return net.tensor(EMBEDDING, [dims.vocabulary, width], { kind: "normal", std: width ** -0.5 });
}

/**
 * The loss of a batch. Further inputs: `bias` float32[batch, 1, 1, n] (MASKED for padding and absent cameras), `prefix.cos`,
 * `prefix.sin`, `suffix.cos`, `suffix.sin`, `actions` and `noise` float32[batch, horizon, actionWidth] (normalised, padded),
 * `time` float32[batch, horizon, 1], `times` float32[batch, horizon, width of the expert] (its sinusoid), `counted`
 * float32[batch, horizon, 1] (0 for actions without loss); π0 also `state` float32[batch, 1, actionWidth].
 * @returns `loss`, averaged over what counts, `rows` float32[batch], and `each` float32[batch, horizon, actionWidth]
 */
export function flowLoss(
  net: Net,
  dims: PiDims,
  size: BatchSize,
): { readonly loss: Tensor; readonly rows: Tensor; readonly each: Tensor } {
  const { graph } = net;
  const { batch, horizon, actionDim } = size;
  const expert = expertOf(dims);
  const embeds = batchEmbeds(net, dims, size);
  const n = embeds.shape[1] as number;
  const padding = graph.input("bias", "float32", [batch, 1, 1, n]);
  const turns = batchTurns(graph, "prefix", batch, n, dims.text.headDim);
  const { layers } = languageStack(net, dims.text, embeds, { turns, bias: padding });
  const shape = [batch, horizon, dims.actionWidth];
  const [actions, noise] = [graph.input("actions", "float32", shape), graph.input("noise", "float32", shape)];
  const time = graph.input("time", "float32", [batch, horizon, 1]);
  const x = add(mul(noise, time), mul(actions, sub(1, time)));
  const { suffix, norm } = timedSuffix(net, dims, x, graph.input("times", "float32", [batch, horizon, expert.width]));
  const places = suffix.shape[1] as number;
  const between = expand(suffixBias(graph, places, horizon), [batch, 1, places, places]);
  const { velocity } = expertStack(net, dims, suffix, {
    norm,
    turns: batchTurns(graph, "suffix", batch, places, expert.headDim),
    bias: concat([expand(padding, [batch, 1, places, n]), between], 3),
    past: layers,
  });
  const each = square(sub(sub(noise, actions), velocity));
  const counted = graph.input("counted", "float32", [batch, horizon, 1]);
  const kept = mul(slice(each, { axis: 2, end: actionDim }), counted);
  const share = (axes: readonly number[]): Tensor => div(sum(kept, axes), mul(sum(counted, axes), actionDim));
  return { loss: share([0, 1, 2]), rows: share([1, 2]), each };
}

/** The suffix of noisy actions, and the norms of the expert that reads it. */
function timedSuffix(
  net: Net,
  dims: PiDims,
  x: Tensor,
  times: Tensor,
): { readonly suffix: Tensor; readonly norm: NormAt } {
  const { width, epsilon } = expertOf(dims);
  if (dims.kind === "pi05") {
    const condition = timeCondition(net, width, times);
    const norm = adaptiveNorm(epsilon, (name) => denseModulation(net, name, condition));
    return { suffix: net.linear("action_in_proj", x, width), norm };
  }
  const state = net.graph.input("state", "float32", [x.shape[0] as number, 1, dims.actionWidth]);
  const actions = timedActions(net, width, x, times);
  return { suffix: concat([net.linear("state_proj", state, width), actions], 1), norm: gemmaNorm(net, epsilon) };
}
