/**
 * Diffusion Policy (Chi et al. 2023, arXiv:2303.04137) as LeRobot has it: images become keypoints, observations the condition of
 * a one-dimensional U-Net over time, which denoises a chunk of actions.
 */
import {
  add,
  concat,
  conv,
  convTranspose,
  interpolate,
  matmul,
  mean,
  mish,
  mul,
  relu,
  reshape,
  rsqrt,
  slice,
  softmax,
  split,
  square,
  stack,
  sub,
  type Tensor,
  transpose,
  unsqueeze,
} from "@bidden/tensor";
import type { Net } from "../../blocks/net.ts";
import { type BatchNormForm, resnet, resnetWidth, type ResnetSizes } from "../../blocks/resnet.ts";
import type { DiffusionConfig } from "./config.ts";

export function diffusionResnet(config: DiffusionConfig): ResnetSizes {
  const { backbone: kind, planes, groupNorm: grouped } = config;
  return { names: "sequential", kind, planes, norm: grouped ? "group" : "batch" };
}

/** What one image encoder computes of its images. */
export type Encoded = {
  readonly cropped: Tensor;
  readonly features: Tensor;
  /** float[n, keypoints, 2] in -1..1: column, row. */
  readonly pool: Tensor;
  /** float[n, 2·keypoints], before and after ReLU. */
  readonly linear: Tensor;
  readonly out: Tensor;
};

export type FrameInputs = {
  /** float[frames, 3, height, width] by camera, normalised. */
  readonly images: readonly Tensor[];
  readonly state: Tensor;
  readonly environment: Tensor | null;
};

/**
 * Observations, each to the numbers that condition the network.
 * @returns float[frames, state + cameras·2·keypoints + environment], and the encoders' values
 */
export function encodeFrames(
  net: Net,
  config: DiffusionConfig,
  inputs: FrameInputs,
  batchNorms: BatchNormForm,
): { readonly condition: Tensor; readonly encoders: readonly Encoded[] } {
  const { images, state, environment } = inputs;
  const name = "diffusion.rgb_encoder";
  const encoders =
    images.length === 0
      ? []
      : config.encoderPerCamera
        ? images.map((image, i) => encodeImages(net, `${name}.${i}`, image, config, batchNorms))
        : // One encoder sees the cameras of a frame one after another.
          [
            encodeImages(
              net,
              name,
              reshape(stack(images, 1), [-1, ...(images[0] as Tensor).shape.slice(1)]),
              config,
              batchNorms,
            ),
          ];
  const frames = state.shape[0] as number;
  const features = encoders.map(({ out }) => reshape(out, [frames, -1]));
  return { condition: concat([state, ...features, ...(environment === null ? [] : [environment])], 1), encoders };
}

function encodeImages(
  net: Net,
  name: string,
  images: Tensor,
  config: DiffusionConfig,
  batchNorms: BatchNormForm,
): Encoded {
  const resized = config.resize === null ? images : interpolate(images, config.resize, { antialias: true });
  const cropped = config.crop === null ? resized : centreCrop(resized, config.crop);
  const sizes = diffusionResnet(config);
  const { features } = resnet(net, `${name}.backbone`, cropped, sizes, batchNorms);
  const inner = resnetWidth(sizes);
  const init = { kind: "normal", std: 1 / Math.sqrt(inner) } as const;
  const kernel = net.tensor(`${name}.pool.nets.weight`, [config.keypoints, inner, 1, 1], init);
  const maps = conv(features, kernel, net.tensor(`${name}.pool.nets.bias`, [config.keypoints], { kind: "zeros" }));
  const [n, points, rows, columns] = maps.shape as unknown as readonly [number, number, number, number];
  const places = net.tensor(`${name}.pool.pos_grid`, [rows * columns, 2], {
    kind: "values",
    values: placeGrid(rows, columns),
  });
  // Spatial softmax (Finn et al. 2016, arXiv:1509.06113): the mean place of each map.
  const pool = matmul(softmax(reshape(maps, [n, points, rows * columns]), -1), places);
  const linear = net.linear(`${name}.out`, reshape(pool, [n, 2 * points]), 2 * points);
  return { cropped, features, pool, linear, out: relu(linear) };
}

/** float32[rows·columns, 2]: column and row of every place, -1 to 1. */
export function placeGrid(rows: number, columns: number): Float32Array {
  const at = (i: number, count: number): number => (count === 1 ? -1 : -1 + (2 * i) / (count - 1));
  return Float32Array.from({ length: rows * columns * 2 }, (_, i) => {
    const place = Math.floor(i / 2);
    return i % 2 === 0 ? at(place % columns, columns) : at(Math.floor(place / columns), rows);
  });
}

function centreCrop(images: Tensor, [height, width]: readonly [number, number]): Tensor {
  const from = (length: number, kept: number): number => roundHalfEven((length - kept) / 2);
  const top = from(images.shape[2] as number, height);
  const left = from(images.shape[3] as number, width);
  return slice(images, { axis: 2, start: top, end: top + height }, { axis: 3, start: left, end: left + width });
}

/** Python's `round`: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export type UnetInputs = {
  /** float[batch, horizon, actionDim] */
  readonly x: Tensor;
  /** float[batch, stepWidth]: sinusoids of the time (`stepSinusoid`). */
  readonly step: Tensor;
  /** float[batch, observations·frame width] */
  readonly condition: Tensor;
};

export type UnetOutputs = {
  readonly output: Tensor;
  readonly stepEncoder: Tensor;
  /** Values of parts by LeRobot's module names: "down0.0", "mid1", "up0.2", ... */
  readonly parts: ReadonlyMap<string, Tensor>;
};

const UNET = "diffusion.unet";
const EPSILON = 1e-5;

export function unet(net: Net, config: DiffusionConfig, inputs: UnetInputs): UnetOutputs {
  const { downDims, stepWidth } = config;
  const hidden = mish(net.linear(`${UNET}.diffusion_step_encoder.1`, inputs.step, 4 * stepWidth));
  const stepEncoder = net.linear(`${UNET}.diffusion_step_encoder.3`, hidden, stepWidth);
  const condition = mish(concat([stepEncoder, inputs.condition], 1));
  const parts = new Map<string, Tensor>();
  const keep = (part: string, y: Tensor): Tensor => {
    parts.set(part, y);
    return y;
  };
  const residual = (name: string, x: Tensor, width: number): Tensor =>
    residualBlock(net, `${UNET}.${name}`, x, condition, width, config);
  let x = transpose(inputs.x, [0, 2, 1]);
  const skips: Tensor[] = [];
  downDims.forEach((width, i) => {
    x = keep(`down${i}.0`, residual(`down_modules.${i}.0`, x, width));
    x = keep(`down${i}.1`, residual(`down_modules.${i}.1`, x, width));
    skips.push(x);
    if (i === downDims.length - 1) return;
    const [kernel, bias] = convolution(net, `${UNET}.down_modules.${i}.2`, [width, width, 3]);
    x = keep(`down${i}.2`, conv(x, kernel, bias, { stride: 2, padding: 1 }));
  });
  const deepest = downDims.at(-1) as number;
  for (const i of [0, 1]) x = keep(`mid${i}`, residual(`mid_modules.${i}`, x, deepest));
  downDims
    .slice(0, -1)
    .toReversed()
    .forEach((width, i) => {
      x = concat([x, skips.pop() as Tensor], 1);
      x = keep(`up${i}.0`, residual(`up_modules.${i}.0`, x, width));
      x = keep(`up${i}.1`, residual(`up_modules.${i}.1`, x, width));
      const [kernel, bias] = convolution(net, `${UNET}.up_modules.${i}.2`, [width, width, 4]);
      x = keep(`up${i}.2`, convTranspose(x, kernel, bias, { stride: 2, padding: 1 }));
    });
  const first = downDims[0] as number;
  x = convBlock(net, `${UNET}.final_conv.0`, x, first, config);
  const [kernel, bias] = convolution(net, `${UNET}.final_conv.1`, [config.actionDim, first, 1]);
  return { output: transpose(conv(x, kernel, bias), [0, 2, 1]), stepEncoder, parts };
}

type Kernel = readonly [out: number, inner: number, width: number];

function convolution(net: Net, name: string, shape: Kernel): [Tensor, Tensor] {
  const init = { kind: "normal", std: 1 / Math.sqrt(shape[1] * shape[2]) } as const;
  return [net.tensor(`${name}.weight`, shape, init), net.tensor(`${name}.bias`, [shape[0]], { kind: "zeros" })];
}

/** Convolution over time, group normalisation, Mish. */
function convBlock(net: Net, name: string, x: Tensor, width: number, { kernel, groups }: DiffusionConfig): Tensor {
  const [weight, bias] = convolution(net, `${name}.block.0`, [width, x.shape[1] as number, kernel]);
  const scale = net.tensor(`${name}.block.1.weight`, [width], { kind: "ones" });
  const shift = net.tensor(`${name}.block.1.bias`, [width], { kind: "zeros" });
  const y = conv(x, weight, bias, { padding: (kernel - 1) / 2 });
  return mish(groupedNorm(y, groups, scale, shift));
}

/**
 * Group normalisation whose variance is taken of centred values. The engine's own takes E[x²] - E[x]², which costs digits that
 * ten to a hundred denoising steps make more of.
 */
function groupedNorm(x: Tensor, groups: number, scale: Tensor, shift: Tensor): Tensor {
  const [n, channels] = x.shape as unknown as readonly [number, number];
  const grouped = reshape(x, [n, groups, -1]);
  const centred = sub(grouped, mean(grouped, 2, { keepDims: true }));
  const unit = mul(centred, rsqrt(add(mean(square(centred), 2, { keepDims: true }), EPSILON)));
  return add(mul(reshape(unit, x.shape), reshape(scale, [channels, 1])), reshape(shift, [channels, 1]));
}

/** Two such blocks with the condition between them (FiLM, Perez et al. 2018): scale·x + shift, not (1 + scale)·x. */
function residualBlock(
  net: Net,
  name: string,
  x: Tensor,
  condition: Tensor,
  width: number,
  config: DiffusionConfig,
): Tensor {
  const inner = x.shape[1] as number;
  const film = unsqueeze(net.linear(`${name}.cond_encoder.1`, condition, config.filmScale ? 2 * width : width), 2);
  const first = convBlock(net, `${name}.conv1`, x, width, config);
  const [scale, shift] = config.filmScale ? (split(film, [width, width], 1) as [Tensor, Tensor]) : [null, film];
  const modulated = add(scale === null ? first : mul(scale, first), shift);
  const second = convBlock(net, `${name}.conv2`, modulated, width, config);
  return add(second, inner === width ? x : conv(x, ...convolution(net, `${name}.residual_conv`, [width, inner, 1])));
}

/** [sin, cos] of a time at frequencies 10000^(-i/(half - 1)): float32[width], every operation rounded. */
export function stepSinusoid(time: number, width: number): Float32Array {
  const half = width / 2;
  const falling = Math.fround(-(Math.log(10_000) / (half - 1)));
  const out = new Float32Array(width);
  for (let i = 0; i < half; i++) {
    const angle = Math.fround(time * Math.fround(Math.exp(Math.fround(i * falling))));
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}
