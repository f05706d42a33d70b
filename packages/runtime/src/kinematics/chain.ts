/**
 * Forward kinematics and the geometric Jacobian of a serial chain of revolute joints, base to tool. One `Chain` holds its
 * own buffers: `forward` fills them, nothing is allocated afterwards.
 */
import { BiddenError } from "../contract/errors.ts";
import type { Embodiment } from "../contract/types.ts";
import { type Numbers, quatMultiply, quatNormalize, quatRotate } from "./rotation.ts";

/** What kinematics needs of an embodiment. */
export type ChainSpec = Pick<Embodiment, "joints" | "lastFromTool">;

const IDENTITY = [1, 0, 0, 0];

export class Chain {
  readonly dof: number;
  /** float64[3], tool centre point in the base frame, m, after `forward`. */
  readonly toolPos = new Float64Array(3);
  /** float64[4], tool orientation, baseFromTool (w, x, y, z), after `forward`. */
  readonly toolQuat = new Float64Array(4);
  /** float64[dof, 3], origin and unit axis of each joint in the base frame, after `forward`. */
  readonly #origin: Float64Array;
  readonly #axis: Float64Array;
  readonly #spec: ChainSpec;
  readonly #quat = new Float64Array(4);
  readonly #turn = new Float64Array(4);
  readonly #vector = new Float64Array(3);

  constructor(spec: ChainSpec) {
    if (spec.joints.length === 0) throw new BiddenError("bad-argument", "a chain needs at least one joint, none came");
    this.#spec = spec;
    this.dof = spec.joints.length;
    this.#origin = new Float64Array(3 * this.dof);
    this.#axis = new Float64Array(3 * this.dof);
  }

  /** @param jointRad float64[dof], rad. */
  forward(jointRad: Numbers): void {
    const quat = this.#quat;
    const vector = this.#vector;
    const turn = this.#turn;
    const pos = this.toolPos;
    quat.set(IDENTITY);
    pos.fill(0);
    for (let j = 0; j < this.dof; j++) {
      const joint = this.#spec.joints[j]!;
      quatRotate(quat, joint.parentFromJoint.pos, vector);
      pos[0] = pos[0]! + vector[0]!;
      pos[1] = pos[1]! + vector[1]!;
      pos[2] = pos[2]! + vector[2]!;
      quatMultiply(quat, joint.parentFromJoint.quat, quat);
      quatRotate(quat, joint.axis, vector);
      this.#origin.set(pos, 3 * j);
      this.#axis.set(vector, 3 * j);
      // written out: numbers handed to a function may be boxed, and this runs a few thousand times a second
      const half = jointRad[j]! / 2;
      const sin = Math.sin(half);
      turn[0] = Math.cos(half);
      turn[1] = joint.axis[0] * sin;
      turn[2] = joint.axis[1] * sin;
      turn[3] = joint.axis[2] * sin;
      quatMultiply(quat, turn, quat);
    }
    quatRotate(quat, this.#spec.lastFromTool.pos, vector);
    pos[0] = pos[0]! + vector[0]!;
    pos[1] = pos[1]! + vector[1]!;
    pos[2] = pos[2]! + vector[2]!;
    quatMultiply(quat, this.#spec.lastFromTool.quat, this.toolQuat);
    // published quaternions carry a few digits; a product of eight of them must stay a rotation
    quatNormalize(this.toolQuat);
  }

  /**
   * Geometric Jacobian of the tool at the last `forward`: column j is (z_j x (p - o_j), z_j).
   * @param out float64[6, dof], row-major: m/s and rad/s in the base frame per rad/s.
   */
  jacobian(out: Float64Array): void {
    const n = this.dof;
    const pos = this.toolPos;
    for (let j = 0; j < n; j++) {
      const zx = this.#axis[3 * j]!;
      const zy = this.#axis[3 * j + 1]!;
      const zz = this.#axis[3 * j + 2]!;
      const rx = pos[0]! - this.#origin[3 * j]!;
      const ry = pos[1]! - this.#origin[3 * j + 1]!;
      const rz = pos[2]! - this.#origin[3 * j + 2]!;
      out[j] = zy * rz - zz * ry;
      out[n + j] = zz * rx - zx * rz;
      out[2 * n + j] = zx * ry - zy * rx;
      out[3 * n + j] = zx;
      out[4 * n + j] = zy;
      out[5 * n + j] = zz;
    }
  }
}
