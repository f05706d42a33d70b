/**
 * Rotations as unit quaternions (w, x, y, z) and rotation vectors (axis times angle, rad). Every function writes into
 * `out`, which may be one of its inputs, and allocates nothing (Math.hypot would).
 */

/** Any indexable run of numbers that may be read. */
export type Numbers = ArrayLike<number>;

/** out[4] = a * b: first b, then a. */
export function quatMultiply(a: Numbers, b: Numbers, out: Float64Array): void {
  const aw = a[0]!;
  const ax = a[1]!;
  const ay = a[2]!;
  const az = a[3]!;
  const bw = b[0]!;
  const bx = b[1]!;
  const by = b[2]!;
  const bz = b[3]!;
  out[0] = aw * bw - ax * bx - ay * by - az * bz;
  out[1] = aw * bx + ax * bw + ay * bz - az * by;
  out[2] = aw * by - ax * bz + ay * bw + az * bx;
  out[3] = aw * bz + ax * by - ay * bx + az * bw;
}

/** out[4] = the inverse of a unit quaternion. */
export function quatConjugate(q: Numbers, out: Float64Array): void {
  out[0] = q[0]!;
  out[1] = -q[1]!;
  out[2] = -q[2]!;
  out[3] = -q[3]!;
}

export function quatNormalize(q: Float64Array): void {
  const norm = Math.sqrt(q[0]! * q[0]! + q[1]! * q[1]! + q[2]! * q[2]! + q[3]! * q[3]!);
  for (let i = 0; i < 4; i++) q[i] = q[i]! / norm;
}

/** out[3] = v turned by q: v + 2 u x (u x v + w v), u the vector part. */
export function quatRotate(q: Numbers, v: Numbers, out: Float64Array): void {
  const w = q[0]!;
  const x = q[1]!;
  const y = q[2]!;
  const z = q[3]!;
  const vx = v[0]!;
  const vy = v[1]!;
  const vz = v[2]!;
  const tx = 2 * (y * vz - z * vy);
  const ty = 2 * (z * vx - x * vz);
  const tz = 2 * (x * vy - y * vx);
  out[0] = vx + w * tx + y * tz - z * ty;
  out[1] = vy + w * ty + z * tx - x * tz;
  out[2] = vz + w * tz + x * ty - y * tx;
}

/** out[4] = exp of the rotation vector (x, y, z), rad. */
export function quatFromRotationVector(x: number, y: number, z: number, out: Float64Array): void {
  const angle = Math.sqrt(x * x + y * y + z * z);
  const half = angle / 2;
  // sin(a/2)/a by its series near 0, where the quotient would be 0/0
  const scale = angle < 1e-6 ? 0.5 - (angle * angle) / 48 : Math.sin(half) / angle;
  out[0] = Math.cos(half);
  out[1] = x * scale;
  out[2] = y * scale;
  out[3] = z * scale;
}

/** out[3] = log of a unit quaternion: the shorter way round, angle in [0, pi]. */
export function rotationVectorFromQuat(q: Numbers, out: Float64Array): void {
  const sign = q[0]! < 0 ? -1 : 1;
  const w = q[0]! * sign;
  const x = q[1]! * sign;
  const y = q[2]! * sign;
  const z = q[3]! * sign;
  const sin = Math.sqrt(x * x + y * y + z * z);
  const scale = sin < 1e-9 ? 2 : (2 * Math.atan2(sin, w)) / sin;
  out[0] = x * scale;
  out[1] = y * scale;
  out[2] = z * scale;
}

/** out[9] = row-major rotation matrix of a unit quaternion. */
export function matrixFromQuat(q: Numbers, out: Float64Array): void {
  const w = q[0]!;
  const x = q[1]!;
  const y = q[2]!;
  const z = q[3]!;
  out[0] = 1 - 2 * (y * y + z * z);
  out[1] = 2 * (x * y - w * z);
  out[2] = 2 * (x * z + w * y);
  out[3] = 2 * (x * y + w * z);
  out[4] = 1 - 2 * (x * x + z * z);
  out[5] = 2 * (y * z - w * x);
  out[6] = 2 * (x * z - w * y);
  out[7] = 2 * (y * z + w * x);
  out[8] = 1 - 2 * (x * x + y * y);
}

/** |a - b| of two points. */
export function distance(a: Numbers, b: Numbers): number {
  const x = a[0]! - b[0]!;
  const y = a[1]! - b[1]!;
  const z = a[2]! - b[2]!;
  return Math.sqrt(x * x + y * y + z * z);
}
