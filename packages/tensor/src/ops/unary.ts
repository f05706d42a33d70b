/** Functions of one element: elementary functions and activations. Each states its derivative from what is cheapest to reuse. */
import type { Attributes, Tensor } from "../graph/tensor.ts";
import { needFloat, single } from "./build.ts";
import { add, and, cast, div, greaterOrEqual, less, mul, neg, sub, where } from "./core.ts";

/** `slope(x, y)`: the derivative at x, where y is the value. */
function unary(op: string, x: Tensor, slope: (x: Tensor, y: Tensor) => Tensor, attributes: Attributes = {}): Tensor {
  needFloat(op.toLowerCase(), x);
  return single(op, [x], x.shape, { attributes, vjp: (g, y) => [mul(g, slope(x, y))] });
}

/** A step function: its derivative is zero wherever it has one. */
function step(op: string, x: Tensor): Tensor {
  return single(op, [x], x.shape, { vjp: () => [null] });
}

export function abs(x: Tensor): Tensor {
  return single("Abs", [x], x.shape, { vjp: (g) => [mul(g, sign(x))] });
}

export function exp(x: Tensor): Tensor {
  return unary("Exp", x, (_, y) => y);
}

export function log(x: Tensor): Tensor {
  needFloat("log", x);
  return single("Log", [x], x.shape, { vjp: (g) => [div(g, x)] });
}

export function sqrt(x: Tensor): Tensor {
  needFloat("sqrt", x);
  return single("Sqrt", [x], x.shape, { vjp: (g, y) => [div(mul(g, 0.5), y)] });
}

export function reciprocal(x: Tensor): Tensor {
  return unary("Reciprocal", x, (_, y) => neg(mul(y, y)));
}

/** 1/√x */
export function rsqrt(x: Tensor): Tensor {
  return reciprocal(sqrt(x));
}

export function square(x: Tensor): Tensor {
  return mul(x, x);
}

export function sin(x: Tensor): Tensor {
  return unary("Sin", x, () => cos(x));
}

export function cos(x: Tensor): Tensor {
  return unary("Cos", x, () => neg(sin(x)));
}

export function atan(x: Tensor): Tensor {
  return unary("Atan", x, () => reciprocal(add(mul(x, x), 1)));
}

export function tanh(x: Tensor): Tensor {
  return unary("Tanh", x, (_, y) => sub(1, mul(y, y)));
}

export function sigmoid(x: Tensor): Tensor {
  return unary("Sigmoid", x, (_, y) => mul(y, sub(1, y)));
}

export function erf(x: Tensor): Tensor {
  return unary("Erf", x, () => mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)));
}

export function sign(x: Tensor): Tensor {
  return step("Sign", x);
}

export function floor(x: Tensor): Tensor {
  return step("Floor", x);
}

export function ceil(x: Tensor): Tensor {
  return step("Ceil", x);
}

/** To the nearest whole number, halves to the even one. */
export function round(x: Tensor): Tensor {
  return step("Round", x);
}

/** log(1 + x); the plain formula loses digits below 1e-4, where the series x - x²/2 + x³/3 takes over. */
export function log1p(x: Tensor): Tensor {
  const series = mul(x, sub(1, mul(x, sub(0.5, mul(x, 1 / 3)))));
  return where(less(abs(x), 1e-2), series, log(add(x, 1)));
}

/** exp(x) - 1; below 1e-2 from its series, which keeps the digits that the subtraction loses. */
export function expm1(x: Tensor): Tensor {
  const series = mul(x, add(1, mul(x, add(0.5, mul(x, add(1 / 6, mul(x, 1 / 24)))))));
  return where(less(abs(x), 1e-2), series, sub(exp(x), 1));
}

/** Values held to [low, high]; the gradient passes inside, ends included. */
export function clip(x: Tensor, low: number, high: number): Tensor {
  const graph = x.graph;
  return single("Clip", [x, graph.constant(low, x.dtype), graph.constant(high, x.dtype)], x.shape, {
    vjp: (g) => {
      const inside = and(greaterOrEqual(x, low), greaterOrEqual(graph.constant(high, x.dtype), x));
      return [mul(g, cast(inside, x.dtype)), null, null];
    },
  });
}

export function relu(x: Tensor): Tensor {
  return single("Relu", [x], x.shape, { vjp: (g, y) => [mul(g, sign(y))] });
}

/** relu(x)² (So et al. 2021, arXiv:2109.08668): the activation with the cheapest gradient, g·2·relu(x). */
export function reluSquared(x: Tensor): Tensor {
  needFloat("reluSquared", x);
  // Where relu is zero so is the factor: the gradient needs no mask of its own.
  const positive = single("Relu", [x], x.shape, { variant: "in reluSquared", vjp: (g) => [g] });
  return mul(positive, positive);
}

export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return unary("LeakyRelu", x, () => where(less(x, 0), slope, x.graph.constant(1, x.dtype)), {
    alpha: { float: slope },
  });
}

/** x where positive, else exp(x) - 1. */
export function elu(x: Tensor): Tensor {
  return unary("Elu", x, (_, y) => add(clip(y, -1, 0), 1));
}

/** log(1 + exp(x)), exact at both ends. */
export function softplus(x: Tensor): Tensor {
  needFloat("softplus", x);
  const gate = (): Tensor => sigmoid(x);
  return single("Softplus", [x], x.shape, { vjp: (g) => [mul(g, gate())] });
}

/** x·σ(αx): silu (swish) for α = 1, "quick GELU" for α = 1.702. */
export function swish(x: Tensor, alpha: number): Tensor {
  needFloat("silu", x);
  return single("QuickGelu", [x], x.shape, {
    domain: "com.microsoft",
    attributes: { alpha: { float: alpha } },
    vjp: (g, y) => {
      // With s = σ(αx) and y = x·s the slope is s + αy(1 - s); s is made once, so the fused kernel is no longer needed.
      const s = sigmoid(alpha === 1 ? x : mul(x, alpha));
      x.graph.replaceInTraining(y, mul(x, s));
      const scaled = alpha === 1 ? y : mul(y, alpha);
      return [mul(g, add(mul(s, sub(1, scaled)), scaled))];
    },
  });
}

/** x·σ(x) */
export function silu(x: Tensor): Tensor {
  return swish(x, 1);
}

/** x·σ(1.702x), the approximation of GELU that CLIP uses. */
export function quickGelu(x: Tensor): Tensor {
  return swish(x, 1.702);
}

/** x·tanh(softplus(x)) */
export function mish(x: Tensor): Tensor {
  return mul(x, tanh(softplus(x)));
}

/** clip(x/6 + 1/2, 0, 1) */
export function hardSigmoid(x: Tensor): Tensor {
  return clip(add(mul(x, 1 / 6), 0.5), 0, 1);
}

/** x·hardSigmoid(x) */
export function hardSwish(x: Tensor): Tensor {
  return mul(x, hardSigmoid(x));
}

/**
 * Gaussian error linear unit, x·Φ(x) (Hendrycks & Gimpel 2016, arXiv:1606.08415): `exact` from erf, or the paper's tanh form,
 * which is cheaper to train with.
 */
export function gelu(x: Tensor, form: "erf" | "tanh" = "erf"): Tensor {
  needFloat("gelu", x);
  // ONNX Runtime's own operator gives the same bits as ONNX's tanh form, in half the time.
  const fast = form === "tanh" && x.dtype === "float32";
  return single(fast ? "FastGelu" : "Gelu", [x], x.shape, {
    ...(fast
      ? { domain: "com.microsoft" }
      : { attributes: { approximate: { text: form === "erf" ? "none" : "tanh" } } }),
    vjp: (g, y) => [mul(g, form === "erf" ? geluErfSlope(x, y) : geluTanhSlope(x, y))],
  });
}

/**
 * Φ(x) + x·φ(x). With t = x/√2: Φ = (1 + erf t)/2, which HardSigmoid makes in one pass, and x·φ(x) = t·exp(ln(1/√π) - t²).
 */
function geluErfSlope(x: Tensor, y: Tensor): Tensor {
  const t = mul(x, Math.SQRT1_2);
  const cdf = single("HardSigmoid", [erf(t)], x.shape, { attributes: { alpha: { float: 0.5 }, beta: { float: 0.5 } } });
  x.graph.replaceInTraining(y, mul(x, cdf));
  return add(cdf, mul(t, exp(sub(-0.5 * Math.log(Math.PI), mul(t, t)))));
}

/**
 * The tanh form is x·s with s = σ(z), z = 2√(2/π)(x + 0.044715x³), because (1 + tanh(z/2))/2 = σ(z). Its slope is
 * s + (y - y·s)·z', z' = 2√(2/π)(1 + 3·0.044715x²).
 */
function geluTanhSlope(x: Tensor, y: Tensor): Tensor {
  const scale = 2 * Math.sqrt(2 / Math.PI);
  const x2 = mul(x, x);
  const s = sigmoid(mul(x, add(mul(x2, scale * 0.044715), scale)));
  const value = mul(x, s);
  x.graph.replaceInTraining(y, value);
  const zSlope = add(mul(x2, 3 * scale * 0.044715), scale);
  return add(s, mul(sub(value, mul(value, s)), zSlope));
}
