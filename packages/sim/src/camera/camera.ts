import type { SceneLook } from "../types.ts";

/**
 * Where cameras stand. A pose is float64[12], row-major 3x4 [R | t], camera to base; the camera looks along its own -z, x to
 * the right and y up in the image. Only +, *, / and square roots, so that the bits are the same in every engine.
 */

type V3 = readonly [number, number, number];

export type CameraSize = { readonly width: number; readonly height: number };

/** The front camera: on the person's side, elevated, seeing the whole working area and the gripper over it. */
export const FRONT = {
  size: { width: 112, height: 80 },
  position: [1.2, 0, 0.88],
  target: [0.45, 0, 0.05],
  tanHalfFovY: 0.265,
} as const;

export const WRIST_SIZE: CameraSize = { width: 64, height: 64 };

/** Pose of a camera at `position` that looks at `target`, with `up` upwards in the image. */
export function lookAt(position: V3, target: V3, up: V3): Float64Array {
  const back = unit([position[0] - target[0], position[1] - target[1], position[2] - target[2]]);
  const right = unit(cross(up, back));
  const above = cross(back, right);
  return Float64Array.of(
    right[0],
    above[0],
    back[0],
    position[0],
    right[1],
    above[1],
    back[1],
    position[1],
    right[2],
    above[2],
    back[2],
    position[2],
  );
}

/** The front camera of an episode: displaced and tilted a little by its look. */
export function frontPose(look: SceneLook): Float64Array {
  const [x, y, z] = FRONT.position;
  const [sx, sy, sz] = look.frontShift;
  const straight = lookAt([x + sx, y + sy, z + sz], FRONT.target, [0, 0, 1]);
  return compose(straight, rotationPose(look.frontTilt));
}

/** a then b: both row-major 3x4. */
export function compose(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(12);
  for (let row = 0; row < 3; row++) {
    const [r0, r1, r2, t] = [at(a, row, 0), at(a, row, 1), at(a, row, 2), at(a, row, 3)];
    for (let col = 0; col < 4; col++) {
      const moved = col === 3 ? t : 0;
      out[4 * row + col] = r0 * at(b, 0, col) + r1 * at(b, 1, col) + r2 * at(b, 2, col) + moved;
    }
  }
  return out;
}

/** A rotation by about the rotation vector (exact for the Cayley map: tan(angle / 2) along the axis = vector / 2). */
function rotationPose(vector: V3): Float64Array {
  const length = Math.sqrt(4 + vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
  const [w, x, y, z] = [2 / length, vector[0] / length, vector[1] / length, vector[2] / length];
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    0,
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    0,
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
    0,
  );
}

const at = (pose: Float64Array, row: number, col: number): number => pose[4 * row + col] ?? 0;

function unit(v: V3): V3 {
  const length = Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  return [v[0] / length, v[1] / length, v[2] / length];
}

function cross(a: V3, b: V3): V3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
