/**
 * Llama as a decoder that remembers: one pass over a whole sequence leaves keys and values, further tokens are read
 * against them. Past and new keys meet in the softmax only, so that what is remembered is never copied.
 */
import { add, concat, joinHeads, matmul, reshape, softmax, splitLike, type Tensor } from "@bidden/tensor";
import { finishLayer, type KeysValues, keysValues, layerInput, type LlamaConfig, queries, swiglu } from "./llama.ts";
import type { Net } from "./net.ts";
import type { Turns } from "./rope.ts";

export type Decoded = {
  /** Keys and values that this pass made, by layer. */
  readonly own: readonly KeysValues[];
  /** What every layer puts out; the last is before the final norm. */
  readonly layers: readonly Tensor[];
  /** After the final norm. */
  readonly hidden: Tensor;
};

/**
 * A whole sequence at once.
 * @param name of the tensors, such as "language_model.model"
 * @param mask bool that broadcasts to [batch, heads, n, n], true where a key may be attended to
 */
export function decodeSequence(
  net: Net,
  name: string,
  x: Tensor,
  inputs: { readonly turns: Turns; readonly mask: Tensor },
  config: LlamaConfig,
): Decoded {
  return runLayers(net, name, x, config, (layer, stream) => {
    const y = layerInput(net, layer, stream, config);
    const own = keysValues(net, layer, { k: y, v: y }, inputs.turns, config);
    const q = queries(net, layer, y, inputs.turns, config);
    return { own, x: finishLayer(net, layer, stream, q, own, inputs.mask, config) };
  });
}

/**
 * Further tokens, float32[1, rows, width], against what is remembered and each other.
 * @param bias added to the scores: float32[1, 1, rows, places + rows], the tokens themselves last
 */
export function decodeFurther(
  net: Net,
  name: string,
  x: Tensor,
  inputs: { readonly turns: Turns; readonly bias: Tensor; readonly past: readonly KeysValues[] },
  config: LlamaConfig,
): Decoded {
  return runLayers(net, name, x, config, (layer, stream, index) => {
    const y = layerInput(net, layer, stream, config);
    const own = keysValues(net, layer, { k: y, v: y }, inputs.turns, config);
    const q = queries(net, layer, y, inputs.turns, config);
    const seen = attendBoth(q, inputs.past[index] as KeysValues, own, inputs.bias);
    const attended = add(stream, net.linear(`${layer}.self_attn.o_proj`, seen, config.width, { bias: false }));
    const normed = net.rmsNorm(`${layer}.post_attention_layernorm`, attended, config.epsilon);
    return { own, x: add(attended, swiglu(net, `${layer}.mlp`, normed, config.mlpWidth)) };
  });
}

type Layer = (name: string, x: Tensor, index: number) => { readonly own: KeysValues; readonly x: Tensor };

function runLayers(net: Net, name: string, x: Tensor, config: LlamaConfig, layer: Layer): Decoded {
  const own: KeysValues[] = [];
  const layers: Tensor[] = [];
  let stream = x;
  for (let i = 0; i < config.layers; i++) {
    const done = layer(`${name}.layers.${i}`, stream, i);
    stream = done.x;
    own.push(done.own);
    layers.push(stream);
  }
  return { own, layers, hidden: net.rmsNorm(`${name}.norm`, stream, config.epsilon) };
}

/** Attention to remembered keys and to those of the tokens themselves: float32[1, rows, width]. */
function attendBoth(q: Tensor, past: KeysValues, own: KeysValues, bias: Tensor): Tensor {
  const [batch, heads, rows, width] = q.shape as unknown as readonly [number, number, number, number];
  const groups = past.k.shape[1] as number;
  // Query heads that share a head of keys become rows of one product.
  const flat = reshape(q, [batch, groups, (heads / groups) * rows, width]);
  const scores = (k: Tensor): Tensor => {
    const products = matmul(flat, k, { transposeB: true, scale: width ** -0.5 });
    return reshape(products, [batch, heads, rows, k.shape[2] as number]);
  };
  const shares = softmax(add(concat([scores(past.k), scores(own.k)], -1), bias), -1);
  const [before, self] = splitLike(shares, [past.k, own.k], 2, -1) as [Tensor, Tensor];
  const weighted = (part: Tensor, v: Tensor): Tensor =>
    matmul(reshape(part, [batch, groups, (heads / groups) * rows, part.shape[3] as number]), v);
  return joinHeads(reshape(add(weighted(before, past.v), weighted(self, own.v)), [batch, heads, rows, width]));
}
