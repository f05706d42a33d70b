/**
 * SmolVLA's training objective: the velocity at a random time between noise and the demonstrated actions, whose difference it
 * should be (flow matching). The same layers as in a prediction, for a batch, from pixels to loss.
 */
import {
  add,
  concat,
  div,
  expand,
  gather,
  type Graph,
  maximum,
  mul,
  reshape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  unsqueeze,
} from "@bidden/tensor";
import { expertMemory, imageTokens, readPrefix, velocity } from "./model.ts";
import type { Net } from "../../blocks/net.ts";
import type { SmolVlaConfig } from "./config.ts";
import { EMBEDDING, TEXT } from "./names.ts";
import type { Place, PrefixLayout } from "./prefix.ts";

/** What a training step is given; n is the number of places of the prefix. */
export type TrainInputs = {
  /** float32[slots·batch, 3, h, w] in [-1, 1], the batch of one slot after the other. */
  readonly pixels: Tensor;
  /** int64[batch, words]. */
  readonly tokens: Tensor;
  /** float32[batch, stateWidth], normalised. */
  readonly state: Tensor;
  /** bool[batch, 1, n, n]: `attentionOf` each sample's layout. */
  readonly mask: Tensor;
  /** bool[batch, 1, 1, n]: 1 where the place is no padding. */
  readonly seen: Tensor;
  /** Angles of the prefix's and of the actions' places, float32[batch, 1, n or chunk, headWidth/2]. */
  readonly turns: { readonly cos: Tensor; readonly sin: Tensor };
  readonly actionTurns: { readonly cos: Tensor; readonly sin: Tensor };
  /** float32[batch, chunk, actionWidth], normalised and padded. */
  readonly actions: Tensor;
  readonly noise: Tensor;
  /** float32[batch, 1, 1], and its embedding float32[batch, 1, expert width]. */
  readonly time: Tensor;
  readonly timeEmbedding: Tensor;
  /** float32[batch, chunk, 1]: 0 for actions after the episode's end. */
  readonly valid: Tensor;
};

/** Inputs of a graph for batches whose samples share the places of `layout` (not their padding). */
export function trainInputs(
  graph: Graph,
  config: SmolVlaConfig,
  batch: number,
  layout: PrefixLayout,
  image: { readonly height: number; readonly width: number },
): TrainInputs {
  const { chunk, actionWidth, expert, text } = config;
  const n = layout.places.length;
  const slots = new Set(layout.places.flatMap((place) => (place.kind === "image" ? [place.slot] : []))).size;
  const words = layout.places.filter(({ kind }) => kind === "word").length;
  const float = (name: string, ...shape: number[]): Tensor => graph.input(name, "float32", [batch, ...shape]);
  const half = text.headWidth / 2;
  return {
    pixels: graph.input("pixels", "float32", [slots * batch, 3, image.height, image.width]),
    tokens: graph.input("tokens", "int64", [batch, words]),
    state: float("state", config.stateWidth),
    mask: graph.input("mask", "bool", [batch, 1, n, n]),
    seen: graph.input("seen", "bool", [batch, 1, 1, n]),
    turns: { cos: float("cos", 1, n, half), sin: float("sin", 1, n, half) },
    actionTurns: { cos: float("actionCos", 1, chunk, half), sin: float("actionSin", 1, chunk, half) },
    actions: float("actions", chunk, actionWidth),
    noise: float("noise", chunk, actionWidth),
    time: float("time", 1, 1),
    timeEmbedding: float("timeEmbedding", 1, expert.width),
    valid: float("valid", chunk, 1),
  };
}

/**
 * @returns the loss, float32[], over all valid actions; and of every sample, float32[batch]
 */
export function smolvlaLoss(
  net: Net,
  config: SmolVlaConfig,
  inputs: TrainInputs,
  layout: PrefixLayout,
): { readonly loss: Tensor; readonly perSample: Tensor } {
  const { actions, noise, time, valid } = inputs;
  const [batch, chunk] = actions.shape as unknown as readonly [number, number];
  const embeds = embedPrefix(net, config, inputs, layout);
  const { memory } = readPrefix(net, config, embeds, inputs.mask, inputs.turns);
  const predicted = velocity(net, config, {
    noisy: add(mul(noise, time), mul(actions, sub(1, time))),
    time: expand(inputs.timeEmbedding, [batch, chunk, config.expert.width]),
    memory: expertMemory(net, config, memory),
    seen: inputs.seen,
    turns: inputs.actionTurns,
  });
  const error = square(sub(sub(noise, actions), predicted.velocity));
  const counted = mul(slice(error, { axis: 2, end: config.actionDim }), valid);
  const count = (x: Tensor): Tensor => maximum(mul(x, config.actionDim), 1);
  return {
    loss: div(sum(counted), count(sum(valid))),
    perSample: div(sum(counted, [1, 2]), count(sum(valid, [1, 2]))),
  };
}

function embedPrefix(net: Net, config: SmolVlaConfig, inputs: TrainInputs, layout: PrefixLayout): Tensor {
  const { width } = config.text;
  const { graph } = net;
  const batch = inputs.state.shape[0] as number;
  const table = net.tensor(EMBEDDING, [config.vocabulary, width], { kind: "normal", std: 1 / Math.sqrt(width) });
  const pictures = imageTokens(net, config, inputs.pixels);
  const words = mul(gather(table, inputs.tokens), Math.sqrt(width));
  return concat(
    runsOf(layout.places).map(({ first, length }) => {
      switch (first.kind) {
        case "image":
          return slice(pictures, { axis: 0, start: first.slot * batch, end: (first.slot + 1) * batch });
        case "special": {
          const row = gather(table, graph.constant([first.id], "int64"));
          return expand(reshape(row, [1, 1, width]), [batch, 1, width]);
        }
        case "word":
          return words;
        case "state":
          return unsqueeze(net.linear("model.state_proj", inputs.state, width), 1);
        case "padding":
          return expand(graph.constant([0], "float32", [1, 1, 1]), [batch, length, width]);
        default:
          return first satisfies never;
      }
    }),
    1,
  );
}

/** Places that are embedded together: one image, all words, each special token for itself. */
function runsOf(places: readonly Place[]): { readonly first: Place; readonly length: number }[] {
  const runs: { first: Place; length: number }[] = [];
  for (const place of places) {
    const last = runs.at(-1);
    const goesOn = last !== undefined && last.first.kind === place.kind && place.kind !== "special";
    if (goesOn && !(place.kind === "image" && place.index === 0)) last.length++;
    else runs.push({ first: place, length: 1 });
  }
  return runs;
}

/** Which tensors are trained: the action expert and the projections around it, or also the VLM less what no action depends on. */
export function isTrained(config: SmolVlaConfig, what: "head" | "all"): (name: string) => boolean {
  const last = `${TEXT}.layers.${config.text.layers - 1}.`;
  return (name) => {
    if (!name.includes(".vlm.")) return true;
    return what === "all" && !name.startsWith(last) && !name.includes(".lm_head.") && name !== `${TEXT}.norm.weight`;
  };
}
