/**
 * Gemma (arXiv:2403.08295) as π0 and PaliGemma use it: RMS norms that store w - 1, rotary positions on halves, grouped-query
 * attention without biases, GeGLU with the tanh form of GELU. Parameters have PyTorch's names and layout ([out, in]).
 */
import { add, attention, concat, gelu, joinHeads, mul, splitHeads, type Tensor } from "@bidden/tensor";
import type { Net } from "./net.ts";
import type { Turns } from "./rope.ts";

/** Sizes of one Gemma stack. */
export type GemmaDims = {
  readonly width: number;
  readonly depth: number;
  readonly mlpWidth: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** ε of the norms. */
  readonly epsilon: number;
};

/** Keys (turned) and values of a layer: float32[batch, kvHeads, n, headDim]. */
export type KeysValues = { readonly k: Tensor; readonly v: Tensor };

/** A norm at a named place; the gate multiplies what its sub-layer adds (adaptive norms only). */
export type NormAt = (x: Tensor, name: string) => { readonly y: Tensor; readonly gate: Tensor | null };

/** Added to the score of a pair that may not attend: finite, so that a row without any allowed key stays free of NaN. */
export const MASKED = -2.3819763e38;

/** No product of Gemma has a bias. */
const PLAIN = { bias: false };

/** x/√(mean(x²) + ε)·(1 + w): Gemma stores the distance of the scale from 1. */
export function gemmaNorm(net: Net, epsilon: number): NormAt {
  return (x, name) => {
    const offset = net.tensor(`${name}.weight`, [x.shape.at(-1) as number], { kind: "zeros" });
    return { y: net.scaledNorm(x, add(offset, 1), epsilon), gate: null };
  };
}

export type LayerInputs = {
  readonly norm: NormAt;
  readonly turns: Turns;
  readonly bias: Tensor | null;
  /** Keys and values that stand before those of x. */
  readonly past?: KeysValues;
};

/** Keys and values of x (already normalised) alone. */
export function keysValues(net: Net, name: string, y: Tensor, dims: GemmaDims, turns: Turns): KeysValues {
  const width = dims.kvHeads * dims.headDim;
  const k = splitHeads(net.linear(`${name}.self_attn.k_proj`, y, width, PLAIN), dims.kvHeads);
  const v = splitHeads(net.linear(`${name}.self_attn.v_proj`, y, width, PLAIN), dims.kvHeads);
  return { k: net.rope(k, turns), v };
}

/** One layer: float32[batch, n, width] to the same, with the keys and values that it made. */
export function gemmaLayer(
  net: Net,
  name: string,
  x: Tensor,
  dims: GemmaDims,
  inputs: LayerInputs,
): { readonly x: Tensor; readonly own: KeysValues } {
  const { norm, turns, bias, past } = inputs;
  const before = norm(x, `${name}.input_layernorm`);
  const q = splitHeads(net.linear(`${name}.self_attn.q_proj`, before.y, dims.heads * dims.headDim, PLAIN), dims.heads);
  const own = keysValues(net, name, before.y, dims, turns);
  const all = past === undefined ? own : { k: concat([past.k, own.k], 2), v: concat([past.v, own.v], 2) };
  const seen = joinHeads(attention(net.rope(q, turns), all.k, all.v, { mask: bias }));
  const attended = residual(x, net.linear(`${name}.self_attn.o_proj`, seen, dims.width, PLAIN), before.gate);
  const middle = norm(attended, `${name}.post_attention_layernorm`);
  const added = geglu(net, `${name}.mlp`, middle.y, dims.mlpWidth);
  return { x: residual(attended, added, middle.gate), own };
}

function residual(x: Tensor, added: Tensor, gate: Tensor | null): Tensor {
  return add(x, gate === null ? added : mul(added, gate));
}

/** Wdown(gelu(Wgate x)·Wup x) (Shazeer 2020, arXiv:2002.05202). */
function geglu(net: Net, name: string, x: Tensor, width: number): Tensor {
  const gate = gelu(net.linear(`${name}.gate_proj`, x, width, PLAIN), "tanh");
  const hidden = mul(gate, net.linear(`${name}.up_proj`, x, width, PLAIN));
  return net.linear(`${name}.down_proj`, hidden, x.shape.at(-1) as number, PLAIN);
}
