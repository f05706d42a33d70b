import type { CameraView } from "@bidden/runtime";

/** Where a place (base frame, metres) is in a camera's picture, 0..1 from its top left; null when it is not in it. */
export function projectPoint(
  at: readonly [number, number, number],
  view: CameraView,
): readonly [number, number] | null {
  const m = view.baseFromCamera;
  const offset = [at[0] - (m[3] ?? 0), at[1] - (m[7] ?? 0), at[2] - (m[11] ?? 0)] as const;
  // The rotation's columns are the camera's axes: right, up, back.
  const along = (axis: number): number =>
    (m[axis] ?? 0) * offset[0] + (m[4 + axis] ?? 0) * offset[1] + (m[8 + axis] ?? 0) * offset[2];
  const depth = -along(2);
  if (depth <= 1e-6) return null;
  const { width, height } = view.image;
  const tanY = Math.tan(view.fovY / 2);
  const tanX = (tanY * width) / height;
  const u = (1 + along(0) / (depth * tanX)) / 2;
  const v = (1 - along(1) / (depth * tanY)) / 2;
  return u >= 0 && u <= 1 && v >= 0 && v <= 1 ? [u, v] : null;
}
