/**
 * The transformer of the training-step bench: [batch, 60, 256] through four pre-norm layers to [batch, 60, 8]. Two forms:
 * "classic" has GELU and layer norms with scale and bias; "lean" has squared ReLU (So et al. 2021) and plain layer norms, whose
 * scale and bias the next matrix can take over: operators with cheap gradients.
 */
import {
  add,
  Graph,
  gelu,
  layerNorm,
  linear,
  meanSquaredError,
  reluSquared,
  selfAttention,
  type Tensor,
} from "@bidden/tensor";

export type Size = {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
};

export type Form = "classic" | "lean";
export const forms: readonly Form[] = ["classic", "lean"];

export const size: Size = { batch: 32, tokens: 60, width: 256, layers: 4, heads: 8 };
const outputs = 8;

export function buildTransformer(options: Size, form: Form): { graph: Graph; loss: Tensor } {
  const { batch, tokens, width, layers, heads } = options;
  const graph = new Graph("transformer");
  const x = graph.input("x", "float32", [batch, tokens, width]);
  const target = graph.input("target", "float32", [batch, tokens, outputs]);
  const matrix = (name: string, from: number, to: number): Tensor =>
    graph.parameter(name, [from, to], { kind: "normal", std: 0.02 });
  const zeros = (name: string, n: number): Tensor => graph.parameter(name, [n], { kind: "zeros" });
  const norm = (name: string, y: Tensor): Tensor =>
    form === "lean"
      ? layerNorm(y)
      : layerNorm(y, graph.parameter(`${name}.scale`, [width], { kind: "ones" }), zeros(`${name}.bias`, width));
  const dense = (name: string, y: Tensor, from: number, to: number): Tensor =>
    linear(y, matrix(`${name}.w`, from, to), zeros(`${name}.b`, to));
  let h = add(x, graph.parameter("places", [tokens, width], { kind: "normal", std: 0.02 }));
  for (let i = 0; i < layers; i++) {
    const weight = matrix(`${i}.qkv.w`, width, 3 * width);
    const bias = zeros(`${i}.qkv.b`, 3 * width);
    const mixed = selfAttention(norm(`${i}.norm1`, h), { weight, bias, heads });
    h = add(h, dense(`${i}.out`, mixed, width, width));
    const hidden = dense(`${i}.up`, norm(`${i}.norm2`, h), width, 4 * width);
    h = add(h, dense(`${i}.down`, form === "lean" ? reluSquared(hidden) : gelu(hidden), 4 * width, width));
  }
  const y = dense("head", norm("norm", h), width, outputs);
  graph.output("y", y);
  return { graph, loss: meanSquaredError(y, target) };
}

/** Floating-point operations of one training step: two an element of every matrix product, forward once and backward twice. */
export function flops(options: Size): number {
  const { batch, tokens, width, layers } = options;
  const rows = batch * tokens;
  const dense = layers * 12 * width * width + width * outputs;
  const attention = layers * 2 * tokens * width;
  return 3 * 2 * rows * (dense + attention);
}
