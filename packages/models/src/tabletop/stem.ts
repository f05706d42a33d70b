/**
 * The first look at pixels: small overlapping windows, the same weights for each; then each with its eight neighbours; then
 * four of them as one patch, with where it looks. A shape of a few pixels looks alike wherever it falls on the grid, which is
 * what a stem of convolutions learns soonest (Xiao et al. 2021, "Early convolutions help transformers see better").
 */
import {
  add,
  cast,
  concat,
  type Graph,
  pad,
  reshape,
  silu,
  slice,
  split,
  type Tensor,
  transpose,
} from "@bidden/tensor";
import { dense, denseScaled } from "../blocks/layers.ts";
import { WINDOWS_A_SIDE, windowCount, windowGrid } from "../image/patches.ts";
import type { TabletopConfig } from "./config.ts";

/** Neighbours a side that a window is seen with, itself among them. */
const AROUND = 3;

export type StemConfig = Pick<TabletopConfig, "cameras" | "stemWidth" | "patchWidth" | "width">;

/**
 * @param windows uint8[b, windows of all cameras, bytes]: as `cutWindows` cuts them
 * @param where float32[b, patches, n]: what is known of where each patch looks
 * @returns float32[b, patches, width]
 */
export function readPatches(graph: Graph, config: StemConfig, windows: Tensor, where: Tensor): Tensor {
  // Bytes to about unit scale around 0.
  const scale = { scale: 1 / 64, shift: -2 };
  const alone = silu(denseScaled(graph, "patch.pixels", cast(windows, "float32"), config.stemWidth, scale));
  const near = concat(picturesOf(alone, config).map(withNeighbours), 1);
  const windowed = add(alone, silu(dense(graph, "patch.around", near, config.stemWidth)));
  const joined = concat(picturesOf(windowed, config).map(joinWindows), 1);
  const hidden = add(
    dense(graph, "patch.join", joined, config.patchWidth),
    dense(graph, "patch.rays", where, config.patchWidth, { bias: false }),
  );
  const first = silu(hidden);
  const second = add(first, silu(dense(graph, "patch.deep", first, config.patchWidth, { std: 0.02 })));
  return dense(graph, "patch.out", second, config.width);
}

/** The windows of each camera as a picture: [b, rows, columns, features]. */
function picturesOf(x: Tensor, { cameras }: StemConfig): Tensor[] {
  const [batch, , features] = x.shape as readonly [number, number, number];
  const grids = cameras.map(({ grid }) => grid);
  return split(x, grids.map(windowCount), 1).map((windows, camera) => {
    const { rows, columns } = windowGrid(grids[camera] as (typeof grids)[number]);
    return reshape(windows, [batch, rows, columns, features]);
  });
}

/** Each window beside its neighbours, nothing beyond the border: [b, windows, 9 x features]. */
function withNeighbours(picture: Tensor): Tensor {
  const [batch, rows, columns, features] = picture.shape as readonly [number, number, number, number];
  const padded = pad(
    picture,
    [1, 2].map((axis) => ({ axis, before: 1, after: 1 })),
  );
  const shifted = Array.from({ length: AROUND * AROUND }, (_, i) => {
    const [down, right] = [Math.floor(i / AROUND), i % AROUND];
    return slice(padded, { axis: 1, start: down, end: down + rows }, { axis: 2, start: right, end: right + columns });
  });
  return reshape(concat(shifted, 3), [batch, rows * columns, AROUND * AROUND * features]);
}

/** The windows of each patch side by side: [b, patches, 4 x features]. */
function joinWindows(picture: Tensor): Tensor {
  const side = WINDOWS_A_SIDE;
  const [batch, rows, columns, features] = picture.shape as readonly [number, number, number, number];
  const cut = reshape(picture, [batch, rows / side, side, columns / side, side, features]);
  return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, (rows * columns) / side ** 2, side * side * features]);
}
