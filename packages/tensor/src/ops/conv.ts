/** Convolutions over one, two or three places, and their transposes: each is the other's gradient. */
import type { Shape } from "../graph/dtype.ts";
import { badShape, sameShape, showShape } from "../graph/shape.ts";
import type { Attributes, Tensor } from "../graph/tensor.ts";
import { needFloat, single } from "./build.ts";
import { reshape, sum } from "./core.ts";
import { slice, transpose } from "./layout.ts";

/** One number for all places, or one for each. */
export type PerPlace = number | readonly number[];

export type ConvOptions = {
  readonly stride?: PerPlace;
  /** Zeros before and after each place; pairs say both apart. */
  readonly padding?: PerPlace | readonly (readonly [before: number, after: number])[];
  readonly dilation?: PerPlace;
  readonly groups?: number;
};

export type ConvTransposeOptions = ConvOptions & {
  /** Further elements at the end of each place, fewer than the stride. */
  readonly outputPadding?: PerPlace;
};

/** Options with every number said for every place. */
export type Window = {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly dilations: readonly number[];
};

export function windowOf(op: string, kernel: readonly number[], options: ConvOptions): Window {
  const { padding = 0 } = options;
  const pairs: readonly (readonly [number, number])[] =
    typeof padding === "number"
      ? kernel.map(() => [padding, padding])
      : padding.map((p) => (typeof p === "number" ? [p, p] : p));
  const each = (value: PerPlace | undefined): readonly number[] =>
    typeof value === "object" ? value : kernel.map(() => value ?? 1);
  const strides = each(options.stride);
  const dilations = each(options.dilation);
  for (const list of [strides, dilations, pairs]) {
    if (list.length !== kernel.length)
      throw badShape(op, `options for ${kernel.length} places, not ${list.length}`, kernel);
  }
  return { kernel, strides, dilations, before: pairs.map(([b]) => b), after: pairs.map(([, a]) => a) };
}

/** Length of a place after sliding the window over it. */
export function slidLength(window: Window, place: number, length: number): number {
  const { kernel, strides, before, after, dilations } = window;
  const reach = (dilations[place] as number) * ((kernel[place] as number) - 1) + 1;
  const room = length + (before[place] as number) + (after[place] as number) - reach;
  return Math.floor(room / (strides[place] as number)) + 1;
}

function attributes(window: Window, groups: number): Attributes {
  return {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    pads: { ints: [...window.before, ...window.after] },
    dilations: { ints: window.dilations },
    group: { int: groups },
  };
}

function addBiasGradient(bias: Tensor | null, g: Tensor): readonly Tensor[] {
  return bias === null
    ? []
    : [
        sum(
          g,
          g.shape.flatMap((_, i) => (i === 1 ? [] : [i])),
        ),
      ];
}

function checkBias(op: string, bias: Tensor | null, channels: number): void {
  if (bias !== null && !sameShape(bias.shape, [channels])) throw badShape(op, `a bias [${channels}]`, bias.shape);
}

/**
 * Cross-correlation, as deep-learning libraries have it.
 * @param x float[n, in, ...places]
 * @param w float[out, in/groups, ...kernel]
 * @param bias float[out]
 */
export function conv(x: Tensor, w: Tensor, bias: Tensor | null = null, options: ConvOptions = {}): Tensor {
  needFloat("conv", x, w);
  const { groups = 1 } = options;
  const [outer, inner, ...kernel] = w.shape as readonly [number, number, ...number[]];
  if (x.rank < 3 || w.rank !== x.rank || x.shape[1] !== inner * groups || outer % groups !== 0) {
    throw badShape("conv", `x [n, in, ...places] and w [out, in/${groups}, ...kernel]`, x.shape, w.shape);
  }
  checkBias("conv", bias, outer);
  const window = windowOf("conv", kernel, options);
  const places = x.shape.slice(2).map((length, i) => slidLength(window, i, length));
  if (places.some((length) => length < 1))
    throw badShape("conv", "places at least as long as the kernel", x.shape, w.shape);
  return single("Conv", bias === null ? [x, w] : [x, w, bias], [x.shape[0] as number, outer, ...places], {
    attributes: attributes(window, groups),
    vjp: (g) => [
      transposed(g, w, null, window, groups, x.shape.slice(2)),
      kernelGradient(x, g, window, groups),
      ...addBiasGradient(bias, g),
    ],
  });
}

/**
 * The transpose of `conv` in x: spreads every element over the kernel's places.
 * @param w float[in, out/groups, ...kernel]
 */
export function convTranspose(
  x: Tensor,
  w: Tensor,
  bias: Tensor | null = null,
  options: ConvTransposeOptions = {},
): Tensor {
  needFloat("convTranspose", x, w);
  const { groups = 1, outputPadding = 0 } = options;
  const [inner, outer, ...kernel] = w.shape as readonly [number, number, ...number[]];
  if (x.rank < 3 || w.rank !== x.rank || x.shape[1] !== inner || inner % groups !== 0) {
    throw badShape("convTranspose", `x [n, in, ...places] and w [in, out/${groups}, ...kernel]`, x.shape, w.shape);
  }
  checkBias("convTranspose", bias, outer * groups);
  const window = windowOf("convTranspose", kernel, options);
  const extra = typeof outputPadding === "number" ? kernel.map(() => outputPadding) : outputPadding;
  const places = x.shape.slice(2).map((length, i) => spreadLength(window, i, length) + (extra[i] ?? 0));
  return transposed(x, w, bias, window, groups, places);
}

/** Length of a place after spreading, without further elements at the end. */
function spreadLength(window: Window, place: number, length: number): number {
  const { kernel, strides, before, after, dilations } = window;
  const reach = (dilations[place] as number) * ((kernel[place] as number) - 1) + 1;
  return (length - 1) * (strides[place] as number) + reach - (before[place] as number) - (after[place] as number);
}

function transposed(x: Tensor, w: Tensor, bias: Tensor | null, window: Window, groups: number, places: Shape): Tensor {
  const extra = places.map((length, i) => length - spreadLength(window, i, x.shape[i + 2] as number));
  if (
    extra.some(
      (length, i) => length < 0 || length >= Math.max(window.strides[i] as number, window.dilations[i] as number),
    )
  ) {
    throw badShape("convTranspose", `0 to stride - 1 further elements, not ${showShape(extra)}`, x.shape, w.shape);
  }
  const shape = [x.shape[0] as number, (w.shape[1] as number) * groups, ...places];
  return single("ConvTranspose", bias === null ? [x, w] : [x, w, bias], shape, {
    attributes: { ...attributes(window, groups), output_padding: { ints: extra } },
    vjp: (g) => [
      conv(g, w, null, {
        stride: window.strides,
        dilation: window.dilations,
        padding: window.before.map((b, i) => [b, window.after[i] as number] as const),
        groups,
      }),
      kernelGradient(g, x, window, groups),
      ...addBiasGradient(bias, g),
    ],
  });
}

/**
 * Gradient of a convolution's kernel: itself a convolution, of the input with the output's gradient as kernel, where samples
 * take the part of channels, and stride and dilation change places. Groups stay groups.
 */
function kernelGradient(x: Tensor, g: Tensor, window: Window, groups: number): Tensor {
  const [n, inner, ...lengths] = x.shape as readonly [number, number, ...number[]];
  const [, outer, ...slid] = g.shape as readonly [number, number, ...number[]];
  const rest = lengths.map((_, i) => i + 3);
  const perGroup = inner / groups;
  // [n, groups·in, ...] to [in, groups·n, ...]; [n, out, ...] to [out, n, ...].
  const samples = reshape(transpose(reshape(x, [n, groups, perGroup, ...lengths]), [2, 1, 0, ...rest]), [
    perGroup,
    groups * n,
    ...lengths,
  ]);
  const kernels = transpose(g, [1, 0, ...slid.map((_, i) => i + 2)]);
  const wide = conv(samples, kernels, null, {
    stride: window.dilations,
    dilation: window.strides,
    padding: window.before.map((b, i) => [b, window.after[i] as number] as const),
    groups,
  });
  const cut = slice(wide, ...window.kernel.map((length, i) => ({ axis: i + 2, end: length })));
  return reshape(transpose(cut, [1, 0, ...slid.map((_, i) => i + 2)]), [outer, perGroup, ...window.kernel]);
}
