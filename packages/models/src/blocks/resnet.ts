/**
 * ResNet (He et al. 2015, arXiv:1512.03385) as torchvision has it, up to the last feature map: stem, four stages of basic or
 * bottleneck blocks.
 */
import { BiddenError } from "@bidden/runtime";
import {
  add,
  batchNorm,
  conv,
  groupNorm,
  maxPool,
  mul,
  relu,
  reshape,
  type Shape,
  sizeOf,
  type Tensor,
  transpose,
} from "@bidden/tensor";
import type { Recipe } from "../checkpoint/weights.ts";
import type { Net, ShapeOf } from "./net.ts";

/** torchvision's eps of BatchNorm2d, FrozenBatchNorm2d and GroupNorm. */
const EPSILON = 1e-5;

/** Where the parts lie: by torchvision's names, or numbered as the children of a Sequential. */
export type ResnetNames = "torchvision" | "sequential";

type Parts = { readonly stem: string; readonly stemNorm: string; readonly stage: (index: number) => string };

const parts: Readonly<Record<ResnetNames, Parts>> = {
  torchvision: { stem: "conv1", stemNorm: "bn1", stage: (index) => `layer${index + 1}` },
  sequential: { stem: "0", stemNorm: "1", stage: (index) => `${index + 4}` },
};

/** Blocks in each stage, and whether they are bottlenecks, by torchvision's name. */
const depths: Readonly<Record<string, { readonly blocks: readonly number[]; readonly bottleneck: boolean }>> = {
  resnet18: { blocks: [2, 2, 2, 2], bottleneck: false },
  resnet34: { blocks: [3, 4, 6, 3], bottleneck: false },
  resnet50: { blocks: [3, 4, 6, 3], bottleneck: true },
  resnet101: { blocks: [3, 4, 23, 3], bottleneck: true },
  resnet152: { blocks: [3, 8, 36, 3], bottleneck: true },
};

export type ResnetSizes = {
  readonly names: ResnetNames;
  /** torchvision's name, such as "resnet18". */
  readonly kind: string;
  /** Channels of the four stages' 3x3 convolutions; published: 64, 128, 256, 512. */
  readonly planes: readonly number[];
  readonly norm: "batch" | "group";
};

export const PUBLISHED_PLANES = [64, 128, 256, 512] as const;

/** The stages' channels, which configurations only imply: read from the tensors of the backbone at `name`. */
export function resnetPlanes(shapeOf: ShapeOf, name: string, names: ResnetNames): number[] {
  return PUBLISHED_PLANES.map(
    (_, stage) => shapeOf(`${name}.${parts[names].stage(stage)}.0.conv1.weight`)[0] as number,
  );
}

export function isResnet(kind: string): boolean {
  return Object.hasOwn(depths, kind);
}

function depthOf(kind: string): { readonly blocks: readonly number[]; readonly bottleneck: boolean } {
  const depth = depths[kind];
  if (depth !== undefined) return depth;
  throw new BiddenError("unsupported", `There is no backbone "${kind}"; there are ${Object.keys(depths).join(", ")}.`, {
    kind,
  });
}

/** Channels of the last feature map. */
export function resnetWidth({ kind, planes }: ResnetSizes): number {
  return (planes[3] as number) * (depthOf(kind).bottleneck ? 4 : 1);
}

/** Height and width of the features of an image: stem, pool and three stages halve, rounding up. */
export function resnetPlaces(height: number, width: number): readonly [number, number] {
  const down = (length: number): number => {
    let halved = length;
    for (let i = 0; i < 5; i++) halved = Math.ceil(halved / 2);
    return halved;
  };
  return [down(height), down(width)];
}

/**
 * What becomes of batch normalisation with fixed statistics. "folded" into the convolutions' weights it is free, and rounds
 * weights anew; "apart" it is one scale and shift, and rounds as PyTorch does; "trained" it keeps its own parameters.
 */
export type BatchNormForm = {
  readonly form: "folded" | "apart" | "trained";
  /** Receives how the parameters that are not stored are computed. */
  readonly recipes: Map<string, Recipe>;
};

export type ResnetOutputs = { readonly stem: Tensor; readonly features: Tensor };

/**
 * @param images float[n, 3, height, width]
 * @returns the normalised stem float[n, c, height/2, width/2] (before its ReLU), and the features float[n, c, height/32, width/32]
 */
export function resnet(
  net: Net,
  name: string,
  images: Tensor,
  sizes: ResnetSizes,
  batchNorms: BatchNormForm,
): ResnetOutputs {
  const names = parts[sizes.names];
  const depth = depthOf(sizes.kind);
  const at = { net, norm: sizes.norm, batchNorms };
  const width = sizes.planes[0] as number;
  const stem = convNorm(at, name, names.stem, names.stemNorm, images, [width, 3, 7, 7], 2);
  let x = maxPool(relu(stem), 3, { stride: 2, padding: 1 });
  depth.blocks.forEach((count, stage) => {
    const planes = sizes.planes[stage] as number;
    for (let i = 0; i < count; i++) {
      const stride = stage > 0 && i === 0 ? 2 : 1;
      x = block(at, `${name}.${names.stage(stage)}.${i}`, x, { planes, stride, bottleneck: depth.bottleneck });
    }
  });
  return { stem, features: x };
}

type At = {
  readonly net: Net;
  readonly norm: ResnetSizes["norm"];
  readonly batchNorms: BatchNormForm;
};

type BlockSizes = { readonly planes: number; readonly stride: number; readonly bottleneck: boolean };

/** Two 3x3 convolutions, or 1x1, 3x3 and 1x1, beside a shortcut. */
function block(at: At, name: string, x: Tensor, { planes, stride, bottleneck }: BlockSizes): Tensor {
  const inner = x.shape[1] as number;
  const outer = bottleneck ? 4 * planes : planes;
  const layer = (i: number, y: Tensor, shape: Shape, step: number): Tensor =>
    convNorm(at, name, `conv${i}`, `bn${i}`, y, shape, step);
  const shortcut =
    stride === 1 && inner === outer ? x : convNorm(at, `${name}.downsample`, "0", "1", x, [outer, inner, 1, 1], stride);
  if (!bottleneck) {
    const first = relu(layer(1, x, [planes, inner, 3, 3], stride));
    return relu(add(layer(2, first, [planes, planes, 3, 3], 1), shortcut));
  }
  const first = relu(layer(1, x, [planes, inner, 1, 1], 1));
  const second = relu(layer(2, first, [planes, planes, 3, 3], stride));
  return relu(add(layer(3, second, [outer, planes, 1, 1], 1), shortcut));
}

/** A convolution without bias and its normalisation. */
function convNorm(
  at: At,
  name: string,
  convolution: string,
  norm: string,
  x: Tensor,
  shape: Shape,
  stride: number,
): Tensor {
  const { net, batchNorms } = at;
  const { form, recipes } = batchNorms;
  const [outer, , kernel] = shape as readonly [number, number, number];
  const window = { stride, padding: (kernel - 1) / 2 };
  const weight = `${name}.${convolution}.weight`;
  const init = { kind: "normal", std: Math.sqrt(2 / sizeOf(shape.slice(1))) } as const;
  const of = (part: string): string => `${name}.${norm}.${part}`;
  const statistics = [of("weight"), of("bias"), of("running_mean"), of("running_var")];
  const derived = (id: string, from: readonly string[], compute: Recipe["compute"], derivedShape: Shape): Tensor => {
    const derivedName = `${from[0]} ${id}`;
    const shapes = from.map((part) => (part === weight ? shape : [outer]));
    recipes.set(derivedName, { id: `batch-norm ${id}`, from, shapes, compute });
    return net.tensor(derivedName, derivedShape, { kind: "zeros" });
  };
  if (at.norm === "batch" && form === "folded") {
    const w = derived(
      "folded",
      [weight, ...statistics],
      ([kernel, ...norm]) => foldWeight(kernel as Float32Array, norm),
      shape,
    );
    return conv(x, w, derived("shift", statistics, foldBias, [outer]), window);
  }
  const y = conv(x, net.tensor(weight, shape, init), null, window);
  if (at.norm === "batch" && form === "apart") {
    const perChannel = [outer, 1, 1];
    const slope = derived("slope", statistics, (norm) => Float32Array.from(slopesOf(norm)), perChannel);
    // The slope on the left: on the right, the engine would fold it into the weights.
    return add(mul(slope, y), derived("shift", statistics, roundedShift, perChannel));
  }
  const scale = net.tensor(of("weight"), [outer], { kind: "ones" });
  const shift = net.tensor(of("bias"), [outer], { kind: "zeros" });
  // Diffusion Policy's replacement: groups of 16 channels.
  if (at.norm === "group") return groupNorm(y, Math.floor(outer / 16), scale, shift, { epsilon: EPSILON });
  const fixed = {
    mean: net.tensor(of("running_mean"), [outer], { kind: "zeros" }),
    variance: net.tensor(of("running_var"), [outer], { kind: "ones" }),
  };
  return batchNorm(y, scale, shift, fixed, { epsilon: EPSILON });
}

type Norm = readonly Float32Array[];

/** What every channel is multiplied by. */
function scaleOf([scale, , , variance]: Norm): Float64Array {
  return Float64Array.from(
    scale as Float32Array,
    (w, i) => w / Math.sqrt(((variance as Float32Array)[i] as number) + EPSILON),
  );
}

/** The same, rounded operation by operation as PyTorch does. */
function slopesOf([scale, , , variance]: Norm): number[] {
  const { fround: f32, sqrt } = Math;
  return Array.from(scale as Float32Array, (w, i) => {
    return f32(w * f32(1 / f32(sqrt(f32(((variance as Float32Array)[i] as number) + f32(EPSILON))))));
  });
}

function roundedShift(norm: Norm): Float32Array {
  const slopes = slopesOf(norm);
  const [, shift, mean] = norm as readonly [Float32Array, Float32Array, Float32Array];
  return shift.map((b, i) => b - Math.fround((mean[i] as number) * (slopes[i] as number)));
}

function foldWeight(weight: Float32Array, norm: Norm): Float32Array {
  const scale = scaleOf(norm);
  const perChannel = weight.length / scale.length;
  return weight.map((w, i) => w * (scale[Math.floor(i / perChannel)] as number));
}

function foldBias(norm: Norm): Float32Array {
  const scale = scaleOf(norm);
  const [, shift, mean] = norm as readonly [Float32Array, Float32Array, Float32Array];
  return shift.map((b, i) => b - (mean[i] as number) * (scale[i] as number));
}

/** float[b, c, h, w] to float[b, h·w, c]: places as tokens, row by row. */
export function placeTokens(features: Tensor): Tensor {
  const [batch, channels] = features.shape as unknown as readonly [number, number];
  return transpose(reshape(features, [batch, channels, -1]), [0, 2, 1]);
}
