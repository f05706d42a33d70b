/**
 * Recognition, factored: what each patch shows (colour, kind, size, or nothing) and what the sentence asks for, compared
 * attribute by attribute. Supervised at every patch by the simulator's segmentation and on the sentence's side by what is
 * meant, this makes "the red cube" a matter of looking up two words; relations are left to attention.
 */
import { add, type Graph, log, logSoftmax, matmul, max, mul, slice, softmax, split, type Tensor } from "@bidden/tensor";
import { dense } from "../blocks/layers.ts";
import type { TabletopConfig } from "./config.ts";

export type Attributes = {
  /** By attribute, float32[b, patches, values + 1]: log probabilities of what a patch shows, the last one "nothing". */
  readonly seen: readonly Tensor[];
  /** By attribute, float32[b, 2, values]: log probabilities of what is asked for, per channel. */
  readonly asked: readonly Tensor[];
  /** float32[b, 2, patches]: how well a patch fits what is asked for, summed over attributes; 0 is a perfect fit. */
  readonly fit: Tensor;
  /** float32[b, 2, 1]: the best fit of all patches. */
  readonly bestFit: Tensor;
};

/** Keeps the logarithm of a misfit finite; about one doubt in fifty. */
const FLOOR = 0.02;

/**
 * @param patches float32[b, patches, width]
 * @param channels float32[b, 2, width], the text queries for what to act on and where to put it
 */
export function recognise(graph: Graph, config: TabletopConfig, patches: Tensor, channels: Tensor): Attributes {
  const sizes = config.attributes.map(({ values }) => values.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const seenLogits = split(
    dense(graph, "attribute.seen", patches, total + sizes.length),
    sizes.map((n) => n + 1),
    -1,
  );
  const askedLogits = split(dense(graph, "attribute.asked", channels, total), sizes, -1);
  const terms = config.attributes.map(({ name, values }, index) => {
    const seen = slice(softmax(seenLogits[index] as Tensor, -1), { axis: 2, end: values.length });
    const asked = softmax(askedLogits[index] as Tensor, -1);
    const weight = graph.parameter(`attribute.weight.${name}`, [1], { kind: "ones" });
    return mul(log(add(matmul(asked, seen, { transposeB: true }), FLOOR)), weight);
  });
  const fit = terms.reduce((sum, term) => add(sum, term));
  return {
    seen: seenLogits.map((logits) => logSoftmax(logits, -1)),
    asked: askedLogits.map((logits) => logSoftmax(logits, -1)),
    fit,
    bestFit: max(fit, 2, { keepDims: true }),
  };
}
