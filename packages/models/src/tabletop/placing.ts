/**
 * Places as words tell them: *the leftmost*, *left of the bowl*, *nearest to the can*, *the other one*. Where things stand is
 * geometry and not learned; which of these is asked for is (understand.ts).
 */
import {
  add,
  concat,
  detach,
  exp,
  flip,
  type Graph,
  gather,
  matmul,
  max,
  mul,
  neg,
  reshape,
  sigmoid,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@bidden/tensor";
import { CHANNELS, PLACINGS } from "./config.ts";
import { range } from "./slices.ts";

type Placing = (typeof PLACINGS)[number];

/** The first by a clear margin is the one; sharpness of that margin. Metres. */
const AHEAD_M = 0.02;
const EDGE_M = 0.005;
/** Beside something, and not level with it, from here on, metres. */
const BESIDE_M = 0.027;
/** Nearer than these: resting on it; the same thing. Metres. */
const ON_M = 0.045;
const SAME_M = 0.035;
/** How finely the first of several is told, metres. */
const FINE_M = 0.004;
/** A patch whose fit is this much below the best one's shows something else; softness of that, and how surely it is left out. */
const MISFIT = 1.5;
const MISFIT_EDGE = 0.25;
const LEFT_OUT = 200;

export type Stand = {
  /** float32[b, patches, 3]: where each patch's thing is, metres. */
  readonly guesses: Tensor;
  /** float32[b * k, CHANNELS, patches]: how well patches fit what is asked for; and what the landmarks are. */
  readonly fit: Tensor;
  readonly landmarkFit: Tensor;
  /** float32[b * k, CHANNELS, 3]: where each channel's landmark is, and where each channel points by looks alone, metres. */
  readonly landmarks: Tensor;
  readonly first: Tensor;
};

/**
 * All placings are worked out side by side, one row each, by how far they are exceeded: a row holds where its amount (metres)
 * is above its limit. Here they stand in the order in which these amounts are made.
 */
const ROWS: readonly (readonly [name: Placing, limitM: number])[] = [
  ["leftmost", -AHEAD_M],
  ["rightmost", -AHEAD_M],
  ["frontmost", -AHEAD_M],
  ["backmost", -AHEAD_M],
  ["right", BESIDE_M],
  ["left", BESIDE_M],
  ["behind", BESIDE_M],
  ["front", BESIDE_M],
  ["other", SAME_M],
  ["far", -AHEAD_M],
  ["near", -AHEAD_M],
  ["on", -ON_M],
  // Not level with the leftmost; a further row says the same of the rightmost.
  ["middle", AHEAD_M],
];
/** The last rows hold only together with something else. */
const PLAIN_ROWS = ROWS.findIndex(([name]) => name === "near");
const COORDINATES = 3;
/** Rows of x, y, z that give y, -y, -x, x: small where a thing is farthest left, right, in front, behind. */
const SIDES = [0, 1, 0, 0, -1, 0, -1, 0, 0, 1, 0, 0];
const SIDE_COUNT = SIDES.length / COORDINATES;

/** How surely a patch's thing stands where the words put it: float32[b * k, CHANNELS, patches], 0..1. */
export function placedRight(placing: Tensor, stand: Stand): Tensor {
  const held = holdings(stand);
  const [batch, each, rows, channels] = held.shape as readonly [number, number, number, number];
  const shares = reshape(exp(placing), [batch, each, channels, PLACINGS.length + 1]);
  const order = ROWS.map(([name]) => PLACINGS.indexOf(name));
  const asked = gather(shares, placing.graph.constant(order, "int64"), -1);
  const weights = reshape(transpose(asked, [0, 1, 3, 2]), [batch, each, rows, channels, 1]);
  const right = add(sum(mul(weights, held), 2), range(shares, 3, PLACINGS.length, PLACINGS.length + 1));
  return reshape(right, stand.fit.shape);
}

/** For every row whether it holds: [b, k, ROWS, CHANNELS, patches], 0..1. Nothing here is taught. */
function holdings(stand: Stand): Tensor {
  const [batch, count] = stand.guesses.shape as readonly [number, number, number];
  const graph = stand.guesses.graph;
  const channels = CHANNELS.length;
  const each = (stand.fit.shape[0] as number) / batch;
  const apart = (x: Tensor, rows: number, last: number): Tensor => reshape(x, [batch, each, rows, channels, last]);
  const guesses = detach(stand.guesses);
  const landmarks = detach(stand.landmarks);
  const sides = reshape(sidesOf(graph, guesses), [batch, 1, SIDE_COUNT, 1, count]);
  const [toLandmark, toPartner] = [landmarks, flip(detach(stand.first), 1)].map((places) =>
    apart(planarDistance(guesses, places), 1, count),
  ) as [Tensor, Tensor];

  const isLandmark = mul(sub(1, apart(misfitOf(detach(stand.landmarkFit)), 1, count)), over(sub(SAME_M, toLandmark)));
  const out = mul(apart(misfitOf(detach(stand.fit)), 1, count), -LEFT_OUT);
  const farAndNear = concat([neg(toLandmark), toLandmark], 2);
  const ahead = sub(first(sides, out), sides);
  const nearer = sub(first(farAndNear, sub(out, mul(isLandmark, LEFT_OUT))), farAndNear);
  const beside = sub(sides, apart(sidesOf(graph, landmarks), SIDE_COUNT, 1));

  const amounts = concat([ahead, beside, toPartner, nearer, range(farAndNear, 2, 0, 1), neg(range(ahead, 2, 0, 2))], 2);
  const limits = graph.constant([...ROWS.map(([, limitM]) => limitM), AHEAD_M], "float32", [ROWS.length + 1, 1, 1]);
  const holds = over(sub(amounts, limits));
  const otherThing = sub(1, isLandmark);
  const also = concat([otherThing, otherThing, range(holds, 2, ROWS.length, ROWS.length + 1)], 2);
  return concat([range(holds, 2, 0, PLAIN_ROWS), mul(range(holds, 2, PLAIN_ROWS, ROWS.length), also)], 2);
}

/** SIDES of places: [n, m, 3] -> [n, SIDE_COUNT, m]. */
function sidesOf(graph: Graph, places: Tensor): Tensor {
  return matmul(graph.constant(SIDES, "float32", [SIDE_COUNT, COORDINATES]), places, { transposeB: true });
}

/** Distances in the plane, kept away from 0: patches [b, m, 3], places [b * k, c, 3] -> [b, k * c, m]. */
function planarDistance(patches: Tensor, places: Tensor): Tensor {
  const batch = patches.shape[0] as number;
  const apart = sub(
    reshape(range(patches, 2, 0, 2), [batch, 1, -1, 2]),
    reshape(range(places, 2, 0, 2), [batch, -1, 1, 2]),
  );
  return sqrt(add(sum(square(apart), -1), 1e-6));
}

/** Whether an amount of metres is above 0, softly: 0..1. */
function over(amount: Tensor): Tensor {
  return sigmoid(mul(amount, 1 / EDGE_M));
}

/** Whether a patch shows something else than what fits best, 0..1; over the last axis. */
function misfitOf(fit: Tensor): Tensor {
  const behind = sub(max(fit, -1, { keepDims: true }), fit);
  return sigmoid(mul(sub(behind, MISFIT), 1 / MISFIT_EDGE));
}

/** The smallest value over the last axis, among what is not left out: [..., n] -> [..., 1]. */
function first(values: Tensor, out: Tensor): Tensor {
  const chosen = softmax(sub(out, mul(values, 1 / FINE_M)), -1);
  return sum(mul(chosen, values), -1, { keepDims: true });
}
