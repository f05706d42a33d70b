/**
 * What the policy hears: the instruction's tokens (from a frozen text encoder) are read by a few learned queries, which then
 * look at the picture. Several sentences may be said about one picture; each reads it on its own.
 */
import { concat, expand, type Graph, reshape, type Tensor } from "@bidden/tensor";
import { crossLayer, dense, norm, selfLayer } from "../blocks/layers.ts";
import type { TabletopConfig } from "./config.ts";

/** What each of the learned queries reads out; the last two hold what is asked in between, such as a landmark. */
export const QUERIES = ["act", "place", "skill", "intent", "answer", "landmark", "other"] as const;
export type QueryName = (typeof QUERIES)[number];

export function queryAt(name: QueryName): number {
  return QUERIES.indexOf(name);
}

/** Learned tokens [count, width], one copy for each row of the batch. */
export function learned(graph: Graph, name: string, batch: number, count: number, width: number): Tensor {
  const values = graph.parameter(name, [1, count, width], { kind: "normal", std: 0.5 });
  return expand(values, [batch, count, width]);
}

export type TextInputs = {
  /** float32[sentences, textTokens, textWidth] */
  readonly text: Tensor;
  /** float32[sentences, textTokens]: 0 for a token, -10000 for padding. */
  readonly textMask: Tensor;
};

export function textInputs(graph: Graph, config: TabletopConfig, sentences: number): TextInputs {
  return {
    text: graph.input("text", "float32", [sentences, config.textTokens, config.textWidth]),
    textMask: graph.input("textMask", "float32", [sentences, config.textTokens]),
  };
}

/** The sentence alone, read by the queries: [sentences, QUERIES, width]. Once an instruction: no picture changes it. */
export function listen(graph: Graph, config: TabletopConfig, inputs: TextInputs): Tensor {
  const sentences = inputs.text.shape[0] as number;
  const { width, heads, mlpWidth, textTokens } = config;
  const words = norm(dense(graph, "text.in", inputs.text, width));
  const own = graph.constant(new Float32Array(sentences * QUERIES.length), "float32", [sentences, QUERIES.length]);
  const mask = reshape(concat([inputs.textMask, own], 1), [sentences, 1, 1, textTokens + QUERIES.length]);
  let queries = learned(graph, "text.queries", sentences, QUERIES.length, width);
  for (let layer = 0; layer < config.textLayers; layer++) {
    const memory = concat([words, norm(queries)], 1);
    queries = crossLayer(graph, `text.${layer}`, queries, memory, { heads, mlpWidth, mask });
  }
  return queries;
}

/**
 * The queries look at the picture: each layer looks, then the queries of a sentence talk to each other. What a picture is
 * made of is projected once for all its sentences.
 *
 * @param heard float32[b * k, QUERIES, width]
 * @param memory float32[b, t, width], normalised
 * @returns float32[b * k, QUERIES, width], normalised
 */
export function ground(graph: Graph, config: TabletopConfig, heard: Tensor, memory: Tensor): Tensor {
  const { width, heads, mlpWidth } = config;
  const sentences = heard.shape[0] as number;
  const batch = memory.shape[0] as number;
  const apart = [sentences, QUERIES.length, width];
  const together = [batch, (sentences / batch) * QUERIES.length, width];
  let queries = heard;
  for (let layer = 0; layer < config.groundLayers; layer++) {
    const looked = crossLayer(graph, `ground.${layer}.look`, reshape(queries, together), memory, { heads, mlpWidth });
    queries = selfLayer(graph, `ground.${layer}.talk`, reshape(looked, apart), heads, mlpWidth);
  }
  return norm(queries);
}
