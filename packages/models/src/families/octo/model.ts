/**
 * Octo's transformer and diffusion head. Parameters keep Flax's names and layout ([in, out]); layer norms have Flax's epsilon.
 * Stems, text encoder and the reading of Flax checkpoints are not part of this.
 */
import {
  add,
  attention,
  concat,
  cos,
  gelu,
  type Graph,
  joinHeads,
  layerNorm,
  linear,
  mul,
  reshape,
  type Shape,
  silu,
  sin,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";

/** A parameter of a Flax tree, by its path. */
export type FlaxTree = (path: string) => Tensor;

/** Parameters of a graph, shaped as a checkpoint's tensors are. */
export function flaxTree(graph: Graph, shapeOf: (path: string) => Shape): FlaxTree {
  return (path) => graph.parameters.get(path) ?? graph.parameter(path, shapeOf(path), { kind: "normal", std: 0.1 });
}

const EPSILON = 1e-6;

function norm(tree: FlaxTree, path: string, x: Tensor): Tensor {
  return layerNorm(x, tree(`${path}/scale`), tree(`${path}/bias`), { epsilon: EPSILON });
}

/** Flax's Dense and DenseGeneral: features on both sides may be several axes, which here are one. */
function dense(tree: FlaxTree, path: string, x: Tensor): Tensor {
  const inputs = x.shape.at(-1) as number;
  const kernel = reshape(tree(`${path}/kernel`), [inputs, -1]);
  return linear(x, kernel, reshape(tree(`${path}/bias`), [-1]));
}

/**
 * Pre-norm layers with GELU in its tanh form, and a norm at the end.
 * @param path of the tree, such as "params/Transformer_0"
 * @param x float[batch, n, width]
 * @param mask bool[batch, 1, n, n]
 */
export function octoTransformer(tree: FlaxTree, path: string, x: Tensor, mask: Tensor, layers: number): Tensor {
  let y = x;
  for (let i = 0; i < layers; i++) y = layer(tree, `${path}/encoderblock_${i}`, y, mask);
  return norm(tree, `${path}/encoder_norm`, y);
}

function layer(tree: FlaxTree, path: string, x: Tensor, mask: Tensor): Tensor {
  const name = `${path}/MultiHeadDotProductAttention_0`;
  const heads = tree(`${name}/query/kernel`).shape[1] as number;
  const normed = norm(tree, `${path}/LayerNorm_0`, x);
  const part = (of: string): Tensor => splitHeads(dense(tree, `${name}/${of}`, normed), heads);
  const seen = joinHeads(attention(part("query"), part("key"), part("value"), { mask }));
  const attended = add(x, dense(tree, `${name}/out`, seen));
  const hidden = gelu(dense(tree, `${path}/MlpBlock_0/Dense_0`, norm(tree, `${path}/LayerNorm_1`, attended)), "tanh");
  return add(attended, dense(tree, `${path}/MlpBlock_0/Dense_1`, hidden));
}

export type ScoreInputs = {
  /** float[n, width]: the mean of a step's readout tokens. */
  readonly readout: Tensor;
  /** float[n, horizon·actionDim] */
  readonly noisy: Tensor;
  /** float[n, 1]: 0 to steps - 1. */
  readonly time: Tensor;
};

/**
 * The noise in noisy actions (`ScoreActor`): Fourier features of the time through an MLP, beside readout and actions, through
 * residual blocks.
 * @param path of the tree, such as "head/diffusion_model"
 */
export function octoScore(tree: FlaxTree, path: string, inputs: ScoreInputs, blocks: number): Tensor {
  const frequencies = tree(`${path}/time_preprocess/kernel`);
  const angles = linear(mul(inputs.time, 2 * Math.PI), frequencies, null, { transposed: true });
  const encoder = `${path}/cond_encoder`;
  const hidden = silu(dense(tree, `${encoder}/Dense_0`, concat([cos(angles), sin(angles)], -1)));
  const time = dense(tree, `${encoder}/Dense_1`, hidden);
  const network = `${path}/reverse_network`;
  let x = dense(tree, `${network}/Dense_0`, concat([time, inputs.readout, inputs.noisy], -1));
  for (let i = 0; i < blocks; i++) {
    const block = `${network}/MLPResNetBlock_${i}`;
    const up = silu(dense(tree, `${block}/Dense_0`, norm(tree, `${block}/LayerNorm_0`, x)));
    x = add(x, dense(tree, `${block}/Dense_1`, up));
  }
  return dense(tree, `${network}/Dense_1`, silu(x));
}
