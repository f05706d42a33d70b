/**
 * Images as rows of overlapping windows cut on a regular grid, four to a patch, and where on the table each patch looks.
 */
import { BiddenError, type CameraView, type Image } from "@bidden/runtime";

export type PatchGrid = {
  readonly width: number;
  readonly height: number;
  /** Distance between neighbouring patch centres, pixels; even, divides width and height. */
  readonly stride: number;
  /** Side of a square window, pixels; what hangs over the border repeats the border. Windows stand half a stride apart. */
  readonly window: number;
};

export function patchCount(grid: PatchGrid): number {
  return (grid.width / grid.stride) * (grid.height / grid.stride);
}

/** Windows a side of a patch. */
export const WINDOWS_A_SIDE = 2;

/** Windows of a picture. */
export function windowGrid({ width, height, stride }: PatchGrid): { readonly rows: number; readonly columns: number } {
  return { rows: (WINDOWS_A_SIDE * height) / stride, columns: (WINDOWS_A_SIDE * width) / stride };
}

export function windowCount(grid: PatchGrid): number {
  const { rows, columns } = windowGrid(grid);
  return rows * columns;
}

/** Number of bytes of one window: window x window x 3. */
export function windowBytes(grid: PatchGrid): number {
  return grid.window * grid.window * 3;
}

/**
 * For each output byte the index of its source byte in a uint8[h, w, 3] image: int32[windows * window * window * 3], windows in
 * rows from the upper left. Computed once per grid, so that cutting windows is one gather.
 */
export function windowIndex(grid: PatchGrid): Int32Array {
  const { width, height, stride, window } = grid;
  if (stride % 2 !== 0 || width % stride !== 0 || height % stride !== 0) {
    throw new BiddenError(
      "bad-argument",
      `The patch stride must be even and divide the image: ${width}x${height} by ${stride}.`,
    );
  }
  const { rows, columns } = windowGrid(grid);
  const index = new Int32Array(windowCount(grid) * windowBytes(grid));
  const step = stride / WINDOWS_A_SIDE;
  const margin = (window - step) / 2;
  let k = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let dy = 0; dy < window; dy++) {
        const y = Math.min(height - 1, Math.max(0, Math.floor(row * step - margin) + dy));
        for (let dx = 0; dx < window; dx++) {
          const x = Math.min(width - 1, Math.max(0, Math.floor(column * step - margin) + dx));
          for (let channel = 0; channel < 3; channel++) index[k++] = (y * width + x) * 3 + channel;
        }
      }
    }
  }
  return index;
}

/** Cuts an image into windows: uint8[windows, window * window * 3] into `out` from `offset` on. */
export function cutWindows(image: Image, grid: PatchGrid, index: Int32Array, out: Uint8Array, offset: number): void {
  if (image.width !== grid.width || image.height !== grid.height) {
    throw new BiddenError(
      "bad-shape",
      `This policy sees ${grid.width}x${grid.height} pixels, but the image is ${image.width}x${image.height}.`,
    );
  }
  const data = image.data;
  for (let i = 0; i < index.length; i++) out[offset + i] = data[index[i] as number] as number;
}

/** Height of the plane that patches are projected on, metres: about the middle of a small object. */
export const PLANE_Z_M = 0.02;
/** Rays that do not meet the table within this distance end there, metres. */
const MAX_RAY_M = 1.5;

/**
 * Where each patch's centre ray meets the plane z = PLANE_Z_M: float32[patches, 3] (x, y in the base frame, ray length),
 * metres, into `out` from `offset` on.
 */
export function projectPatches(view: CameraView, grid: PatchGrid, out: Float32Array, offset: number): void {
  const m = view.baseFromCamera;
  const tanY = Math.tan(view.fovY / 2);
  const tanX = (tanY * grid.width) / grid.height;
  const at = (i: number): number => m[i] as number;
  let k = offset;
  for (let row = 0; row < grid.height / grid.stride; row++) {
    const v = (1 - (2 * (row + 0.5) * grid.stride) / grid.height) * tanY;
    for (let col = 0; col < grid.width / grid.stride; col++) {
      const u = ((2 * (col + 0.5) * grid.stride) / grid.width - 1) * tanX;
      const norm = Math.sqrt(u * u + v * v + 1);
      const dx = (at(0) * u + at(1) * v - at(2)) / norm;
      const dy = (at(4) * u + at(5) * v - at(6)) / norm;
      const dz = (at(8) * u + at(9) * v - at(10)) / norm;
      const toPlane = (PLANE_Z_M - at(11)) / dz;
      const length = toPlane > 0 && toPlane < MAX_RAY_M ? toPlane : MAX_RAY_M;
      out[k++] = at(3) + dx * length;
      out[k++] = at(7) + dy * length;
      out[k++] = length;
    }
  }
}
