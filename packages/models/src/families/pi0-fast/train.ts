/**
 * The objective of π0-FAST: the next token of `BOS, Action: , ids, |, EOS` after pictures and prompt. Pictures and prompt see
 * each other; the answer sees them and what of itself stands before.
 */
import { concat, crossEntropy, embedding, type Graph, linear, mul, slice, type Tensor } from "@bidden/tensor";
import { MASKED } from "../../blocks/gemma.ts";
import type { Net } from "../../blocks/net.ts";
import type { PiDims } from "../pi0/dims.ts";
import { languageStack } from "../pi0/graphs.ts";
import { HEAD } from "../pi0/names.ts";
import { type BatchSize, batchEmbeds, batchTurns, embeddingTable } from "../pi0/train.ts";

export type AnswerSize = Omit<BatchSize, "horizon" | "actionDim"> & {
  /** Tokens of an answer, padding included. */
  readonly answer: number;
};

/** No loss for this label. */
export const UNCOUNTED = -100;

/**
 * Inputs `pixels`, `tokens` (the prompt), `answer` int64[batch, answer], `labels` int64[batch, answer - 1] (the answer from its
 * second token on, UNCOUNTED for padding), `bias` float32[batch, 1, n, n], `all.cos`, `all.sin`.
 * @param tied whether the embedding table is the output matrix too
 */
export function answerLoss(net: Net, dims: PiDims, size: AnswerSize, tied: boolean): Tensor {
  const { graph } = net;
  const { batch, answer } = size;
  const { width } = dims.text;
  const before = batchEmbeds(net, dims, { ...size, horizon: 0, actionDim: 0 });
  const said = embedding(embeddingTable(net, dims), graph.input("answer", "int64", [batch, answer]));
  const embeds = concat([before, mul(said, Math.sqrt(width))], 1);
  const n = embeds.shape[1] as number;
  const bias = graph.input("bias", "float32", [batch, 1, n, n]);
  const turns = batchTurns(graph, "all", batch, n, dims.text.headDim);
  const { hidden } = languageStack(net, dims.text, embeds, { turns, bias });
  const predicting = slice(hidden, { axis: 1, start: n - answer, end: n - 1 });
  const head = tied
    ? embeddingTable(net, dims)
    : net.tensor(HEAD, [dims.vocabulary, width], { kind: "normal", std: width ** -0.5 });
  const logits = linear(predicting, head, null, { transposed: true });
  return crossEntropy(logits, labelsOf(graph, batch, answer), { ignoreIndex: UNCOUNTED });
}

function labelsOf(graph: Graph, batch: number, answer: number): Tensor {
  return graph.input("labels", "int64", [batch, answer - 1]);
}

/**
 * What may attend to what, added to scores: float32[n, n] of one sample.
 * @param present whether each place holds something
 * @param first the first place of the answer
 */
export function answerBias(present: readonly boolean[], first: number): Float32Array {
  const n = present.length;
  const out = new Float32Array(n * n).fill(MASKED);
  for (let query = 0; query < n; query++) {
    for (let key = 0; key < n; key++) {
      const order = key < first || (query >= first && key <= query);
      if (order && present[query] === true && present[key] === true) out[query * n + key] = 0;
    }
  }
  return out;
}
