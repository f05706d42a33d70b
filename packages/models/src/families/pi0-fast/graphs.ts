/**
 * π0-FAST (arXiv:2501.09747) decodes actions as words: after the prefix of pictures and prompt, one token at a time reads the
 * keys and values of all before it.
 */
import { concat, Graph } from "@bidden/tensor";
import type { PiDims } from "../pi0/dims.ts";
import { languageStack, type NetOn, pastInputs, turnInputs } from "../pi0/graphs.ts";
import { HEAD } from "../pi0/names.ts";

/**
 * One token. Inputs `embeds` float32[1, 1, width], `bias` float32[1, 1, 1, places] (MASKED where nothing stands yet), `cos`,
 * `sin`, `k.i`, `v.i` with `places` places; outputs `hidden` float32[1, 1, width] and the token's own `new.k.i`, `new.v.i`.
 */
export function decodeGraph(dims: PiDims, places: number, netOn: NetOn): Graph {
  const graph = new Graph("pi-decode");
  const { text } = dims;
  const embeds = graph.input("embeds", "float32", [1, 1, text.width]);
  const before = graph.input("bias", "float32", [1, 1, 1, places]);
  const bias = concat([before, graph.constant([0], "float32", [1, 1, 1, 1])], 3);
  const past = pastInputs(graph, text, places);
  const out = languageStack(netOn(graph), text, embeds, { turns: turnInputs(graph, text, 1), bias, past });
  out.layers.forEach(({ k, v }, i) => {
    graph.output(`new.k.${i}`, k);
    graph.output(`new.v.${i}`, v);
  });
  graph.output("hidden", out.hidden);
  return graph;
}

/** `hidden` float32[1, width] to `logits` float32[1, vocabulary]. */
export function headGraph(dims: PiDims, netOn: NetOn): Graph {
  const graph = new Graph("pi-head");
  const hidden = graph.input("hidden", "float32", [1, dims.text.width]);
  const name = HEAD.replace(/\.weight$/, "");
  graph.output("logits", netOn(graph).linear(name, hidden, dims.vocabulary, { bias: false }));
  return graph;
}
