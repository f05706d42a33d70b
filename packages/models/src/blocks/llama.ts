/**
 * Llama's decoder layer (Touvron et al. 2023, arXiv:2302.13971) as SmolLM2 has it, cut where SmolVLA's action expert reaches
 * in: RMS norm, grouped-query attention with rotary positions, SwiGLU; no biases.
 */
import { add, attention, joinHeads, mul, silu, splitHeads, type Tensor } from "@bidden/tensor";
import type { Net } from "./net.ts";
import type { Turns } from "./rope.ts";

export type LlamaConfig = {
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; each is shared by heads/kvHeads neighbouring heads of queries. */
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly mlpWidth: number;
  readonly layers: number;
  readonly epsilon: number;
};

/** float32[batch, kvHeads, n, headWidth] each; keys are turned already. */
export type KeysValues = { readonly k: Tensor; readonly v: Tensor };

/** Normalised input of a layer's attention. */
export function layerInput(net: Net, name: string, x: Tensor, config: LlamaConfig): Tensor {
  return net.rmsNorm(`${name}.input_layernorm`, x, config.epsilon);
}

/** float32[batch, n, any] to turned queries float32[batch, heads, n, headWidth]. */
export function queries(net: Net, name: string, y: Tensor, turns: Turns, config: LlamaConfig): Tensor {
  const { heads, headWidth } = config;
  const flat = net.linear(`${name}.self_attn.q_proj`, y, heads * headWidth, { bias: false });
  return net.rope(splitHeads(flat, heads), turns);
}

/** float32[batch, n, any] to keys, turned unless `turns` is null, and values. */
export function keysValues(
  net: Net,
  name: string,
  from: { readonly k: Tensor; readonly v: Tensor },
  turns: Turns | null,
  config: LlamaConfig,
): KeysValues {
  const { kvHeads, headWidth } = config;
  const k = splitHeads(net.linear(`${name}.self_attn.k_proj`, from.k, kvHeads * headWidth, { bias: false }), kvHeads);
  const v = splitHeads(net.linear(`${name}.self_attn.v_proj`, from.v, kvHeads * headWidth, { bias: false }), kvHeads);
  return { k: turns === null ? k : net.rope(k, turns), v };
}

/**
 * The rest of a layer: attention, its projection and the MLP, each added to what came in.
 * @param mask bool that broadcasts to [batch, heads, queries, keys], true where a key may be attended to; null for all
 */
export function finishLayer(
  net: Net,
  name: string,
  x: Tensor,
  q: Tensor,
  { k, v }: KeysValues,
  mask: Tensor | null,
  config: LlamaConfig,
): Tensor {
  const seen = joinHeads(attention(q, k, v, { mask }));
  const attended = add(x, net.linear(`${name}.self_attn.o_proj`, seen, config.width, { bias: false }));
  const y = net.rmsNorm(`${name}.post_attention_layernorm`, attended, config.epsilon);
  return add(attended, swiglu(net, `${name}.mlp`, y, config.mlpWidth));
}

/** Wdown(silu(Wgate x)·Wup x) (Shazeer 2020, arXiv:2002.05202). */
export function swiglu(net: Net, name: string, x: Tensor, width: number): Tensor {
  const gate = silu(net.linear(`${name}.gate_proj`, x, width, { bias: false }));
  const hidden = mul(gate, net.linear(`${name}.up_proj`, x, width, { bias: false }));
  return net.linear(`${name}.down_proj`, hidden, x.shape.at(-1) as number, { bias: false });
}
