/**
 * SigLIP's vision transformer (Zhai et al. 2023, arXiv:2303.15343) as PaliGemma and SmolVLM use it: no class token, no
 * pooling, pre-norm blocks, GELU in its tanh form (the erf form moves the result by 6e-5), layer norms with epsilon 1e-6.
 */
import { add, conv, gather, gelu, reshape, type Tensor, transpose } from "@bidden/tensor";
import { BiddenError } from "@bidden/runtime";
import { countLayers, type Net, type ShapeOf } from "./net.ts";

export type SiglipConfig = {
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
  readonly mlpWidth: number;
  /** Pixels along the side of a patch. */
  readonly patch: number;
  /** Patches along the side of the image that the position table was made for. */
  readonly side: number;
  readonly epsilon: number;
};

/**
 * The sizes of a tower, from its tensors. The number of heads cannot be seen in them.
 * @param name such as "model.vision_tower.vision_model"
 */
export function siglipConfig(
  names: Iterable<string>,
  shapeOf: ShapeOf,
  name: string,
  facts: { readonly heads: number; readonly epsilon?: number },
): SiglipConfig {
  const [width, , patch] = shapeOf(`${name}.embeddings.patch_embedding.weight`) as readonly [number, number, number];
  const places = shapeOf(`${name}.embeddings.position_embedding.weight`)[0] as number;
  const side = Math.round(Math.sqrt(places));
  const wrong = width % facts.heads !== 0 ? `a width that ${facts.heads} heads divide; came ${width}` : null;
  if (wrong !== null || side * side !== places) {
    throw new BiddenError(
      "bad-checkpoint",
      `${name}: expected ${wrong ?? `a position table for a square of patches; came ${places} places`}.`,
      { name, width, heads: facts.heads, places },
    );
  }
  return {
    width,
    heads: facts.heads,
    layers: countLayers(names, `${name}.encoder.layers`, "mlp.fc1.weight"),
    mlpWidth: shapeOf(`${name}.encoder.layers.0.mlp.fc1.weight`)[0] as number,
    patch,
    side,
    epsilon: facts.epsilon ?? 1e-6,
  };
}

/**
 * @param name of the tower's tensors, such as "model.vision_tower.vision_model"
 * @param pixels float32[images, 3, height, width] in [-1, 1]; other sizes than the table's spread its places evenly, as
 * SmolVLM does
 * @returns float32[images, patches, width], patches row by row
 */
export function siglip(net: Net, name: string, pixels: Tensor, config: SiglipConfig): Tensor {
  const { width, layers, patch, side, epsilon } = config;
  const [images, , high, wide] = pixels.shape as unknown as readonly [number, number, number, number];
  const std = 1 / Math.sqrt(3 * patch * patch);
  const kernel = net.tensor(`${name}.embeddings.patch_embedding.weight`, [width, 3, patch, patch], {
    kind: "normal",
    std,
  });
  const bias = net.tensor(`${name}.embeddings.patch_embedding.bias`, [width], { kind: "zeros" });
  const table = net.tensor(`${name}.embeddings.position_embedding.weight`, [side * side, width], {
    kind: "normal",
    std: 1 / Math.sqrt(width),
  });
  const [rows, columns] = [Math.floor(high / patch), Math.floor(wide / patch)];
  const patches = conv(pixels, kernel, bias, { stride: patch });
  const tokens = transpose(reshape(patches, [images, width, rows * columns]), [0, 2, 1]);
  let x = add(tokens, placed(table, rows, columns, side));
  for (let l = 0; l < layers; l++) x = block(net, `${name}.encoder.layers.${l}`, x, config);
  return net.layerNorm(`${name}.post_layernorm`, x, epsilon);
}

/** Rows of the position table for an image of `rows` by `columns` patches. */
function placed(table: Tensor, rows: number, columns: number, side: number): Tensor {
  if (rows === side && columns === side) return table;
  const places = Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor((Math.floor(i / columns) * side) / rows);
    return row * side + Math.floor(((i % columns) * side) / columns);
  });
  return gather(table, table.graph.constant(places, "int64"));
}

function block(net: Net, name: string, x: Tensor, config: SiglipConfig): Tensor {
  const { width, heads, mlpWidth, epsilon } = config;
  const normed = net.layerNorm(`${name}.layer_norm1`, x, epsilon);
  const parts = ["q_proj", "k_proj", "v_proj"].map((part) => `${name}.self_attn.${part}`);
  const [q, k, v] = net.linears(parts, normed, width) as [Tensor, Tensor, Tensor];
  const seen = add(x, net.linear(`${name}.self_attn.out_proj`, net.attend(q, k, v, heads), width));
  const up = net.linear(`${name}.mlp.fc1`, net.layerNorm(`${name}.layer_norm2`, seen, epsilon), mlpWidth);
  return add(seen, net.linear(`${name}.mlp.fc2`, gelu(up, "tanh"), width));
}
