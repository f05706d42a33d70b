/**
 * Places as words tell them: *the leftmost*, *left of the bowl*, *nearest to the can*, *the other one*. Where things stand is
 * geometry and not learned; which of these is asked for is (understand.ts).
 */
import {
  add,
  detach,
  exp,
  flip,
  max,
  mul,
  neg,
  reshape,
  sigmoid,
  softmax,
  split,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
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

/** How surely a patch's thing stands where the words put it: float32[b * k, CHANNELS, patches], 0..1. */
export function placedRight(placing: Tensor, stand: Stand): Tensor {
  const [sentences, channels, count] = stand.fit.shape as readonly [number, number, number];
  const held = holdings(stand);
  const shares = split(exp(placing), [...PLACINGS.map(() => 1), 1], -1);
  let right = shares[PLACINGS.length] as Tensor;
  PLACINGS.forEach((name, index) => {
    const holds = reshape(held[name], [sentences, channels, count]);
    right = add(right, mul(shares[index] as Tensor, holds));
  });
  return right;
}

/** For every placing whether it holds, [b, k, CHANNELS, patches], 0..1. Nothing here is taught. */
function holdings(stand: Stand): Record<Placing, Tensor> {
  const [batch, count] = stand.guesses.shape as readonly [number, number, number];
  const each = (stand.fit.shape[0] as number) / batch;
  const apart = [batch, each, CHANNELS.length];
  const axis = (points: Tensor, at: number, shape: readonly number[]): Tensor =>
    reshape(range(points, 2, at, at + 1), shape);
  const guesses = detach(stand.guesses);
  const [x, y] = [axis(guesses, 0, [batch, 1, 1, count]), axis(guesses, 1, [batch, 1, 1, count])];
  const planarTo = (points: Tensor): { x: Tensor; y: Tensor; distance: Tensor } => {
    const at = detach(points);
    const [px, py] = [axis(at, 0, [...apart, 1]), axis(at, 1, [...apart, 1])];
    return { x: px, y: py, distance: sqrt(add(add(square(sub(x, px)), square(sub(y, py))), 1e-6)) };
  };
  const landmark = planarTo(stand.landmarks);
  const partner = planarTo(flip(stand.first, 1));
  const within = (distance: Tensor, limitM: number): Tensor => over(sub(limitM, distance), 0);
  const misfit = (fit: Tensor): Tensor => reshape(misfitOf(detach(fit)), [...apart, count]);
  const isLandmark = mul(sub(1, misfit(stand.landmarkFit)), within(landmark.distance, SAME_M));
  const apartFrom = sub(1, isLandmark);
  const out = mul(misfit(stand.fit), -LEFT_OUT);
  const outBeside = sub(out, mul(isLandmark, LEFT_OUT));

  const [left, right] = [first(y, out), neg(first(neg(y), out))];
  const nearest = first(landmark.distance, outBeside);
  const farthest = neg(first(neg(landmark.distance), outBeside));
  return {
    leftmost: over(sub(left, y), -AHEAD_M),
    rightmost: over(sub(y, right), -AHEAD_M),
    frontmost: over(add(x, first(neg(x), out)), -AHEAD_M),
    backmost: over(sub(first(x, out), x), -AHEAD_M),
    middle: mul(over(sub(y, left), AHEAD_M), over(sub(right, y), AHEAD_M)),
    left: over(sub(landmark.y, y), BESIDE_M),
    right: over(sub(y, landmark.y), BESIDE_M),
    behind: over(sub(landmark.x, x), BESIDE_M),
    front: over(sub(x, landmark.x), BESIDE_M),
    near: mul(over(sub(nearest, landmark.distance), -AHEAD_M), apartFrom),
    far: over(sub(landmark.distance, farthest), -AHEAD_M),
    on: mul(within(landmark.distance, ON_M), apartFrom),
    other: sub(1, within(partner.distance, SAME_M)),
  };
}

/** Whether `amount` exceeds `limitM`, 0..1. */
function over(amount: Tensor, limitM: number): Tensor {
  return sigmoid(mul(sub(amount, limitM), 1 / EDGE_M));
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
