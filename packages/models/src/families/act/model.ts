/**
 * ACT (Zhao et al. 2023, arXiv:2304.13705) as LeRobot has it: image features, state and a latent are the tokens of a transformer
 * whose decoder asks for a whole chunk of actions at once. The latent is zero when acting; when training, a second encoder reads
 * it from the actions (a variational auto-encoder).
 */
import {
  add,
  attention,
  concat,
  conv,
  expand,
  gelu,
  joinHeads,
  linear,
  not,
  relu,
  reshape,
  slice,
  split,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";
import type { Net } from "../../blocks/net.ts";
import {
  type BatchNormForm,
  placeTokens,
  resnet,
  resnetPlaces,
  resnetWidth,
  type ResnetSizes,
} from "../../blocks/resnet.ts";
import { type ActConfig, oneTokens } from "./config.ts";
import { linePositions, placePositions } from "./positions.ts";

export type ActInputs = {
  /** float[batch, 3, height, width] by camera, normalised. */
  readonly images: readonly Tensor[];
  /** float[batch, stateDim], normalised. */
  readonly state: Tensor | null;
  /** float[batch, environmentDim], normalised. */
  readonly environment: Tensor | null;
  /** float[batch, latentDim]; zeros when acting. */
  readonly latent: Tensor;
};

export type ActOutputs = {
  /** By camera: the normalised stem, the last feature map, and that in the transformer's width. */
  readonly stems: readonly Tensor[];
  readonly features: readonly Tensor[];
  readonly projected: readonly Tensor[];
  /** float[batch, tokens, width] and float[1, tokens, width]. */
  readonly tokens: Tensor;
  readonly positions: Tensor;
  /** float[batch, tokens, width] */
  readonly encoderLayers: readonly Tensor[];
  readonly encoded: Tensor;
  /** float[batch, chunk, width] */
  readonly decoded: Tensor;
  /** float[batch, chunk, actionDim], normalised. */
  readonly actions: Tensor;
};

const EPSILON = 1e-5;

/** @param batchNorms what becomes of the backbone's normalisation */
export function actModel(net: Net, config: ActConfig, inputs: ActInputs, batchNorms: BatchNormForm): ActOutputs {
  const { width, chunk } = config;
  const batch = inputs.latent.shape[0] as number;
  const eyes = look(net, config, inputs.images, batchNorms);
  const single = (x: Tensor, name: string): Tensor => reshape(net.linear(`model.${name}`, x, width), [batch, 1, width]);
  const tokens = [single(inputs.latent, "encoder_latent_input_proj")];
  if (inputs.state !== null) tokens.push(single(inputs.state, "encoder_robot_state_input_proj"));
  if (inputs.environment !== null) tokens.push(single(inputs.environment, "encoder_env_state_input_proj"));
  const all = concat([...tokens, ...eyes.projected.map(placeTokens)], 1);
  const positions = tokenPositions(net, config);
  const encoder = encode(net, "model.encoder", config, config.encoderLayers, all, { positions, mask: null });
  const asked = net.tensor("model.decoder_pos_embed.weight", [chunk, width], { kind: "normal", std: 1 });
  const decoded = decode(net, config, encoder.out, positions, reshape(asked, [1, chunk, width]));
  return {
    ...eyes,
    tokens: all,
    positions,
    encoderLayers: encoder.layers,
    encoded: encoder.out,
    decoded,
    actions: net.linear("model.action_head", decoded, config.actionDim),
  };
}

export function actResnet(config: ActConfig): ResnetSizes {
  return { names: "torchvision", kind: config.backbone, planes: config.planes, norm: "batch" };
}

type Eyes = Pick<ActOutputs, "stems" | "features" | "projected">;

/** All cameras share the backbone: those of one size go through it together. */
function look(net: Net, config: ActConfig, images: readonly Tensor[], batchNorms: BatchNormForm): Eyes {
  const together = images.length > 0 && images.every((image) => image.shape.join() === images[0]?.shape.join());
  const groups = together ? [concat(images, 0)] : images;
  const sizes = actResnet(config);
  const seen = groups.map((group) => {
    const { stem, features } = resnet(net, "model.backbone", group, sizes, batchNorms);
    const inner = resnetWidth(sizes);
    const name = "model.encoder_img_feat_input_proj";
    const weight = net.tensor(`${name}.weight`, [config.width, inner, 1, 1], {
      kind: "normal",
      std: 1 / Math.sqrt(inner),
    });
    return {
      stem,
      features,
      projected: conv(features, weight, net.tensor(`${name}.bias`, [config.width], { kind: "zeros" })),
    };
  });
  const perCamera = (pick: (part: (typeof seen)[number]) => Tensor): Tensor[] =>
    together
      ? split(
          pick(seen[0] as (typeof seen)[number]),
          images.map((image) => image.shape[0] as number),
          0,
        )
      : seen.map(pick);
  return {
    stems: perCamera((part) => part.stem),
    features: perCamera((part) => part.features),
    projected: perCamera((part) => part.projected),
  };
}

/** Learned positions of latent, state and environment, then the places of every camera: float[1, tokens, width]. */
function tokenPositions(net: Net, config: ActConfig): Tensor {
  const count = oneTokens(config);
  const learned = net.tensor("model.encoder_1d_feature_pos_embed.weight", [count, config.width], {
    kind: "normal",
    std: 1,
  });
  const places = config.cameras.map(({ height, width }) => {
    const [rows, columns] = resnetPlaces(height, width);
    const values = placePositions(rows, columns, config.width);
    return net.graph.constant(values, "float32", [1, rows * columns, config.width]);
  });
  return concat([reshape(learned, [1, count, config.width]), ...places], 1);
}

type Attended = { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor; readonly mask: Tensor | null };

/** PyTorch's MultiheadAttention: one matrix holds the projections of queries, keys and values below one another. */
function multihead(net: Net, name: string, heads: number, { q, k, v, mask }: Attended): Tensor {
  const width = q.shape[2] as number;
  const matrix = net.matrix(`${name}.in_proj_weight`, 3 * width, width);
  const bias = net.tensor(`${name}.in_proj_bias`, [3 * width], { kind: "zeros" });
  const project = (x: Tensor, start: number, end: number): Tensor => {
    const rows = { axis: 0, start: start * width, end: end * width };
    return linear(x, slice(matrix, rows), slice(bias, rows), { transposed: true });
  };
  // Queries and keys of self-attention come from one product.
  const pair = q === k ? split(project(q, 0, 2), [width, width], 2) : [project(q, 0, 1), project(k, 1, 2)];
  const [queries, keys] = pair.map((x) => splitHeads(x, heads)) as [Tensor, Tensor];
  const seen = attention(queries, keys, splitHeads(project(v, 2, 3), heads), { mask });
  return net.linear(`${name}.out_proj`, joinHeads(seen), width);
}

function feedForward(net: Net, name: string, x: Tensor, config: ActConfig): Tensor {
  const up = net.linear(`${name}.linear1`, x, config.feedforward);
  return net.linear(`${name}.linear2`, config.activation === "relu" ? relu(up) : gelu(up, "erf"), config.width);
}

/** A sub-layer with its shortcut: normalised before (pre-norm) or after. */
function residual(net: Net, norm: string, x: Tensor, config: ActConfig, sublayer: (y: Tensor) => Tensor): Tensor {
  return config.preNorm
    ? add(x, sublayer(net.layerNorm(norm, x, EPSILON)))
    : net.layerNorm(norm, add(x, sublayer(x)), EPSILON);
}

type Encoded = { readonly layers: readonly Tensor[]; readonly out: Tensor };
type Places = { readonly positions: Tensor; readonly mask: Tensor | null };

/** Positions go to queries and keys, never to values. */
function encode(net: Net, name: string, config: ActConfig, count: number, tokens: Tensor, places: Places): Encoded {
  const layers: Tensor[] = [];
  let x = tokens;
  for (let i = 0; i < count; i++) {
    const layer = `${name}.layers.${i}`;
    x = residual(net, `${layer}.norm1`, x, config, (y) => {
      const placed = add(y, places.positions);
      return multihead(net, `${layer}.self_attn`, config.heads, { q: placed, k: placed, v: y, mask: places.mask });
    });
    x = residual(net, `${layer}.norm2`, x, config, (y) => feedForward(net, layer, y, config));
    layers.push(x);
  }
  return { layers, out: config.preNorm ? net.layerNorm(`${name}.norm`, x, EPSILON) : x };
}

/** The content begins as zeros: what is asked for stands in the queries' learned positions. */
function decode(net: Net, config: ActConfig, memory: Tensor, memoryPositions: Tensor, queries: Tensor): Tensor {
  const batch = memory.shape[0] as number;
  const keys = add(memory, memoryPositions);
  let x = expand(net.graph.constant(0), [batch, config.chunk, config.width]);
  for (let i = 0; i < config.decoderLayers; i++) {
    const layer = `model.decoder.layers.${i}`;
    x = residual(net, `${layer}.norm1`, x, config, (y) => {
      const placed = add(y, queries);
      return multihead(net, `${layer}.self_attn`, config.heads, { q: placed, k: placed, v: y, mask: null });
    });
    x = residual(net, `${layer}.norm2`, x, config, (y) => {
      const attended = { q: add(y, queries), k: keys, v: memory, mask: null };
      return multihead(net, `${layer}.multihead_attn`, config.heads, attended);
    });
    x = residual(net, `${layer}.norm3`, x, config, (y) => feedForward(net, layer, y, config));
  }
  return net.layerNorm("model.decoder.norm", x, EPSILON);
}

export type ActLatent = { readonly mu: Tensor; readonly logVariance: Tensor };

/**
 * The VAE encoder: what the latent's distribution is for these actions.
 * @param actions float[batch, chunk, actionDim], normalised
 * @param isPad bool[batch, chunk]: steps behind the episode's end
 */
export function actLatent(
  net: Net,
  config: ActConfig,
  state: Tensor | null,
  actions: Tensor,
  isPad: Tensor,
): ActLatent {
  const { width, latentDim } = config;
  const batch = actions.shape[0] as number;
  const cls = net.tensor("model.vae_encoder_cls_embed.weight", [1, width], { kind: "normal", std: 1 });
  const robot = state === null ? [] : [net.linear("model.vae_encoder_robot_state_input_proj", state, width)];
  const tokens = concat(
    [
      expand(reshape(cls, [1, 1, width]), [batch, 1, width]),
      ...robot.map((token) => reshape(token, [batch, 1, width])),
      net.linear("model.vae_encoder_action_input_proj", actions, width),
    ],
    1,
  );
  const count = tokens.shape[1] as number;
  // Stored as a buffer, though it is always the same.
  const values = linePositions(count, width);
  const positions = net.tensor("model.vae_encoder_pos_enc", [1, count, width], { kind: "values", values });
  const mask = keysWithoutPadding(isPad, count - config.chunk);
  const { out } = encode(net, "model.vae_encoder", config, config.vaeLayers, tokens, { positions, mask });
  const first = reshape(slice(out, { axis: 1, end: 1 }), [batch, width]);
  const parameters = net.linear("model.vae_encoder_latent_output_proj", first, 2 * latentDim);
  const [mu, logVariance] = split(parameters, [latentDim, latentDim], 1) as [Tensor, Tensor];
  return { mu, logVariance };
}

/** bool[batch, 1, 1, before + chunk]: true where a key may be seen. */
function keysWithoutPadding(isPad: Tensor, before: number): Tensor {
  const [batch, chunk] = isPad.shape as unknown as readonly [number, number];
  const front = isPad.graph.constant(new Uint8Array(batch * before).fill(1), "bool", [batch, before]);
  return reshape(concat([front, not(isPad)], 1), [batch, 1, 1, before + chunk]);
}
