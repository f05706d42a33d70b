/**
 * What the policy sees, whatever it is asked: patches of all cameras become features, and each patch says what it shows
 * (colour, kind, size, or nothing) and where the thing that it shows has its centre. Knowing nothing of the sentence, this
 * part is run once for a picture and learns from every thing in it.
 */
import {
  add,
  concat,
  detach,
  expand,
  type Graph,
  silu,
  log,
  logSoftmax,
  mul,
  reshape,
  sigmoid,
  softmax,
  split,
  sub,
  type Tensor,
  tanh,
} from "@bidden/tensor";
import { dense, norm, selfLayer } from "../blocks/layers.ts";
import { PLANE_Z_M } from "../image/patches.ts";
import type { BackboneInputs } from "./backbone.ts";
import type { TabletopConfig } from "./config.ts";
import { range, tokens } from "./slices.ts";
import { readPatches } from "./stem.ts";

export type Seen = {
  /** float32[b, 1 + patches, width]: memory for whoever asks; the body's token first. Normalised. */
  readonly memory: Tensor;
  /** float32[b, patches, width]: the patches alone. */
  readonly features: Tensor;
  /** float32[b, patches, 3]: where each patch's thing has its centre, metres, base frame. */
  readonly guesses: Tensor;
  /** float32[b, patches]: logit of "a thing is here". */
  readonly present: Tensor;
  /** By attribute, float32[b, patches, values]: log probabilities, given that a thing is here. */
  readonly attributes: readonly Tensor[];
  /** float32[b, patches, all values side by side]: the same as probabilities, not taught from here on. */
  readonly described: Tensor;
};

/** One unit of a patch's offset, metres. */
const OFFSET_M = 0.05;

export function see(graph: Graph, config: TabletopConfig, inputs: BackboneInputs): Seen {
  const [batch, count] = inputs.rays.shape as readonly [number, number, number];
  const { width, heads, mlpWidth } = config;
  const body = silu(dense(graph, "body.in", inputs.proprio, 2 * width));
  const bodyToken = reshape(dense(graph, "body.out", body, width), [batch, 1, width]);
  let mixed = concat([bodyToken, lookAt(graph, config, inputs)], 1);
  for (let layer = 0; layer < config.mixLayers; layer++) {
    mixed = selfLayer(graph, `see.${layer}`, mixed, heads, mlpWidth);
  }
  mixed = norm(mixed);
  const features = tokens(mixed, 1, count + 1);

  const sizes = config.attributes.map(({ values }) => values.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const told = dense(graph, "see.tells", features, total + 4);
  const parts = split(told, [...sizes, 1, 3], -1);
  const logits = parts.slice(0, sizes.length);
  const [presentLogit, offset] = parts.slice(sizes.length) as [Tensor, Tensor];
  const present = reshape(presentLogit, [batch, count]);
  const height = graph.constant(new Float32Array(batch * count).fill(PLANE_Z_M), "float32", [batch, count, 1]);
  const spots = concat([range(inputs.rays, 2, 0, 2), height], 2);
  const guesses = add(spots, mul(offset, OFFSET_M));

  const described = detach(
    concat(
      logits.map((one) => softmax(one, -1)),
      2,
    ),
  );
  const here = detach(reshape(sigmoid(present), [batch, count, 1]));
  const known = mul(concat([placeFeatures(graph, inputs, detach(guesses)), described], 2), here);
  const noBody = graph.constant(new Float32Array(batch * width), "float32", [batch, 1, width]);
  const explained = concat([noBody, dense(graph, "see.explain", concat([known, here], 2), width)], 1);
  return {
    memory: norm(add(mixed, explained)),
    features,
    guesses,
    present,
    attributes: logits.map((one) => logSoftmax(one, -1)),
    described,
  };
}

/** Log probability that a thing is here, kept finite: [b, patches]. */
export function presence(seen: Seen): Tensor {
  return log(add(sigmoid(seen.present), 0.02));
}

/** Patches by their pixels and by where they look: [b, patches, width]. */
function lookAt(graph: Graph, config: TabletopConfig, inputs: BackboneInputs): Tensor {
  const position = graph.parameter("patch.position", [1, inputs.rays.shape[1] as number, config.width], {
    kind: "normal",
    std: 0.1,
  });
  return add(readPatches(graph, config, inputs.windows, rayFeatures(graph, inputs)), position);
}

/** Where each patch looks, relative to the table's middle and to the tool: [b, patches, 6], about unit scale. */
function rayFeatures(graph: Graph, inputs: BackboneInputs): Tensor {
  const [batch, patches] = inputs.rays.shape as readonly [number, number, number];
  const spots = range(inputs.rays, 2, 0, 2);
  const tool = reshape(range(inputs.tool, 1, 0, 2), [batch, 1, 2]);
  const middle = graph.constant([0.5, 0], "float32", [1, 1, 2]);
  const height = expand(reshape(range(inputs.tool, 1, 2, 3), [batch, 1, 1]), [batch, patches, 1]);
  return concat([mul(sub(spots, middle), 4), mul(sub(spots, tool), 4), range(inputs.rays, 2, 2, 3), mul(height, 4)], 2);
}

/** A place relative to the table's middle and, coarse and fine, to the tool: [b, patches, 9]. */
function placeFeatures(graph: Graph, inputs: BackboneInputs, places: Tensor): Tensor {
  const batch = places.shape[0] as number;
  const middle = graph.constant([0.5, 0, 0.05], "float32", [1, 1, 3]);
  const fromTool = sub(places, reshape(inputs.tool, [batch, 1, 3]));
  return concat([mul(sub(places, middle), 5), mul(fromTool, 5), tanh(mul(fromTool, 30))], 2);
}
