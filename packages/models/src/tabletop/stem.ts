/**
 * The first look at pixels: small overlapping windows, the same weights for each; then each with its eight neighbours; then
 * four of them as one patch, with where it looks. A shape of a few pixels looks alike wherever it falls on the grid, which is
 * what a stem of convolutions learns soonest (Xiao et al. 2021, "Early convolutions help transformers see better").
 */
import { add, cast, type Graph, rowsBeside, silu, type Tensor } from "@bidden/tensor";
import { dense, denseScaled } from "../blocks/layers.ts";
import { WINDOWS_A_SIDE, windowCount, windowGrid } from "../image/patches.ts";
import type { TabletopConfig } from "./config.ts";

/** Neighbours a side that a window is seen with, itself among them. */
const AROUND = 3;

export type StemConfig = Pick<TabletopConfig, "cameras" | "stemWidth" | "patchWidth" | "width">;

/**
 * @param windows uint8[b, windows of all cameras, bytes]: as `windowCutter` cuts them
 * @param where float32[b, patches, n]: what is known of where each patch looks
 * @returns float32[b, patches, width]
 */
export function readPatches(graph: Graph, config: StemConfig, windows: Tensor, where: Tensor): Tensor {
  // Bytes to about unit scale around 0.
  const scale = { scale: 1 / 64, shift: -2 };
  const alone = silu(denseScaled(graph, "patch.pixels", cast(windows, "float32"), config.stemWidth, scale));
  const near = rowsBeside(alone, neighbours(config), AROUND * AROUND);
  const windowed = add(alone, silu(dense(graph, "patch.around", near, config.stemWidth)));
  const joined = rowsBeside(windowed, windowsOfPatches(config), WINDOWS_A_SIDE ** 2);
  const hidden = add(
    dense(graph, "patch.join", joined, config.patchWidth),
    dense(graph, "patch.rays", where, config.patchWidth, { bias: false }),
  );
  const first = silu(hidden);
  const second = add(first, silu(dense(graph, "patch.deep", first, config.patchWidth, { std: 0.02 })));
  return dense(graph, "patch.out", second, config.width);
}

/** For each window of all cameras the nine of its neighbourhood, itself in the middle; nothing beyond the border. */
function neighbours({ cameras }: StemConfig): number[] {
  return eachCamera(cameras, ({ rows, columns }, first) =>
    grid(rows, columns).flatMap(([row, column]) =>
      grid(AROUND, AROUND).map(([down, right]) => {
        const [y, x] = [row + down - 1, column + right - 1];
        const inside = y >= 0 && y < rows && x >= 0 && x < columns;
        return inside ? first + y * columns + x : -1;
      }),
    ),
  );
}

/** For each patch of all cameras its windows. */
function windowsOfPatches({ cameras }: StemConfig): number[] {
  const side = WINDOWS_A_SIDE;
  return eachCamera(cameras, ({ rows, columns }, first) =>
    grid(rows / side, columns / side).flatMap(([row, column]) =>
      grid(side, side).map(([down, right]) => first + (row * side + down) * columns + column * side + right),
    ),
  );
}

/** What is said of each camera's grid of windows, one after the other; `first` is the number of its first window. */
function eachCamera<T>(
  cameras: StemConfig["cameras"],
  say: (grid: ReturnType<typeof windowGrid>, first: number) => T[],
): T[] {
  let first = 0;
  return cameras.flatMap(({ grid }) => {
    const said = say(windowGrid(grid), first);
    first += windowCount(grid);
    return said;
  });
}

/** All places of a grid, row by row. */
function grid(rows: number, columns: number): (readonly [row: number, column: number])[] {
  return Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);
}
