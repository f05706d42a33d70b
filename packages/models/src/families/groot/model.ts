/**
 * GR00T N1.5: SigLIP and a truncated Qwen3 see and read; a diffusion transformer whose encoders and decoder belong to one
 * embodiment turns noise into actions. What does not change between denoising steps is computed once.
 */
import {
  add,
  attention,
  concat,
  gelu,
  joinHeads,
  layerNorm,
  linear,
  mul,
  relu,
  reshape,
  silu,
  slice,
  split,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";
import { finishLayer } from "../../blocks/llama.ts";
import type { Net } from "../../blocks/net.ts";
import { fixedTurns } from "../../blocks/rope.ts";
import { siglip } from "../../blocks/siglip.ts";
import { CONNECTOR, type GrootConfig, HEAD, LANGUAGE, PROJECTION, type TransformerConfig, VISION } from "./config.ts";

const EPSILON = 1e-5;

/** float[views, 3, side, side] in -1..1 to float[views, patches, vision width], and that in the language model's width. */
export function see(
  net: Net,
  config: GrootConfig,
  pixels: Tensor,
): { readonly hidden: Tensor; readonly tokens: Tensor } {
  const hidden = siglip(net, VISION, pixels, config.vision);
  return { hidden, tokens: net.linear(CONNECTOR, hidden, config.language.width) };
}

/**
 * Qwen3 up to `select_layer`, causal, with the final norm: the layers behind were cut off, so that the "hidden state" taken
 * there is the normalised one.
 * @param embedded float[1, n, width]
 */
export function read(net: Net, config: GrootConfig, embedded: Tensor): Tensor {
  const { language } = config;
  const { heads, kvHeads, headWidth, epsilon } = language;
  const n = embedded.shape[1] as number;
  const turns = fixedTurns(net.graph, n, headWidth, { base: language.ropeBase, angle: "multiplied" });
  const mask = causalMask(net, n);
  let x = embedded;
  for (let i = 0; i < language.layers; i++) {
    const layer = `${LANGUAGE}.layers.${i}`;
    const y = net.rmsNorm(`${layer}.input_layernorm`, x, epsilon);
    const part = (name: string, count: number): Tensor =>
      splitHeads(net.linear(`${layer}.self_attn.${name}`, y, count * headWidth, { bias: false }), count);
    // Qwen3 normalises queries and keys of every head.
    const q = net.rope(net.rmsNorm(`${layer}.self_attn.q_norm`, part("q_proj", heads), epsilon), turns);
    const k = net.rope(net.rmsNorm(`${layer}.self_attn.k_norm`, part("k_proj", kvHeads), epsilon), turns);
    x = finishLayer(net, layer, x, q, { k, v: part("v_proj", kvHeads) }, mask, language);
  }
  const hidden = net.rmsNorm(`${LANGUAGE}.norm`, x, epsilon);
  return config.projected ? net.linear(PROJECTION, hidden, config.seenWidth) : hidden;
}

function causalMask(net: Net, n: number): Tensor {
  const seen = Uint8Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? 1 : 0));
  return net.graph.constant(seen, "bool", [1, 1, n, n]);
}

export type Seen = {
  /** float[1, n, width] after the norm, and after self-attention. */
  readonly normed: Tensor;
  readonly embedded: Tensor;
  /** Keys and values of every block that attends to them: float[1, heads, n, head width]. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
};

/** What the denoising steps attend to. */
export function lookBack(net: Net, config: GrootConfig, hidden: Tensor): Seen {
  const { seen, dit } = config;
  const normed = seen === null ? hidden : net.layerNorm(`${HEAD}.vlln`, hidden, EPSILON);
  const name = `${HEAD}.vl_self_attention.transformer_blocks`;
  let embedded = normed;
  for (let i = 0; i < (seen?.layers ?? 0); i++) {
    embedded = selfBlock(net, `${name}.${i}`, embedded, seen as TransformerConfig);
  }
  const part = (i: number, of: string): Tensor =>
    splitHeads(net.linear(`${ditBlock(i)}.attn1.${of}`, embedded, dit.width), dit.heads);
  const crossing = crossBlocks(config);
  return { normed, embedded, keys: crossing.map((i) => part(i, "to_k")), values: crossing.map((i) => part(i, "to_v")) };
}

function ditBlock(i: number): string {
  return `${HEAD}.model.transformer_blocks.${i}`;
}

/** Blocks that attend to vision and language: the even ones, or all. */
export function crossBlocks({ dit }: GrootConfig): number[] {
  return Array.from({ length: dit.layers }, (_, i) => i).filter((i) => !dit.interleaved || i % 2 === 0);
}

/** Pre-norm with scale and shift of its own, unlike the blocks of the head. */
function selfBlock(net: Net, name: string, x: Tensor, { heads, headWidth }: TransformerConfig): Tensor {
  const width = heads * headWidth;
  const y = net.layerNorm(`${name}.norm1`, x, EPSILON);
  const part = (of: string): Tensor => splitHeads(net.linear(`${name}.attn1.${of}`, y, width), heads);
  const seen = joinHeads(attention(part("to_q"), part("to_k"), part("to_v")));
  const attended = add(x, net.linear(`${name}.attn1.to_out.0`, seen, width));
  return add(attended, feedForward(net, name, net.layerNorm(`${name}.norm3`, attended, EPSILON)));
}

function feedForward(net: Net, name: string, x: Tensor): Tensor {
  const width = x.shape.at(-1) as number;
  return net.linear(`${name}.ff.net.2`, gelu(net.linear(`${name}.ff.net.0.proj`, x, 4 * width), "tanh"), width);
}

/**
 * What the times of all steps do to the norms.
 * @param projected float[steps, 256], see `normSinusoid`
 * @returns temb float[steps, width]; modulation float[steps, layers + 1, 2·width]: scale and shift of every block, then shift and
 * scale of the output (in this order)
 */
export function modulate(
  net: Net,
  config: GrootConfig,
  projected: Tensor,
): { readonly temb: Tensor; readonly modulation: Tensor } {
  const { width, layers } = config.dit;
  const name = `${HEAD}.model.timestep_encoder.timestep_embedder`;
  const temb = net.linear(`${name}.linear_2`, silu(net.linear(`${name}.linear_1`, projected, width)), width);
  const condition = silu(temb);
  const parts = Array.from({ length: layers }, (_, i) =>
    net.linear(`${ditBlock(i)}.norm1.linear`, condition, 2 * width),
  );
  const out = net.linear(`${HEAD}.model.proj_out_1`, condition, 2 * width);
  const steps = projected.shape[0] as number;
  return { temb, modulation: reshape(concat([...parts, out], 1), [steps, layers + 1, 2 * width]) };
}

export type StepInputs = {
  /** float[1, horizon, actionDim] */
  readonly actions: Tensor;
  /** float[1, 1, stateDim] */
  readonly state: Tensor;
  /** float[width], see `actionSinusoid`. */
  readonly tau: Tensor;
  /** float[layers + 1, 2·width]: one step's row of `modulate`. */
  readonly modulation: Tensor;
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
};

export type StepOutputs = {
  readonly state: Tensor;
  readonly actions: Tensor;
  readonly blocks: readonly Tensor[];
  /** float[1, 1 + future + horizon, actionDim]: the decoder's answer for every token. */
  readonly all: Tensor;
  /** float[1, horizon, actionDim] */
  readonly velocity: Tensor;
};

/** One evaluation of the velocity. */
export function step(net: Net, config: GrootConfig, inputs: StepInputs): StepOutputs {
  const { dit, horizon } = config;
  const state = categoryMlp(net, `${HEAD}.state_encoder`, inputs.state, [config.encoderWidth, dit.width]);
  const actions = encodeActions(net, config, inputs);
  const future = net.tensor(`${HEAD}.future_tokens.weight`, [config.futureTokens, dit.width], {
    kind: "normal",
    std: 0.5,
  });
  const positions =
    config.positions === 0
      ? null
      : net.tensor(`${HEAD}.position_embedding.weight`, [config.positions, dit.width], { kind: "normal", std: 0.3 });
  const placed = positions === null ? actions : add(actions, slice(positions, { axis: 0, end: horizon }));
  let x = concat([state, reshape(future, [1, config.futureTokens, dit.width]), placed], 1);
  const rows = split(
    inputs.modulation,
    Array.from({ length: dit.layers + 1 }, () => 1),
    0,
  );
  const crossing = crossBlocks(config);
  const blocks: Tensor[] = [];
  for (let i = 0; i < dit.layers; i++) {
    const at = crossing.indexOf(i);
    const memory = at < 0 ? null : ([inputs.keys[at], inputs.values[at]] as [Tensor, Tensor]);
    x = headBlock(net, ditBlock(i), x, config, rows[i] as Tensor, memory);
    blocks.push(x);
  }
  const [shift, scale] = halves(rows[dit.layers] as Tensor);
  const normed = add(mul(layerNorm(x, null, null, { epsilon: 1e-6 }), add(scale, 1)), shift);
  const out = net.linear(`${HEAD}.model.proj_out_2`, normed, dit.outputWidth);
  const all = categoryMlp(net, `${HEAD}.action_decoder`, out, [config.decoderWidth, config.actionDim]);
  return { state, actions, blocks, all, velocity: slice(all, { axis: 1, start: -horizon }) };
}

/** A row [1, 2·width] as two of [1, width]. */
function halves(row: Tensor): [Tensor, Tensor] {
  const width = (row.shape[1] as number) / 2;
  return split(row, [width, width], 1) as [Tensor, Tensor];
}

/** Norms without weights: the first gets scale and shift from the time, the third none. */
function headBlock(
  net: Net,
  name: string,
  x: Tensor,
  { dit }: GrootConfig,
  row: Tensor,
  memory: readonly [Tensor, Tensor] | null,
): Tensor {
  const [scale, shift] = halves(row);
  const y = add(mul(layerNorm(x, null, null, { epsilon: EPSILON }), add(scale, 1)), shift);
  const part = (of: string): Tensor => splitHeads(net.linear(`${name}.attn1.${of}`, y, dit.width), dit.heads);
  const [k, v] = memory ?? [part("to_k"), part("to_v")];
  const seen = joinHeads(attention(part("to_q"), k, v));
  const attended = add(x, net.linear(`${name}.attn1.to_out.0`, seen, dit.width));
  return add(attended, feedForward(net, name, layerNorm(attended, null, null, { epsilon: EPSILON })));
}

function encodeActions(net: Net, config: GrootConfig, { actions, tau }: StepInputs): Tensor {
  const { horizon, dit } = config;
  const name = `${HEAD}.action_encoder`;
  const embedded = category(net, `${name}.W1`, actions, dit.width);
  const times = concat(
    Array.from({ length: horizon }, () => reshape(tau, [1, 1, dit.width])),
    1,
  );
  const mixed = silu(category(net, `${name}.W2`, concat([embedded, times], 2), dit.width));
  return category(net, `${name}.W3`, mixed, dit.width);
}

function categoryMlp(net: Net, name: string, x: Tensor, [hidden, out]: readonly [number, number]): Tensor {
  return category(net, `${name}.layer2`, relu(category(net, `${name}.layer1`, x, hidden)), out);
}

/** A layer of one embodiment: x·W + b with W [in, out], one slot of what is stored for all. */
function category(net: Net, name: string, x: Tensor, width: number): Tensor {
  const inputs = x.shape.at(-1) as number;
  const weight = net.tensor(`${name}.W`, [inputs, width], { kind: "normal", std: 1 / Math.sqrt(inputs) });
  return linear(x, weight, net.tensor(`${name}.b`, [width], { kind: "zeros" }));
}

/** Tensors that are stored once for every embodiment: their parameters hold one slot. */
export const PER_EMBODIMENT = /^action_head\.(state_encoder|action_encoder|action_decoder)\..*\.[Wb]$/;
