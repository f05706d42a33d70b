/**
 * Dense pointing: per channel (act, place) one logit a patch and one for "nowhere". A patch is pointed at for what it shows
 * (attribute by attribute against what is asked for), for where it is (when a place is asked for: placing.ts), and for whatever
 * else the query finds in its features.
 */
import {
  add,
  concat,
  detach,
  exp,
  gather,
  type Graph,
  log,
  matmul,
  max,
  mul,
  reshape,
  sigmoid,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
} from "@bidden/tensor";
import { dense } from "../blocks/layers.ts";
import { CHANNELS, type TabletopConfig } from "./config.ts";
import { placedRight } from "./placing.ts";
import { presence, type Seen } from "./see.ts";
import { range, tokens } from "./slices.ts";
import { DESCRIBED, UNSAID, type Sought } from "./understand.ts";

export type Pointer = {
  /** float32[sentences, 2, patches + 1]: logits, the last one "nowhere". */
  readonly logits: Tensor;
  /** float32[sentences, 2, 3]: the place pointed at, metres, base frame. */
  readonly coordinates: Tensor;
  /** float32[sentences, 2, 1]: mass on "nowhere"; mass on other things than the one pointed at; fit of the best patch. */
  readonly nowhere: Tensor;
  readonly elsewhere: Tensor;
  readonly bestFit: Tensor;
};

/** Keeps the logarithm of a misfit finite; about one doubt in fifty. */
const FLOOR = 0.02;
/** How much a misfit counts at first; learned. */
const STRICTNESS = 1.5;
/** How much the first look at the pointer prefers its strongest patches. */
const SHARPNESS = 4;
/** Guesses farther from the first look than about this speak of another thing, metres. */
const SAME_THING_M = 0.03;
/** Squared radius within which mass counts as on the thing itself, and the softness of that edge, square metres. */
const ON_IT_M2 = 0.042 ** 2;
const EDGE_M2 = 1 / 3000;

/** @param heard the grounded queries of act and place, float32[sentences, 2, width] */
export function point(
  graph: Graph,
  config: TabletopConfig,
  seen: Seen,
  { heard, understood }: { heard: Tensor; understood: Sought },
): Pointer {
  const sentences = heard.shape[0] as number;
  const [batch, count, width] = seen.features.shape as readonly [number, number, number];
  const rows = (sentences / batch) * CHANNELS.length;
  const apart = [sentences, CHANNELS.length, count];
  const strictness = graph.parameter("pointer.strictness", [1], { kind: "constant", value: STRICTNESS });
  const fit = mul(fitOf(config, seen, understood), strictness);

  const keys = dense(graph, "pointer.key", tokens(seen.memory, 1, count + 1), width);
  const queries = mul(dense(graph, "pointer.query", heard, width), 1 / Math.sqrt(width));
  const like = matmul(reshape(queries, [batch, rows, width]), keys, { transposeB: true });
  const logits = add(reshape(like, apart), fit);

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
    nowhere: range(softmax(pointer, -1), 2, count, count + 1),
    elsewhere: settled.elsewhere,
    bestFit,
  };
}

/** How well each patch fits what is asked for, looks and place: float32[sentences, CHANNELS, patches], 0 is a perfect fit. */
function fitOf(config: TabletopConfig, seen: Seen, understood: Sought): Tensor {
  const all = looksLike(config, seen, understood);
  const fit = range(all, 1, 0, CHANNELS.length);
  const landmarkFit = range(all, 1, CHANNELS.length, DESCRIBED.length);
  const { coordinates } = settle(seen.guesses, mul(all, STRICTNESS));
  const right = placedRight(understood.placing, {
    guesses: seen.guesses,
    fit,
    landmarkFit,
    first: range(coordinates, 1, 0, CHANNELS.length),
    landmarks: range(coordinates, 1, CHANNELS.length, DESCRIBED.length),
  });
  return add(fit, log(add(right, FLOOR)));
}

/** How well each patch looks like what is described: float32[sentences, DESCRIBED, patches], 0 is a perfect fit. */
function looksLike(config: TabletopConfig, seen: Seen, { attributes, excluded }: Sought): Tensor {
  const [sentences] = excluded.shape as readonly [number];
  const [batch, count] = seen.features.shape as readonly [number, number, number];
  const rows = (sentences / batch) * DESCRIBED.length;
  const match = matches(config, seen, attributes, rows);
  const wrong = matmul(
    reshape(range(exp(excluded), 2, 0, seen.described.shape[2] as number), [batch, rows, -1]),
    seen.described,
    { transposeB: true },
  );
  const fit = add(add(match, reshape(presence(seen), [batch, 1, count])), log(sub(1 + FLOOR, wrong)));
  return reshape(fit, [sentences, DESCRIBED.length, count]);
}

/** Log probability that a patch has all attributes that are asked for: [b, rows, patches], `rows` asked about each picture. */
function matches(config: TabletopConfig, seen: Seen, asked: readonly Tensor[], rows: number): Tensor {
  const [batch, count] = seen.features.shape as readonly [number, number, number];
  const sizes = config.attributes.map(({ values }) => values.length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const graph = seen.features.graph;
  const shares = reshape(exp(concat(asked, 2)), [batch, rows, -1]);
  // Where the values of an attribute begin among all that is asked, with what is said of it otherwise after them.
  const starts = asked.map((_, i) => asked.slice(0, i).reduce((at, one) => at + (one.shape[2] as number), 0));
  const pick = (places: readonly number[]): Tensor => gather(shares, graph.constant(places, "int64"), -1);
  const values = pick(starts.flatMap((start, i) => Array.from({ length: sizes[i] as number }, (_, v) => start + v)));
  const unsaid = pick(starts.map((start, i) => start + (sizes[i] as number) + UNSAID));
  // One row an attribute, with the values of the others left out.
  const owns = sizes.flatMap((_, row) =>
    sizes.flatMap((size, i) => Array.from({ length: size }, () => (i === row ? 1 : 0))),
  );
  const apart = mul(reshape(values, [batch, rows, 1, total]), graph.constant(owns, "float32", [sizes.length, total]));
  const shown = exp(concat(seen.attributes, 2));
  const shared = matmul(reshape(apart, [batch, rows * sizes.length, total]), shown, { transposeB: true });
  const either = add(shared, reshape(unsaid, [batch, rows * sizes.length, 1]));
  return sum(reshape(log(add(either, FLOOR)), [batch, rows, sizes.length, count]), 2);
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
