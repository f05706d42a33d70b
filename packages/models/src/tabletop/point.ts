/**
 * Dense pointing: per channel (act, place) one logit a patch and one for "nowhere". A patch is pointed at for what it shows
 * (attribute by attribute against what is asked for), for where it is (a query may prefer what is farthest left, or nearest
 * to a landmark), and for whatever else the query finds in its features.
 */
import {
  add,
  concat,
  detach,
  exp,
  type Graph,
  log,
  logSoftmax,
  matmul,
  max,
  mul,
  reshape,
  sigmoid,
  softmax,
  split,
  square,
  sub,
  sum,
  type Tensor,
} from "@bidden/tensor";
import { dense } from "../blocks/layers.ts";
import { CHANNELS, type TabletopConfig } from "./config.ts";
import { presence, type Seen } from "./see.ts";
import { range, tokens } from "./slices.ts";

export type Pointer = {
  /** float32[sentences, 2, patches + 1]: logits, the last one "nowhere". */
  readonly logits: Tensor;
  /** float32[sentences, 2, 3]: the place pointed at, metres, base frame. */
  readonly coordinates: Tensor;
  /** By attribute, float32[sentences, 2, values + 1]: log probabilities of what is asked for, the last one "none of these". */
  readonly asked: readonly Tensor[];
  /** float32[sentences, 2, 1]: mass on "nowhere"; mass on other things than the one pointed at; fit of the best patch. */
  readonly nowhere: Tensor;
  readonly elsewhere: Tensor;
  readonly bestFit: Tensor;
};

/** Keeps the logarithm of a misfit finite; about one doubt in fifty. */
const FLOOR = 0.02;
/** How much the first look at the pointer prefers its strongest patches. */
const SHARPNESS = 4;
/** Guesses farther from the first look than about this speak of another thing, metres. */
const SAME_THING_M = 0.03;
/** Squared radius within which mass counts as on the thing itself, and the softness of that edge, square metres. */
const ON_IT_M2 = 0.042 ** 2;
const EDGE_M2 = 1 / 3000;

/** @param heard the grounded queries of act and place, float32[sentences, 2, width]; @param said the same before looking */
export function point(
  graph: Graph,
  config: TabletopConfig,
  seen: Seen,
  { heard, said }: { heard: Tensor; said: Tensor },
): Pointer {
  const sentences = heard.shape[0] as number;
  const [batch, count, width] = seen.features.shape as readonly [number, number, number];
  const rows = (sentences / batch) * CHANNELS.length;
  const apart = [sentences, CHANNELS.length, count];
  const { fit, asked } = compare(graph, config, seen, said);

  const keys = dense(graph, "pointer.key", tokens(seen.memory, 1, count + 1), width);
  const queries = mul(dense(graph, "pointer.query", heard, width), 1 / Math.sqrt(width));
  const like = matmul(reshape(queries, [batch, rows, width]), keys, { transposeB: true });
  const places = spatial(graph, detach(seen.guesses));
  const wishes = dense(graph, "pointer.where", heard, 4, { std: 0.05 });
  const where = matmul(reshape(wishes, [batch, rows, 4]), places, { transposeB: true });
  const logits = reshape(add(add(like, where), reshape(fit, [batch, rows, count])), apart);

  const bestFit = max(fit, 2, { keepDims: true });
  const lost = add(
    dense(graph, "pointer.nowhere", heard, 1),
    dense(graph, "pointer.nowhereFit", bestFit, 1, { std: 0.5 }),
  );
  const pointer = concat([logits, lost], 2);
  const settled = settle(seen.guesses, logits);
  return {
    logits: pointer,
    coordinates: settled.coordinates,
    asked,
    nowhere: range(softmax(pointer, -1), 2, count, count + 1),
    elsewhere: settled.elsewhere,
    bestFit,
  };
}

/** How well each patch fits what is asked for: float32[sentences, 2, patches], 0 is a perfect fit. */
function compare(
  graph: Graph,
  config: TabletopConfig,
  seen: Seen,
  said: Tensor,
): { readonly fit: Tensor; readonly asked: readonly Tensor[] } {
  const sentences = said.shape[0] as number;
  const [batch, count] = seen.features.shape as readonly [number, number, number];
  const rows = (sentences / batch) * CHANNELS.length;
  const sizes = config.attributes.map(({ values }) => values.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const told = dense(graph, "pointer.asked", said, total + 2 * sizes.length);
  const logits = split(
    range(told, 2, 0, total + sizes.length),
    sizes.map((n) => n + 1),
    -1,
  );
  // How much each attribute matters here: "the block" says nothing of a colour.
  const matters = split(
    mul(sigmoid(range(told, 2, total + sizes.length, total + 2 * sizes.length)), 2),
    sizes.map(() => 1),
    -1,
  );
  let fit = reshape(presence(seen), [batch, 1, count]);
  config.attributes.forEach(({ values }, index) => {
    const asked = range(softmax(logits[index] as Tensor, -1), 2, 0, values.length);
    const shows = exp(seen.attributes[index] as Tensor);
    const match = matmul(reshape(asked, [batch, rows, values.length]), shows, { transposeB: true });
    fit = add(fit, mul(log(add(match, FLOOR)), reshape(matters[index] as Tensor, [batch, rows, 1])));
  });
  return {
    fit: reshape(fit, [sentences, CHANNELS.length, count]),
    asked: logits.map((one) => logSoftmax(one, -1)),
  };
}

/**
 * Places as a query can wish for them, in units of 10 cm: x, y, x² + y² and height, [b, patches, 4]. A wish for y alone finds
 * what is leftmost; one for the square and a landmark's coordinates finds what is nearest to it.
 */
function spatial(graph: Graph, guesses: Tensor): Tensor {
  const middle = graph.constant([0.5, 0, 0], "float32", [1, 1, 3]);
  const places = mul(sub(guesses, middle), 10);
  const planar = range(places, 2, 0, 2);
  return concat([planar, sum(square(planar), -1, { keepDims: true }), range(places, 2, 2, 3)], 2);
}

/**
 * One place from many guesses: the strongest patches say about where, then all patches that speak of that place are averaged.
 * A plain average over two things would point between them; what mass lies on other things is told as `elsewhere`.
 *
 * @param guesses float32[b, patches, 3], metres
 * @param logits float32[b * k, 2, patches]
 */
function settle(guesses: Tensor, logits: Tensor): { readonly coordinates: Tensor; readonly elsewhere: Tensor } {
  const [sentences, channels, count] = logits.shape as readonly [number, number, number];
  const batch = guesses.shape[0] as number;
  const rows = reshape(logits, [batch, (sentences * channels) / batch, count]);
  const first = matmul(softmax(mul(rows, SHARPNESS), -1), guesses);
  const coordinates = matmul(
    softmax(sub(rows, mul(squaredDistance(first, guesses), 0.5 / SAME_THING_M ** 2)), -1),
    guesses,
  );
  const away = squaredDistance(detach(coordinates), detach(guesses));
  const onIt = sigmoid(mul(sub(ON_IT_M2, away), 1 / EDGE_M2));
  const share = sum(mul(softmax(rows, -1), onIt), -1, { keepDims: true });
  return {
    coordinates: reshape(coordinates, [sentences, channels, 3]),
    elsewhere: reshape(sub(1, share), [sentences, channels, 1]),
  };
}

/** |a - b|² of all pairs: float32[b, n, 3], float32[b, m, 3] -> float32[b, n, m]. */
export function squaredDistance(a: Tensor, b: Tensor): Tensor {
  const [batch, n] = a.shape as readonly [number, number, number];
  const m = b.shape[1] as number;
  const across = mul(matmul(a, b, { transposeB: true }), -2);
  const lengths = add(reshape(sum(square(a), -1), [batch, n, 1]), reshape(sum(square(b), -1), [batch, 1, m]));
  return add(across, lengths);
}
