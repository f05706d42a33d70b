/**
 * The first look at pixels: small overlapping windows, the same weights for each; then each with its eight neighbours; then
 * four of them as one patch, with where it looks. A shape of a few pixels looks alike wherever it falls on the grid, which is
 * what a stem of convolutions learns soonest (Xiao et al. 2021, "Early convolutions help transformers see better").
 */
import { add, cast, concat, pad, reshape, silu, slice, type Tensor, transpose, type Graph } from "@bidden/tensor";
import { dense, denseScaled } from "../blocks/layers.ts";
import { type PatchGrid, windowGrid } from "../image/patches.ts";
import type { TabletopConfig } from "./config.ts";
import { tokens } from "./slices.ts";

/** Windows a side of a patch; neighbours a side that a window is seen with. */
const WINDOWS_A_SIDE = 2;
const AROUND = 3;

/**
 * @param windows uint8[b, windows of all cameras, bytes]: as `cutWindows` cuts them
 * @param where float32[b, patches, n]: what is known of where each patch looks
 * @returns float32[b, patches, width]
 */
export function readPatches(graph: Graph, config: TabletopConfig, windows: Tensor, where: Tensor): Tensor {
  // Bytes to about unit scale around 0.
  const scale = { scale: 1 / 64, shift: -2 };
  const alone = silu(denseScaled(graph, "patch.pixels", cast(windows, "float32"), config.stemWidth, scale));
  const near = config.cameras.map(({ grid }, camera) => withNeighbours(alone, config, grid, camera));
  const beside = silu(dense(graph, "patch.around", concat(near, 1), config.stemWidth));
  const windowed = add(alone, beside);
  const joined = concat(
    config.cameras.map(({ grid }, camera) => joinWindows(windowed, config, grid, camera)),
    1,
  );
  const hidden = add(
    dense(graph, "patch.join", joined, config.patchWidth),
    dense(graph, "patch.rays", where, config.patchWidth, { bias: false }),
  );
  const first = silu(hidden);
  const second = add(first, silu(dense(graph, "patch.deep", first, config.patchWidth, { std: 0.02 })));
  return dense(graph, "patch.out", second, config.width);
}

/** The windows of one camera as a picture: [b, rows, columns, features]. */
function pictureOf(x: Tensor, { cameras }: TabletopConfig, grid: PatchGrid, camera: number): Tensor {
  const counts = cameras.map((one) => windowGrid(one.grid)).map(({ rows, columns }) => rows * columns);
  const start = counts.slice(0, camera).reduce((sum, count) => sum + count, 0);
  const { rows, columns } = windowGrid(grid);
  const [batch, , features] = x.shape as readonly [number, number, number];
  return reshape(tokens(x, start, start + rows * columns), [batch, rows, columns, features]);
}

/** Each window beside its neighbours, nothing beyond the border: [b, windows of the camera, 9 x features]. */
function withNeighbours(x: Tensor, config: TabletopConfig, grid: PatchGrid, camera: number): Tensor {
  const picture = pictureOf(x, config, grid, camera);
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

/** The windows of each patch side by side: [b, patches of the camera, 4 x features]. */
function joinWindows(x: Tensor, config: TabletopConfig, grid: PatchGrid, camera: number): Tensor {
  const side = WINDOWS_A_SIDE;
  const picture = pictureOf(x, config, grid, camera);
  const [batch, rows, columns, features] = picture.shape as readonly [number, number, number, number];
  const cut = reshape(picture, [batch, rows / side, side, columns / side, side, features]);
  return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [batch, (rows * columns) / side ** 2, side * side * features]);
}
