/** Rotations: quaternions (x, y, z, w), matrices (row-major 3x3), Euler angles (x, y, z about fixed axes), rotation vectors, 6-D. */

export type Quaternion = readonly [x: number, y: number, z: number, w: number];
export type Vector3 = readonly [number, number, number];
/** Row-major. */
export type Matrix3 = readonly [number, number, number, number, number, number, number, number, number];

/** Need not be of unit length, but not zero. */
export function matrixFromQuaternion([x, y, z, w]: Quaternion): Matrix3 {
  const s = 2 / (x * x + y * y + z * z + w * w);
  return [
    1 - s * (y * y + z * z),
    s * (x * y - z * w),
    s * (x * z + y * w),
    s * (x * y + z * w),
    1 - s * (x * x + z * z),
    s * (y * z - x * w),
    s * (x * z - y * w),
    s * (y * z + x * w),
    1 - s * (x * x + y * y),
  ];
}

/** Of unit length, w >= 0 (Shepperd 1978: the largest of four is computed from its square). */
export function quaternionFromMatrix(m: Matrix3): Quaternion {
  const [a, b, c, d, e, f, g, h, i] = m;
  const squares = [1 + a - e - i, 1 - a + e - i, 1 - a - e + i, 1 + a + e + i];
  const largest = squares.indexOf(Math.max(...squares));
  const s = Math.sqrt(squares[largest] as number) / 2;
  const q = 1 / (4 * s);
  const options: readonly Quaternion[] = [
    [s, (b + d) * q, (c + g) * q, (h - f) * q],
    [(b + d) * q, s, (f + h) * q, (c - g) * q],
    [(c + g) * q, (f + h) * q, s, (d - b) * q],
    [(h - f) * q, (c - g) * q, (d - b) * q, s],
  ];
  const [x, y, z, w] = options[largest] as Quaternion;
  return w < 0 ? [-x, -y, -z, -w] : [x, y, z, w];
}

/**
 * First about x, then y, then z, all fixed; R = Rz Ry Rx (tensorflow_graphics euler.from_quaternion). y within +-pi/2; where
 * x and z cannot be told apart (gimbal lock), z is 0.
 */
export function eulerFromMatrix(m: Matrix3): Vector3 {
  const r20 = Math.min(1, Math.max(-1, m[6]));
  if (1 - Math.abs(r20) < 1e-9) {
    const sign = Math.sign(r20);
    return [Math.atan2(-sign * m[1], -sign * m[2]), (-sign * Math.PI) / 2, 0];
  }
  return [Math.atan2(m[7], m[8]), -Math.asin(r20), Math.atan2(m[3], m[0])];
}

export function eulerFromQuaternion(q: Quaternion): Vector3 {
  return eulerFromMatrix(matrixFromQuaternion(q));
}

export function matrixFromEuler([x, y, z]: Vector3): Matrix3 {
  const [cx, sx, cy, sy, cz, sz] = [Math.cos(x), Math.sin(x), Math.cos(y), Math.sin(y), Math.cos(z), Math.sin(z)];
  return [
    cz * cy,
    cz * sy * sx - sz * cx,
    cz * sy * cx + sz * sx,
    sz * cy,
    sz * sy * sx + cz * cx,
    sz * sy * cx - cz * sx,
    -sy,
    cy * sx,
    cy * cx,
  ];
}

/** Axis times angle, the angle within 0..pi. */
export function rotationVectorFromQuaternion([x, y, z, w]: Quaternion): Vector3 {
  const sine = Math.hypot(x, y, z);
  if (sine === 0) return [0, 0, 0];
  const angle = 2 * Math.atan2(sine, Math.abs(w));
  const scale = ((w < 0 ? -1 : 1) * angle) / sine;
  return [x * scale, y * scale, z * scale];
}

export function quaternionFromRotationVector([x, y, z]: Vector3): Quaternion {
  const angle = Math.hypot(x, y, z);
  const scale = angle < 1e-12 ? 0.5 : Math.sin(angle / 2) / angle;
  return [x * scale, y * scale, z * scale, Math.cos(angle / 2)];
}

/** The first two columns of the matrix (Zhou et al. 2019, "On the Continuity of Rotation Representations"). */
export function sixFromMatrix(m: Matrix3): readonly [number, number, number, number, number, number] {
  return [m[0], m[3], m[6], m[1], m[4], m[7]];
}

/** Any two vectors that are not parallel: Gram-Schmidt makes a rotation of them. */
export function matrixFromSix([a, b, c, d, e, f]: readonly [number, number, number, number, number, number]): Matrix3 {
  const n1 = Math.hypot(a, b, c);
  const [x1, y1, z1] = [a / n1, b / n1, c / n1];
  const dot = x1 * d + y1 * e + z1 * f;
  const [u, v, w] = [d - dot * x1, e - dot * y1, f - dot * z1];
  const n2 = Math.hypot(u, v, w);
  const [x2, y2, z2] = [u / n2, v / n2, w / n2];
  return [x1, x2, y1 * z2 - z1 * y2, y1, y2, z1 * x2 - x1 * z2, z1, z2, x1 * y2 - y1 * x2];
}
