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

/** Cuts an image into windows: uint8[windows, window * window * 3] into `out` from `offset` on, in rows from the upper left. */
export type CutWindows = (image: Image, out: Uint8Array, offset: number) => void;

/** A cutter for images of one size. It keeps a copy of the last one with its border drawn out, so it may not be shared. */
export function windowCutter(grid: PatchGrid): CutWindows {
  const { width, height, stride, window } = grid;
  if (stride % 2 !== 0 || width % stride !== 0 || height % stride !== 0) {
    throw new BiddenError(
      "bad-argument",
      `The patch stride must be even and divide the image: ${width}x${height} by ${stride}.`,
    );
  }
  const { rows, columns } = windowGrid(grid);
  const step = stride / WINDOWS_A_SIDE;
  // What a window hangs over its step on the left and above; negative where windows do not touch.
  const over = Math.ceil((window - step) / 2);
  const margin = Math.max(0, over);
  const wideBytes = (width + 2 * margin) * 3;
  const wide = new Uint8Array(wideBytes * (height + 2 * margin));
  const first = (margin - over) * (wideBytes + 3);
  const steps = { down: step * wideBytes, right: step * 3, line: wideBytes, lineLength: window * 3 };
  const inWords = [first, ...Object.values(steps)].every((bytes) => bytes % WORD_BYTES === 0);
  const wordSteps = Object.fromEntries(Object.entries(steps).map(([name, bytes]) => [name, bytes / WORD_BYTES]));
  const words = inWords ? new Uint32Array(wide.buffer) : null;
  return (image, out, offset) => {
    checkSize(image, grid);
    drawOut(image, margin, wide);
    const start = out.byteOffset + offset;
    if (words !== null && start % WORD_BYTES === 0) {
      const count = (rows * columns * window * steps.lineLength) / WORD_BYTES;
      const into = new Uint32Array(out.buffer, start, count);
      copyWindows(words, into, { rows, columns, window, first: first / WORD_BYTES, ...(wordSteps as typeof steps) });
    } else copyWindows(wide, out.subarray(offset), { rows, columns, window, first, ...steps });
  };
}

/** Four bytes at a time are copied where everything is a multiple of them: three times as quick. */
const WORD_BYTES = 4;

/** Distances in elements of the arrays: bytes or words. */
type Cut = {
  readonly rows: number;
  readonly columns: number;
  readonly window: number;
  readonly first: number;
  readonly down: number;
  readonly right: number;
  readonly line: number;
  readonly lineLength: number;
};

function copyWindows<T extends Uint8Array | Uint32Array>(
  from: T,
  into: T,
  { rows, columns, window, first, down, right, line, lineLength }: Cut,
): void {
  let to = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let at = first + row * down + column * right;
      for (let i = 0; i < window; i++, at += line) {
        for (let k = 0; k < lineLength; k++) into[to++] = from[at + k] as number;
      }
    }
  }
}

function checkSize(image: Image, grid: PatchGrid): void {
  if (image.width === grid.width && image.height === grid.height) return;
  throw new BiddenError(
    "bad-shape",
    `This policy sees ${grid.width}x${grid.height} pixels, but the image is ${image.width}x${image.height}.`,
  );
}

/** Copies an image with its border repeated `margin` times on every side. */
function drawOut({ width, height, data }: Image, margin: number, wide: Uint8Array): void {
  const line = width * 3;
  const wideLine = (width + 2 * margin) * 3;
  for (let y = 0; y < height; y++) {
    const to = (y + margin) * wideLine;
    wide.set(data.subarray(y * line, (y + 1) * line), to + margin * 3);
    for (let i = 0; i < margin * 3; i++) {
      wide[to + i] = data[y * line + (i % 3)] as number;
      wide[to + margin * 3 + line + i] = data[(y + 1) * line - 3 + (i % 3)] as number;
    }
  }
  const last = (margin + height - 1) * wideLine;
  for (let y = 0; y < margin; y++) {
    wide.copyWithin(y * wideLine, margin * wideLine, (margin + 1) * wideLine);
    wide.copyWithin(last + (y + 1) * wideLine, last, last + wideLine);
  }
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
