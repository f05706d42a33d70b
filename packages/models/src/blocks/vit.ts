/**
 * The vision transformer of timm (Dosovitskiy et al. 2021, arXiv:2010.11929), in the two forms that OpenVLA fuses: DINOv2 with
 * registers and layer scale (Oquab et al. 2023, arXiv:2304.07193; Darcet et al. 2024, arXiv:2309.16588), and SigLIP. Unlike the
 * same SigLIP in PaliGemma, GELU has its erf form here. Tensors have timm's names; queries, keys and values are one matrix.
 */
import { BiddenError } from "@bidden/runtime";
import { add, concat, conv, expand, gelu, mul, reshape, slice, split, type Tensor, transpose } from "@bidden/tensor";
import { countLayers, type Net, type ShapeOf } from "./net.ts";

export type VitConfig = {
  readonly width: number;
  readonly heads: number;
  /** Blocks that the checkpoint holds. */
  readonly depth: number;
  readonly mlpWidth: number;
  /** Pixels along the side of a patch. */
  readonly patch: number;
  /** Patches along the side of the image. */
  readonly side: number;
  /** Tokens before the patches that have no position: a class token, and registers. */
  readonly classToken: boolean;
  readonly registers: number;
  /** Whether what attention and MLP add is scaled per feature. */
  readonly layerScale: boolean;
};

/** Changes the residual stream of block `index` between attention and MLP: where FiLM stands. */
export type BetweenHalves = (x: Tensor, index: number) => Tensor;

/** timm's layer norms. */
const EPSILON = 1e-6;

/**
 * The sizes of a tower, from its tensors. The number of heads cannot be seen in them.
 * @param name such as "vision_backbone.featurizer"
 */
export function vitConfig(names: ReadonlySet<string>, shapeOf: ShapeOf, name: string, heads: number): VitConfig {
  const [width, , patch] = shapeOf(`${name}.patch_embed.proj.weight`) as readonly [number, number, number];
  const [, places] = shapeOf(`${name}.pos_embed`) as readonly [number, number];
  const side = Math.round(Math.sqrt(places));
  const registers = names.has(`${name}.reg_token`) ? (shapeOf(`${name}.reg_token`)[1] as number) : 0;
  if (side * side !== places || width % heads !== 0) {
    throw new BiddenError(
      "bad-checkpoint",
      `${name}: expected positions of a square of patches and a width that ${heads} heads divide; came ${places} positions and width ${width}.`,
      { name, places, width, heads },
    );
  }
  return {
    width,
    heads,
    depth: countLayers(names, `${name}.blocks`, "attn.qkv.weight"),
    mlpWidth: shapeOf(`${name}.blocks.0.mlp.fc1.weight`)[0] as number,
    patch,
    side,
    classToken: names.has(`${name}.cls_token`),
    registers,
    layerScale: names.has(`${name}.blocks.0.ls1.scale_factor`),
  };
}

/**
 * What block `depth - 2` puts out for every patch, without a last norm (timm's `get_intermediate_layers(n={depth - 2})`).
 * @param pixels float32[images, 3, side·patch, side·patch]
 * @returns float32[images, side², width], patches row by row
 */
export function vitFeatures(
  net: Net,
  name: string,
  pixels: Tensor,
  config: VitConfig,
  between: BetweenHalves = (x) => x,
): Tensor {
  const { depth, side, classToken, registers } = config;
  let x = embed(net, name, pixels, config);
  for (let i = 0; i < depth - 1; i++) x = block(net, `${name}.blocks.${i}`, x, config, (y) => between(y, i));
  const first = registers + (classToken ? 1 : 0);
  return first === 0 ? x : slice(x, { axis: 1, start: first, end: first + side * side });
}

/** Patches with their positions, then class token and registers before them: those have no position. */
function embed(net: Net, name: string, pixels: Tensor, config: VitConfig): Tensor {
  const { width, patch, side, classToken, registers } = config;
  const [images] = pixels.shape as readonly [number];
  const std = 1 / Math.sqrt(3 * patch * patch);
  const kernel = net.tensor(`${name}.patch_embed.proj.weight`, [width, 3, patch, patch], { kind: "normal", std });
  const bias = net.tensor(`${name}.patch_embed.proj.bias`, [width], { kind: "zeros" });
  const patches = reshape(conv(pixels, kernel, bias, { stride: patch }), [images, width, side * side]);
  const places = net.tensor(`${name}.pos_embed`, [1, side * side, width], { kind: "normal", std: 0.02 });
  const learned = (token: string, count: number): Tensor =>
    expand(net.tensor(`${name}.${token}`, [1, count, width], { kind: "normal", std: 0.02 }), [images, count, width]);
  const before = [
    ...(classToken ? [learned("cls_token", 1)] : []),
    ...(registers > 0 ? [learned("reg_token", registers)] : []),
  ];
  const placed = add(transpose(patches, [0, 2, 1]), places);
  return before.length === 0 ? placed : concat([...before, placed], 1);
}

function block(net: Net, name: string, x: Tensor, config: VitConfig, between: (x: Tensor) => Tensor): Tensor {
  const { width, heads, mlpWidth, layerScale } = config;
  const scaled = (y: Tensor, half: string): Tensor =>
    layerScale ? mul(y, net.tensor(`${name}.${half}.scale_factor`, [width], { kind: "ones" })) : y;
  const qkv = net.linear(`${name}.attn.qkv`, net.layerNorm(`${name}.norm1`, x, EPSILON), 3 * width);
  const [q, k, v] = split(qkv, [width, width, width], -1) as [Tensor, Tensor, Tensor];
  const seen = net.linear(`${name}.attn.proj`, net.attend(q, k, v, heads), width);
  const middle = between(add(x, scaled(seen, "ls1")));
  const hidden = net.linear(`${name}.mlp.fc1`, net.layerNorm(`${name}.norm2`, middle, EPSILON), mlpWidth);
  return add(middle, scaled(net.linear(`${name}.mlp.fc2`, gelu(hidden, "erf"), width), "ls2"));
}
