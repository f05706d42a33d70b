/** Losses. Each takes the mean over everything unless `reduction` says otherwise. */
import { BiddenError } from "@bidden/runtime";
import { badShape, sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, cast, div, equal, less, mul, neg, not, sub, sum, where } from "./core.ts";
import { maximum } from "./elementwise.ts";
import { gather, oneHot } from "./indexing.ts";
import { mean } from "./reduce.ts";
import { logSoftmax } from "./softmax.ts";
import { abs, softplus, square } from "./unary.ts";

export type Reduction = "mean" | "sum" | "none";

function reduced(losses: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case "mean":
      return mean(losses);
    case "sum":
      return sum(losses);
    case "none":
      return losses;
    default:
      return reduction satisfies never;
  }
}

function needSame(op: string, x: Tensor, y: Tensor): void {
  if (!sameShape(x.shape, y.shape)) throw badShape(op, "prediction and target of one shape", x.shape, y.shape);
}

export type CrossEntropyOptions = {
  readonly reduction?: Reduction;
  /** Rows with this label count nothing, and the mean is over the others. */
  readonly ignoreIndex?: number;
  /** Share of the target that is spread evenly over all classes. */
  readonly smoothing?: number;
  /** float[classes]: weight of every class; the mean is weighted. */
  readonly weights?: Tensor;
};

/**
 * -log of the softmax at the label.
 * @param logits float[..., classes]
 * @param labels int64[...]
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { reduction = "mean", ignoreIndex = -100, smoothing = 0, weights } = options;
  const classes = logits.shape.at(-1) ?? 0;
  if (!sameShape(labels.shape, logits.shape.slice(0, -1))) {
    throw badShape("crossEntropy", "logits [..., classes] and labels [...]", logits.shape, labels.shape);
  }
  if (weights !== undefined && smoothing !== 0) {
    throw new BiddenError("unsupported", "crossEntropy: expected class weights or smoothing; came both.");
  }
  const logP = logSoftmax(logits);
  const counted = not(equal(labels, ignoreIndex));
  const safe = where(counted, labels, labels.graph.constant(0, labels.dtype));
  const own = sum(mul(logP, oneHot(safe, classes)), -1);
  const smooth = smoothing === 0 ? own : add(mul(own, 1 - smoothing), mul(mean(logP, -1), smoothing));
  const each = cast(counted, logits.dtype);
  const weight = weights === undefined ? each : mul(each, gather(weights, safe));
  const losses = neg(mul(smooth, weight));
  return reduction === "mean" ? div(sum(losses), sum(weight)) : reduced(losses, reduction);
}

/** -Σ target·log softmax over the last axis, for targets that are probabilities themselves. */
export function softCrossEntropy(logits: Tensor, targets: Tensor, reduction: Reduction = "mean"): Tensor {
  needSame("softCrossEntropy", logits, targets);
  return reduced(neg(sum(mul(targets, logSoftmax(logits)), -1)), reduction);
}

export function meanSquaredError(x: Tensor, y: Tensor, reduction: Reduction = "mean"): Tensor {
  needSame("meanSquaredError", x, y);
  return reduced(square(sub(x, y)), reduction);
}

export function meanAbsoluteError(x: Tensor, y: Tensor, reduction: Reduction = "mean"): Tensor {
  needSame("meanAbsoluteError", x, y);
  return reduced(abs(sub(x, y)), reduction);
}

/** Half the square up to `delta`, and from there a straight line of slope `delta`. */
export function huberLoss(x: Tensor, y: Tensor, delta = 1, reduction: Reduction = "mean"): Tensor {
  needSame("huberLoss", x, y);
  const distance = abs(sub(x, y));
  const near = mul(square(distance), 0.5);
  const far = mul(sub(distance, delta / 2), delta);
  return reduced(where(less(distance, delta), near, far), reduction);
}

/** Huber's loss over `beta`: a slope of 1 far away. */
export function smoothL1Loss(x: Tensor, y: Tensor, beta = 1, reduction: Reduction = "mean"): Tensor {
  return mul(huberLoss(x, y, beta, reduction), 1 / beta);
}

/** Cross-entropy of σ(logits) with targets in [0, 1], without overflow. */
export function binaryCrossEntropyWithLogits(logits: Tensor, targets: Tensor, reduction: Reduction = "mean"): Tensor {
  needSame("binaryCrossEntropyWithLogits", logits, targets);
  return reduced(sub(softplus(logits), mul(logits, targets)), reduction);
}

/** Mean over an axis of the elements that the mask (0 or 1, of the same shape) keeps; 0 where it keeps none. */
export function maskedMean(x: Tensor, mask: Tensor, axis: number): Tensor {
  needSame("maskedMean", x, mask);
  return div(sum(mul(x, mask), axis), maximum(sum(mask, axis), 1));
}
