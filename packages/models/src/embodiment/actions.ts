/** A checkpoint's actions in the robot's space and units. */
import { BiddenError, quatFromRotationVector, quatMultiply, quatRotate } from "@bidden/runtime";
import { type ActionMap, pickedCount, type RotationForm } from "./action-map.ts";

export type ActionRows = { readonly actions: Float32Array; readonly horizon: number; readonly dim: number };

/**
 * @param observedRad angles of the joints when the chunk was inferred, rad
 * @returns float32[horizon, n] as `spaceOf` says; the gripper in 0..1
 * @throws `bad-checkpoint` where numbers are no rotation
 */
export function robotActions(map: ActionMap, rows: ActionRows, observedRad: readonly number[]): Float32Array {
  const rotation = map.kind === "ee-pose-8" ? map.rotation : null;
  const count = pickedCount(map.kind, observedRad.length, rotation);
  const out = Array.from({ length: rows.horizon }, (_, row) => {
    const picked = pick(map, rows, row, count);
    const gripper = Math.min(1, Math.max(0, picked[count - 1] as number));
    return [...motion(map, picked.slice(0, -1), observedRad), gripper];
  });
  return Float32Array.from(out.flat());
}

function pick(map: ActionMap, { actions, dim }: ActionRows, row: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const place = map.order[i] ?? null;
    const value = place === null ? 0 : (actions[row * dim + place] as number);
    return value * (map.scale[i] as number) + (map.offset[i] as number);
  });
}

function motion(map: ActionMap, picked: readonly number[], observedRad: readonly number[]): readonly number[] {
  switch (map.kind) {
    case "ee-delta-7":
    case "joint-position":
      return picked;
    case "joint-delta":
      return map.from === "previous" ? picked : picked.map((change, j) => change + (observedRad[j] as number));
    case "ee-pose-8":
      return pose(map, picked);
    default:
      return map satisfies never;
  }
}

/** [x, y, z, qw, qx, qy, qz] of the robot's tool in the robot's base. */
function pose(
  { rotation, baseTurn, toolTurn }: ActionMap & { readonly kind: "ee-pose-8" },
  picked: readonly number[],
): number[] {
  const position = new Float64Array(3);
  quatRotate(baseTurn, picked.slice(0, 3), position);
  const turned = new Float64Array(4);
  quatMultiply(baseTurn, quaternionOf(rotation, picked.slice(3)), turned);
  quatMultiply(turned, toolTurn, turned);
  return [...position, ...turned];
}

/** A unit quaternion (w, x, y, z) of a rotation in any of the forms. */
export function quaternionOf(form: RotationForm, values: readonly number[]): Float64Array {
  const out = new Float64Array(4);
  const [a = 0, b = 0, c = 0, d = 0] = values;
  switch (form) {
    case "rotation-vector":
      quatFromRotationVector(a, b, c, out);
      return out;
    case "euler-xyz":
      return fromEuler(a, b, c);
    case "quaternion-wxyz":
      return unit([a, b, c, d], form);
    case "quaternion-xyzw":
      return unit([d, a, b, c], form);
    case "rotation-6d":
      return fromColumns(values.slice(0, 3), values.slice(3, 6));
    default:
      return form satisfies never;
  }
}

/** Turns about the fixed axes x, then y, then z (roll, pitch, yaw). */
function fromEuler(roll: number, pitch: number, yaw: number): Float64Array {
  const out = Float64Array.of(1, 0, 0, 0);
  const turn = new Float64Array(4);
  for (const [x, y, z] of [
    [roll, 0, 0],
    [0, pitch, 0],
    [0, 0, yaw],
  ] as const) {
    quatFromRotationVector(x, y, z, turn);
    quatMultiply(turn, out, out);
  }
  return out;
}

function unit(values: readonly number[], form: string): Float64Array {
  const length = Math.hypot(...values);
  // A network's quaternion need not have length 1, but must have a direction; NaN has none.
  if (length > 1e-3) return Float64Array.from(values, (value) => value / length);
  throw new BiddenError("bad-checkpoint", `The policy gave ${values.join(", ")} as a ${form}, which is no rotation.`, {
    values: [...values],
  });
}

/** The first two columns of a rotation matrix, made orthonormal (Zhou et al. 2019, arXiv:1812.07035). */
function fromColumns(first: readonly number[], second: readonly number[]): Float64Array {
  const x = normalised(first);
  const along = dot(x, second);
  const y = normalised(second.map((value, i) => value - along * (x[i] as number)));
  const z = cross(x, y);
  return fromMatrix([x[0], y[0], z[0], x[1], y[1], z[1], x[2], y[2], z[2]] as number[]);
}

function normalised(v: readonly number[]): number[] {
  const length = Math.hypot(...v);
  if (length > 1e-6) return v.map((value) => value / length);
  throw new BiddenError("bad-checkpoint", "The policy gave a rotation-6d whose columns are no directions.", {
    values: [...v],
  });
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  const [ax = 0, ay = 0, az = 0] = a;
  const [bx = 0, by = 0, bz = 0] = b;
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

/** A row-major 3x3 rotation matrix as a quaternion, by the largest of its elements (Shepperd 1978). */
function fromMatrix(m: readonly number[]): Float64Array {
  const [xx = 0, xy = 0, xz = 0, yx = 0, yy = 0, yz = 0, zx = 0, zy = 0, zz = 0] = m;
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const largest = squares.indexOf(Math.max(...squares));
  const rows = [
    [squares[0], zy - yz, xz - zx, yx - xy],
    [zy - yz, squares[1], xy + yx, xz + zx],
    [xz - zx, xy + yx, squares[2], yz + zy],
    [yx - xy, xz + zx, yz + zy, squares[3]],
  ] as number[][];
  return unit(rows[largest] as number[], "matrix");
}
