/**
 * OpenVLA as graphs (arXiv:2406.09246): an image to tokens of the language model (`vision`), a whole sequence to keys, values
 * and the tokens that follow (`sequence`), further tokens (`further`). Decoding stands outside.
 */
import { concat, gather, gelu, Graph, slice, type Tensor } from "@bidden/tensor";
import { decodeFurther, decodeSequence } from "../../blocks/decoder.ts";
import type { KeysValues, LlamaConfig } from "../../blocks/llama.ts";
import type { Net } from "../../blocks/net.ts";
import type { Turns } from "../../blocks/rope.ts";
import { type BetweenHalves, vitFeatures } from "../../blocks/vit.ts";
import { HEAD, LANGUAGE, type OpenvlaConfig, PROJECTOR, TOWERS } from "./config.ts";

/** How a graph holds its matrices. */
export type NetOn = (graph: Graph) => Net;

/**
 * @param film what stands between attention and MLP of a tower's blocks; nothing when left out
 * @returns input `pixels` float32[1, 3·towers, side, side]; outputs `features` float32[1, patches, sum of the towers' widths]
 *   and `projected` float32[1, patches, width of the language model]
 */
export function visionGraph(
  config: OpenvlaConfig,
  netOn: NetOn,
  film: (graph: Graph, net: Net, tower: string) => BetweenHalves = () => (x) => x,
): Graph {
  const graph = new Graph("openvla-vision");
  const net = netOn(graph);
  const { side } = config.pixels;
  const pixels = graph.input("pixels", "float32", [1, 3 * config.towers.length, side, side]);
  const parts = config.towers.map((tower, i) => {
    const name = TOWERS[i] as string;
    const own = slice(pixels, { axis: 1, start: 3 * i, end: 3 * i + 3 });
    return vitFeatures(net, name, own, tower, film(graph, net, name));
  });
  const features = concat(parts, -1);
  graph.output("features", features);
  graph.output("projected", project(net, features, config));
  return graph;
}

/** Three layers behind a fused backbone, two behind a single one (prismatic: PrismaticProjector). */
function project(net: Net, features: Tensor, { towers, llama }: OpenvlaConfig): Tensor {
  if (towers.length === 1) {
    return net.linear(
      `${PROJECTOR}.fc2`,
      gelu(net.linear(`${PROJECTOR}.fc1`, features, llama.width), "erf"),
      llama.width,
    );
  }
  const first = gelu(net.linear(`${PROJECTOR}.fc1`, features, 4 * (features.shape.at(-1) as number)), "erf");
  const second = gelu(net.linear(`${PROJECTOR}.fc2`, first, llama.width), "erf");
  return net.linear(`${PROJECTOR}.fc3`, second, llama.width);
}

/**
 * A sequence of `n` places, of which the last may be padding.
 * @param read number of places whose hidden state and logits are asked for
 * @returns inputs `embeds` float32[1, n, width], `mask` bool[1, 1, n, n] or with `everyone` bool[1, 1, 1, n], `cos` and `sin`
 *   float32[n, headWidth/2], `places` int64[read]; outputs `k.i`, `v.i`, `layer.i`, `last` (all places after the final norm),
 *   `hidden` float32[1, read, width], `logits` float32[1, read, vocabulary]
 */
export function sequenceGraph(
  config: OpenvlaConfig,
  { n, read, everyone = false }: { readonly n: number; readonly read: number; readonly everyone?: boolean },
  netOn: NetOn,
): Graph {
  const { llama, vocabulary } = config;
  const graph = new Graph("openvla-sequence");
  const net = netOn(graph);
  const embeds = graph.input("embeds", "float32", [1, n, llama.width]);
  const mask = graph.input("mask", "bool", [1, 1, everyone ? 1 : n, n]);
  const places = graph.input("places", "int64", [read]);
  const { own, layers, hidden } = decodeSequence(
    net,
    LANGUAGE,
    embeds,
    { turns: turnsOf(graph, n, llama), mask },
    llama,
  );
  own.forEach(({ k, v }, i) => {
    graph.output(`k.${i}`, k);
    graph.output(`v.${i}`, v);
  });
  layers.forEach((layer, i) => graph.output(`layer.${i}`, layer));
  const chosen = gather(hidden, places, 1);
  graph.output("last", hidden);
  graph.output("hidden", chosen);
  graph.output("logits", net.linear(HEAD, chosen, vocabulary, { bias: false }));
  return graph;
}

/**
 * Tokens against remembered places. A run chooses how many `rows` and `places`, so that one session, which holds rearranged
 * matrices once, reads prompts of any length and decodes.
 * @returns inputs `embeds` float32[1, rows, width], `bias` float32[1, 1, rows, places + rows], `cos`, `sin`
 *   float32[rows, headWidth/2], `k.i`, `v.i` float32[1, kvHeads, places, headWidth], `read` int64[1]; outputs `own.k.i`,
 *   `own.v.i` float32[1, kvHeads, rows, headWidth] and, of the row that is read, `logits` float32[1, 1, vocabulary]
 */
export function furtherGraph({ llama, vocabulary }: OpenvlaConfig, netOn: NetOn): Graph {
  const graph = new Graph("openvla-further");
  const net = netOn(graph);
  const [rows, places] = [graph.anySize("rows"), graph.anySize("places")];
  const embeds = graph.input("embeds", "float32", [1, rows, llama.width]);
  const bias = graph.input("bias", "float32", [1, 1, rows, places + rows]);
  const shape = [1, llama.kvHeads, places, llama.headWidth];
  const past: KeysValues[] = Array.from({ length: llama.layers }, (_, i) => ({
    k: graph.input(`k.${i}`, "float32", shape),
    v: graph.input(`v.${i}`, "float32", shape),
  }));
  const read = graph.input("read", "int64", [1]);
  const { own, hidden } = decodeFurther(
    net,
    LANGUAGE,
    embeds,
    { turns: turnsOf(graph, rows, llama), bias, past },
    llama,
  );
  own.forEach(({ k, v }, i) => {
    graph.output(`own.k.${i}`, k);
    graph.output(`own.v.${i}`, v);
  });
  graph.output("logits", net.linear(HEAD, gather(hidden, read, 1), vocabulary, { bias: false }));
  return graph;
}

function turnsOf(graph: Graph, n: number, { headWidth }: LlamaConfig): Turns {
  const shape = [n, headWidth / 2];
  return { cos: graph.input("cos", "float32", shape), sin: graph.input("sin", "float32", shape) };
}
