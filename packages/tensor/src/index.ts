export { checkBackend } from "./check/check-backend.ts";
export type { Checked, CheckResult } from "./check/check-backend.ts";
export type { Backend } from "./session/bind-engine.ts";
export type { DType, Elements, Shape, TensorData } from "./graph/dtype.ts";
export { allocate, bytesOf, bytesPerElement, sizeOf } from "./graph/dtype.ts";
export { gradients } from "./graph/gradients.ts";
export type { NodeSpec } from "./graph/graph.ts";
export { Graph } from "./graph/graph.ts";
export { initParameters } from "./graph/init.ts";
export type { Attributes, Init, Vjp } from "./graph/tensor.ts";
export { Tensor } from "./graph/tensor.ts";
export type { ExternalData, OnnxOptions } from "./onnx/model.ts";
export { onnxModel } from "./onnx/model.ts";
export type { AttentionOptions, SelfAttentionWeights } from "./ops/attention.ts";
export { attention, joinHeads, packedSelfAttention, rotaryEmbedding } from "./ops/attention.ts";
export { selfAttention, splitHeads } from "./ops/attention.ts";
export type { Operand } from "./ops/build.ts";
export type { ConvOptions, PerPlace } from "./ops/conv.ts";
export { conv, convTranspose } from "./ops/conv.ts";
export { add, and, cast, detach, div, equal, expand, greater, greaterOrEqual, less, lessOrEqual } from "./ops/core.ts";
export { mul, neg, not, or, reshape, sub, sum, where } from "./ops/core.ts";
export { einsum } from "./ops/einsum.ts";
export { atan2, floorMod, fmod, maskedFill, maximum, minimum, pow } from "./ops/elementwise.ts";
export {
  embedding,
  gather,
  gatherElements,
  gatherNd,
  oneHot,
  rowsBeside,
  scatter,
  scatterAdd,
  scatterNd,
} from "./ops/indexing.ts";
export { topK } from "./ops/indexing.ts";
export type { Padding, PadMode, SliceRange } from "./ops/layout.ts";
export { addAll, concat, depthToSpace, flip, pad, repeatInterleave, roll, slice, spaceToDepth } from "./ops/layout.ts";
export { split, squeeze, stack, tile, transpose, triangle, unsqueeze } from "./ops/layout.ts";
export type { CrossEntropyOptions, Reduction } from "./ops/loss.ts";
export { binaryCrossEntropyWithLogits, crossEntropy, huberLoss, maskedMean, meanAbsoluteError } from "./ops/loss.ts";
export { meanSquaredError, smoothL1Loss, softCrossEntropy } from "./ops/loss.ts";
export type { MatmulOptions } from "./ops/matmul.ts";
export { linear, matmul } from "./ops/matmul.ts";
export { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "./ops/norm.ts";
export type { PoolOptions } from "./ops/pool.ts";
export { adaptiveAvgPool, avgPool, globalAvgPool, maxPool } from "./ops/pool.ts";
export { argMax, cumulativeSum, logSumExp, max, mean, min, norm, normalize, prod, sumSquares } from "./ops/reduce.ts";
export { variance } from "./ops/reduce.ts";
export type { InterpolateOptions } from "./ops/resize.ts";
export { gridSample, interpolate, interpolationMatrix, mapAxis, unfold } from "./ops/resize.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { abs, atan, ceil, clip, cos, elu, erf, exp, expm1, floor, gelu, hardSigmoid, hardSwish } from "./ops/unary.ts";
export { leakyRelu, log, log1p, mish, quickGelu, reciprocal, relu, reluSquared, round, rsqrt } from "./ops/unary.ts";
export { sigmoid, sign, silu, sin, softplus, sqrt, square, tanh } from "./ops/unary.ts";
export type { AdamWOptions } from "./optim/adamw.ts";
export type { Decay, Schedule } from "./optim/schedule.ts";
export { learningRateAt } from "./optim/schedule.ts";
export type { Slot, TrainStep, TrainStepOptions } from "./optim/train-step.ts";
export { buildTrainStep, countParameters } from "./optim/train-step.ts";
export type { SafetensorsEntry, SafetensorsFile, SafetensorsHeader } from "./safetensors/format.ts";
export { elementsView, readSafetensors, readSafetensorsHeader, safetensorsHeaderBytes } from "./safetensors/read.ts";
export { planSafetensors, writeSafetensors } from "./safetensors/write.ts";
export type { SessionOptions } from "./session/engine.ts";
export type { Feeds, Session, ValueInfo } from "./session/session.ts";
export type { Metrics, ParameterMap, Trainer } from "./session/trainer.ts";
