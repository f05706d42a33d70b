/** Every operation against PyTorch: values and gradients of the cases in testdata/tensor/ops. A case there without a line here fails. */
import { readdirSync, readFileSync } from "node:fs";
import { invariant } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createSession } from "../index.node.ts";
import type { Tensor } from "../index.ts";
import * as t from "../index.ts";

/** Builds a case from its inputs, in the order of the case's names. */
type Build = (inputs: Record<string, Tensor>) => Tensor;
type Row = { readonly case: string; readonly grads?: readonly string[] };

const folder = new URL("../../../../testdata/tensor/ops/", import.meta.url);

const both =
  (op: (x: Tensor, y: Tensor) => Tensor): Build =>
  ({ x, y }) =>
    op(x as Tensor, y as Tensor);
const one =
  (op: (x: Tensor) => Tensor): Build =>
  ({ x }) =>
    op(x as Tensor);
const product: Build = ({ a, b }) => t.matmul(a as Tensor, b as Tensor);
const convolve =
  (options: t.ConvOptions = {}): Build =>
  ({ x, w, b }) =>
    t.conv(x as Tensor, w as Tensor, b ?? null, options);
const spread =
  (options: Parameters<typeof t.convTranspose>[3] = {}): Build =>
  ({ x, w, b }) =>
    t.convTranspose(x as Tensor, w as Tensor, b ?? null, options);
const dots =
  (options: t.AttentionOptions = {}): Build =>
  ({ q, k, v, m }) =>
    t.attention(q as Tensor, k as Tensor, v as Tensor, { mask: m ?? null, ...options });
const sum =
  (equation: string): Build =>
  (inputs) =>
    t.einsum(equation, ...Object.values(inputs));
const images = (mode: t.PadMode, value?: number): Build =>
  one((x) =>
    t.pad(
      x,
      [
        { axis: 3, before: 2, after: 1 },
        { axis: 2, before: 1, after: 2 },
      ],
      mode,
      value,
    ),
  );
const resized = (lengths: readonly number[], options: t.InterpolateOptions): Build =>
  one((x) => t.interpolate(x, lengths, options));
const inRows =
  (build: (x: Tensor, y: Tensor) => Tensor): Build =>
  ({ x, y }) =>
    build(x as Tensor, y as Tensor);

/** nn.MultiheadAttention on [length, batch, 12] with three heads; masked from a packed product, else from packed weights. */
const heads: Build = ({ x, wi, bi, wo, bo, kp }) => {
  const batchFirst = t.transpose(x as Tensor, [1, 0, 2]);
  const mixed =
    kp === undefined
      ? t.selfAttention(batchFirst, { weight: t.transpose(wi as Tensor), bias: bi ?? null, heads: 3 })
      : t.packedSelfAttention(t.linear(batchFirst, wi as Tensor, bi, { transposed: true }), 3, {
          mask: t.not(t.unsqueeze(t.unsqueeze(kp, 1), 1)),
        });
  return t.transpose(t.linear(mixed, wo as Tensor, bo, { transposed: true }), [1, 0, 2]);
};

const cases: Readonly<Record<string, Readonly<Record<string, Build>>>> = {
  elementwise: {
    add: both(t.add),
    sub: both(t.sub),
    mul: both(t.mul),
    div: both((x, y) => t.div(x, t.add(t.abs(y), 0.5))),
    max: both(t.maximum),
    min: both(t.minimum),
    pow: both((x, y) => t.pow(t.add(t.abs(x), 0.1), y)),
    "add-broadcast": both(t.add),
    "mul-broadcast": both(t.mul),
    neg: one(t.neg),
    abs: one(t.abs),
    exp: one(t.exp),
    sin: one(t.sin),
    cos: one(t.cos),
    tanh: one(t.tanh),
    sigmoid: one(t.sigmoid),
    erf: one(t.erf),
    relu: one(t.relu),
    "leaky-relu": one((x) => t.leakyRelu(x, 0.1)),
    elu: one(t.elu),
    softplus: one(t.softplus),
    silu: one(t.silu),
    "gelu-erf": one((x) => t.gelu(x)),
    "gelu-tanh": one((x) => t.gelu(x, "tanh")),
    "quick-gelu": one(t.quickGelu),
    mish: one(t.mish),
    hardswish: one(t.hardSwish),
    hardsigmoid: one(t.hardSigmoid),
    clip: one((x) => t.clip(x, -0.5, 0.7)),
    sign: one(t.sign),
    floor: one(t.floor),
    ceil: one(t.ceil),
    round: one(t.round),
    swiglu: one((x) => t.mul(t.silu(t.slice(x, { axis: -1, end: 2 })), t.slice(x, { axis: -1, start: 2, end: 4 }))),
    log: one(t.log),
    sqrt: one(t.sqrt),
    rsqrt: one(t.rsqrt),
    reciprocal: one(t.reciprocal),
    log1p: one(t.log1p),
    expm1: one(t.expm1),
    "round-ties": one(t.round),
    "silu-extreme": one(t.silu),
    "gelu-tanh-extreme": one((x) => t.gelu(x, "tanh")),
    "softplus-extreme": one(t.softplus),
    eq: both(t.equal),
    lt: both(t.less),
    ge: both(t.greaterOrEqual),
    "mod-floor": both(t.floorMod),
    fmod: both(t.fmod),
    atan2: both(t.atan2),
    where: ({ c, x, y }) => t.where(c as Tensor, x as Tensor, y as Tensor),
    "where-broadcast": ({ c, x, y }) => t.where(c as Tensor, x as Tensor, y as Tensor),
    "masked-fill": ({ x, m }) => t.maskedFill(x as Tensor, m as Tensor, -1e9),
  },
  reduce: {
    sum: one((x) => t.sum(x, [0, 2])),
    "sum-all": one((x) => t.sum(x)),
    mean: one((x) => t.mean(x, 1, { keepDims: true })),
    max: one((x) => t.max(x, -1)),
    min: one((x) => t.min(x, 0)),
    prod: one((x) => t.prod(x, -1)),
    l1: one((x) => t.sum(t.abs(x), -1)),
    l2: one((x) => t.norm(x, -1)),
    logsumexp: one((x) => t.logSumExp(x, -1)),
    sumsq: one((x) => t.sumSquares(x, 1)),
    "var-unbiased": one((x) => t.variance(x, -1)),
    "var-biased": one((x) => t.variance(x, -1, { correction: 0 })),
    std: one((x) => t.sqrt(t.variance(x, 1))),
    cumsum: one((x) => t.cumulativeSum(x, 1)),
    "cumsum-reverse-exclusive": one((x) => t.cumulativeSum(x, 1, { exclusive: true, reverse: true })),
    normalize: one((x) => t.normalize(x)),
    "amax-ties": one((x) => t.max(x, -1)),
    argmax: one((x) => t.argMax(x)),
    "argmax-ties": one((x) => t.argMax(x)),
    "logsumexp-large": one((x) => t.logSumExp(x, -1)),
    "topk-values": one((x) => t.topK(x, 3)[0]),
    "topk-indices": one((x) => t.topK(x, 3)[1]),
    "sort-desc": one((x) => t.topK(x, 6)[0]),
  },
  matmul: {
    "mat-mat": product,
    batched: product,
    "batched-broadcast": product,
    "vec-mat": product,
    "mat-vec": product,
    dot: product,
    linear: ({ x, w, b }) => t.linear(x as Tensor, w as Tensor, b, { transposed: true }),
    gemm: ({ a, b, c }) =>
      t.add(
        t.matmul(a as Tensor, b as Tensor, { transposeA: true, transposeB: true, scale: 0.5 }),
        t.mul(c as Tensor, 2),
      ),
    "k-large": product,
  },
  einsum: {
    ij_jk: sum("ij,jk->ik"),
    bhid_bhjd: sum("bhid,bhjd->bhij"),
    outer: sum("i,j->ij"),
    trace: sum("bii->b"),
    diag: sum("ii->i"),
    bilinear: sum("bi,ijk,bk->bj"),
    ellipsis: sum("...ij,...jk->...ik"),
    "sum-out": sum("ij->j"),
    transpose: sum("ijk->kij"),
    bld_dhk: sum("bld,dhk->blhk"),
  },
  conv: {
    ...Object.fromEntries(
      ["conv1d", "conv2d"].flatMap((name) => [
        [`${name}-plain`, convolve()],
        [`${name}-pad`, convolve({ padding: 2 })],
        [`${name}-stride`, convolve({ stride: 2, padding: 1 })],
        [`${name}-dilation`, convolve({ dilation: 2, padding: 2 })],
        [`${name}-groups`, convolve({ groups: 2, padding: 1 })],
      ]),
    ),
    "conv2d-depthwise": convolve({ groups: 4, padding: 1 }),
    "conv2d-asym": convolve({
      stride: [2, 1],
      padding: [
        [0, 1],
        [1, 2],
      ],
    }),
    "conv2d-patch": convolve({ stride: 4 }),
    conv3d: convolve({ padding: 1 }),
    ...Object.fromEntries(
      ["convT1d", "convT2d"].flatMap((name) => [
        [`${name}-plain`, spread()],
        [`${name}-stride`, spread({ stride: 2 })],
        [`${name}-stride-pad-outpad`, spread({ stride: 2, padding: 1, outputPadding: 1 })],
        [`${name}-groups`, spread({ groups: 2, stride: 2, padding: 1 })],
      ]),
    ),
  },
  pool: {
    max2d: one((x) => t.maxPool(x, 2)),
    "max2d-pad": one((x) => t.maxPool(x, 3, { stride: 2, padding: 1 })),
    "max2d-ceil": one((x) => t.maxPool(x, 2, { ceil: true })),
    avg2d: one((x) => t.avgPool(x, 2)),
    "avg2d-pad-include": one((x) => t.avgPool(x, 3, { stride: 2, padding: 1 })),
    "avg2d-pad-exclude": one((x) => t.avgPool(x, 3, { stride: 2, padding: 1, countPadding: false })),
    "global-avg": one(t.globalAvgPool),
    "adaptive-avg-3x2": one((x) => t.adaptiveAvgPool(x, [3, 2])),
    max1d: one((x) => t.maxPool(t.squeeze(t.slice(x, { axis: 2, end: 1 }), 2), 3, { stride: 2 })),
  },
  norm: {
    layernorm: ({ x, g, b }) => t.layerNorm(x as Tensor, g, b),
    "layernorm-1e-6-noaffine": one((x) => t.layerNorm(x, null, null, { epsilon: 1e-6 })),
    "layernorm-2d": ({ x, g, b }) => t.layerNorm(x as Tensor, g, b),
    "layernorm-constant": one((x) => t.layerNorm(x)),
    rmsnorm: ({ x, g }) => t.rmsNorm(x as Tensor, g),
    "rmsnorm-gemma": ({ x, g }) => t.rmsNorm(x as Tensor, t.add(g as Tensor, 1)),
    groupnorm: ({ x, g, b }) => t.groupNorm(x as Tensor, 2, g as Tensor, b as Tensor),
    instancenorm: ({ x, g, b }) => t.instanceNorm(x as Tensor, g as Tensor, b as Tensor),
    "batchnorm-eval": ({ x, g, b, m, v }) =>
      t.batchNorm(x as Tensor, g as Tensor, b as Tensor, {
        mean: t.detach(m as Tensor),
        variance: t.add(t.abs(t.detach(v as Tensor)), 0.5),
      }),
    "batchnorm-train": ({ x, g, b }) => t.batchNorm(x as Tensor, g as Tensor, b as Tensor, "of this batch"),
    adarms: ({ x, c, w, b }) => {
      const [scale, shift] = t.split(t.linear(c as Tensor, w as Tensor, b, { transposed: true }), [4, 4, 4], 1);
      const scaled = t.mul(t.rmsNorm(x as Tensor), t.unsqueeze(t.add(scale as Tensor, 1), 1));
      return t.add(scaled, t.unsqueeze(shift as Tensor, 1));
    },
  },
  softmax: {
    softmax: one((x) => t.softmax(x)),
    "softmax-axis1": one((x) => t.softmax(x, 1)),
    "log-softmax": one((x) => t.logSoftmax(x)),
    "softmax-large": one((x) => t.softmax(x)),
    "softmax-neginf": ({ x, m }) => t.softmax(t.maskedFill(x as Tensor, m as Tensor, -Infinity)),
  },
  attention: {
    sdpa: dots(),
    "sdpa-bool-mask": dots(),
    "sdpa-additive": dots(),
    "sdpa-causal": dots({ causal: true }),
    "sdpa-scale": dots({ scale: 0.37 }),
    "gqa-8-2": dots(),
    "mqa-8-1": dots(),
    "soft-cap": dots({ softCap: 50 }),
    "rope-split-half": ({ x, p }) => t.rotaryEmbedding(x as Tensor, p as Tensor),
    "rope-base-1e6": ({ x, p }) => t.rotaryEmbedding(x as Tensor, p as Tensor, { base: 1e6 }),
    "rope-interleaved": ({ x, p }) => t.rotaryEmbedding(x as Tensor, p as Tensor, { interleaved: true }),
    "mha-module": heads,
    "mha-key-padding": heads,
  },
  indexing: {
    embedding: ({ w, i }) => t.embedding(w as Tensor, i as Tensor),
    "gather-axis1": ({ x, i }) => t.gather(x as Tensor, i as Tensor, 1),
    "gather-elements": ({ x, i }) => t.gatherElements(x as Tensor, i as Tensor, 1),
    "take-along-last": ({ x, i }) => t.gatherElements(x as Tensor, i as Tensor, -1),
    "scatter-set": ({ x, u }) =>
      t.scatter(x as Tensor, (x as Tensor).graph.constant([0, 4, 3], "int64", [3, 1]), u as Tensor, 1),
    "scatter-add": ({ x, i, u }) => t.scatterAdd(x as Tensor, i as Tensor, u as Tensor, 1),
    "index-add": ({ x, i, u }) =>
      t.scatterAdd(x as Tensor, t.expand(t.unsqueeze(i as Tensor, 1), [3, 4]), u as Tensor, 0),
    "gather-nd": ({ x, i }) => t.gatherNd(x as Tensor, i as Tensor),
    "scatter-nd": ({ x, i, u }) => t.scatterNd(x as Tensor, i as Tensor, u as Tensor),
    "masked-select-sum": ({ x, m }) => t.maskedMean(x as Tensor, m as Tensor, -1),
    "one-hot": ({ i }) => t.oneHot(i as Tensor, 7),
  },
  layout: {
    concat: both((x, y) => t.concat([x, y], 1)),
    stack: both((x, y) => t.stack([x, y], 1)),
    slice: one((x) => t.slice(x, { axis: 1, start: 1, end: -1 }, { axis: 2, step: 2 })),
    "slice-negative-step": one((x) => t.slice(x, { axis: 1, step: -2 })),
    split: one((x) => t.split(x, [2, 3], 1)[1] as Tensor),
    transpose: one((x) => t.transpose(x, [2, 0, 1])),
    reshape: one((x) => t.reshape(x, [5, -1])),
    expand: one((x) => t.expand(x, [3, 5, 4])),
    tile: one((x) => t.tile(x, [2, 1, 3])),
    "repeat-interleave": one((x) => t.repeatInterleave(x, 3, 1)),
    roll: one((x) => t.roll(t.roll(x, 1, 0), -2, 1)),
    tril: one((x) => t.triangle(x, "lower", -1)),
    triu: one((x) => t.triangle(x, "upper", 1)),
    "depth-to-space": one((x) => t.depthToSpace(x, 2)),
    "space-to-depth": one((x) => t.spaceToDepth(x, 2)),
    unfold: one((x) =>
      t.unfold(
        t.pad(x, [
          { axis: 2, before: 1, after: 1 },
          { axis: 3, before: 1, after: 1 },
        ]),
        3,
        2,
      ),
    ),
    "pad-constant": images("constant", 0.5),
    "pad-reflect": images("reflect"),
    "pad-edge": images("edge"),
    "pad-wrap": images("wrap"),
  },
  resize: {
    "bilinear-up": resized([9, 11], {}),
    "bilinear-down": resized([3, 4], {}),
    "bilinear-align": resized([9, 11], { alignCorners: true }),
    "bilinear-antialias-down": resized([3, 4], { antialias: true }),
    "bicubic-up": resized([9, 11], { mode: "cubic" }),
    "bicubic-down": resized([3, 4], { mode: "cubic" }),
    "bicubic-align": resized([9, 11], { mode: "cubic", alignCorners: true }),
    "bicubic-antialias-down": resized([3, 4], { mode: "cubic", antialias: true }),
    nearest: resized([9, 11], { mode: "nearest" }),
    "nearest-exact": resized([3, 4], { mode: "nearest-exact" }),
    "scale-1.7": resized([10, 11], { scale: 1.7 }),
    "scale-1.7-recompute": resized([10, 11], {}),
    linear1d: resized([11], {}),
    "grid-sample": ({ x, g }) => t.gridSample(x as Tensor, g as Tensor),
  },
  loss: {
    "cross-entropy": inRows((x, y) => t.crossEntropy(x, y)),
    "cross-entropy-ignore": inRows((x, y) => t.crossEntropy(x, y)),
    "cross-entropy-smooth": inRows((x, y) => t.crossEntropy(x, y, { smoothing: 0.1 })),
    "cross-entropy-weight": ({ x, y, w }) =>
      t.crossEntropy(x as Tensor, y as Tensor, { weights: t.abs(t.detach(w as Tensor)) }),
    "cross-entropy-none": inRows((x, y) => t.crossEntropy(x, y, { reduction: "none" })),
    "cross-entropy-soft": ({ x, p }) => t.softCrossEntropy(x as Tensor, t.softmax(p as Tensor)),
    mse: both((x, y) => t.meanSquaredError(x, y)),
    "mse-sum": both((x, y) => t.meanSquaredError(x, y, "sum")),
    l1: both((x, y) => t.meanAbsoluteError(x, y)),
    "smooth-l1": both((x, y) => t.smoothL1Loss(x, y)),
    "smooth-l1-beta": both((x, y) => t.smoothL1Loss(x, y, 0.3)),
    huber: both((x, y) => t.huberLoss(x, y, 0.5)),
    "bce-logits": both((x, y) => t.binaryCrossEntropyWithLogits(x, t.sigmoid(y))),
    "kl-normal": ({ m, v }) => {
      const inner = t.sub(t.sub(t.add(v as Tensor, 1), t.square(m as Tensor)), t.exp(v as Tensor));
      return t.mean(t.mul(t.sum(inner, -1), -0.5));
    },
    "masked-mse": ({ x, y, m }) =>
      t.mean(t.mul(t.square(t.sub(x as Tensor, y as Tensor)), t.unsqueeze(m as Tensor, -1))),
  },
};

/**
 * float32 against float64. Values: 1e-5 of the larger of 1 and the value, as the makers of the cases advise. Gradients are sums
 * in which large terms cancel, so there the largest of the array counts.
 */
function firstFar(came: t.Elements, expected: t.Elements, rule: "each" | "largest"): string {
  const numbers = Array.from(expected, Number);
  const largest = numbers.reduce((m, n) => (Number.isFinite(n) ? Math.max(m, Math.abs(n)) : m), 1);
  for (const [i, wanted] of numbers.entries()) {
    const value = Number(came[i]);
    const tolerance = 1e-5 * (rule === "each" ? Math.max(1, Math.abs(wanted)) : largest);
    if (!(Math.abs(value - wanted) <= tolerance || Object.is(value, wanted))) {
      return `element ${i} is ${value}, expected ${wanted}`;
    }
  }
  return came.length === expected.length ? "none" : `${came.length} elements, expected ${expected.length}`;
}

describe.each(readdirSync(folder).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : [])))(
  "%s",
  (family) => {
    const { tensors } = t.readSafetensors(readFileSync(new URL(`${family}.safetensors`, folder)), family);
    const rows = (JSON.parse(readFileSync(new URL(`${family}.json`, folder), "utf8")) as { cases: Row[] }).cases;
    test.each(rows.map((row) => [row.case, row] as const))("%s", async (name, row) => {
      const build = cases[family]?.[name];
      invariant(build !== undefined, `no operation for case ${family}/${name}`);
      const graph = new t.Graph(name);
      const inputs: Record<string, Tensor> = {};
      const feeds: Record<string, t.Elements> = {};
      for (const [key, { dtype, shape, data }] of tensors) {
        if (!key.startsWith(`${name}/in/`)) continue;
        const label = key.slice(`${name}/in/`.length);
        inputs[label] = graph.input(label, dtype === "uint8" ? "bool" : dtype, shape);
        feeds[label] = data;
      }
      const y = graph.output("out", build(inputs));
      const expected = tensors.get(`${name}/out64`) as t.TensorData;
      expect(y.shape).toEqual(expected.shape);
      const cotangent = tensors.get(`${name}/ct`);
      if (cotangent !== undefined) {
        const seed = graph.input("cotangent", "float32", cotangent.shape);
        feeds["cotangent"] = cotangent.data;
        const leaves = row.grads ?? [];
        t.gradients(
          y,
          leaves.map((leaf) => inputs[leaf] as Tensor),
          seed,
        ).forEach((g, i) => graph.output(`grad/${leaves[i]}`, g));
      }
      const session = await createSession(t.onnxModel(graph, { replacements: graph.trainingForms }), { threads: 1 });
      const used = new Set(session.inputs.map((info) => info.name));
      const out = await session.run(Object.fromEntries(Object.entries(feeds).filter(([key]) => used.has(key))));
      expect(firstFar((out["out"] as t.TensorData).data, expected.data, "each")).toBe("none");
      for (const leaf of row.grads ?? []) {
        const gradient = tensors.get(`${name}/grad/${leaf}`) as t.TensorData;
        const far = firstFar((out[`grad/${leaf}`] as t.TensorData).data, gradient.data, "largest");
        expect(`${leaf}: ${far}`).toBe(`${leaf}: none`);
      }
      await session.close();
    });
  },
);
