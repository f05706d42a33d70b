/**
 * Damped least squares: dq = z + J^T (J J^T + lambda^2 I)^-1 (v - J z), where z is a wish that is followed only as far as
 * the task leaves room (null-space motion). lambda grows from a floor as the arm nears a singularity, so that joint speeds
 * stay bounded there: Nakamura and Hanafusa 1986, "Inverse Kinematic Solutions With Singularity Robustness for Robot
 * Manipulator Control" (doi:10.1115/1.3143764), with the measure w = sqrt(det(J J^T)). Rotation rows are weighed by a
 * length, so that metres and radians may be added.
 */

/** A metre of tool travel weighs as much as 1/ROTATION_LENGTH_M radians of tool rotation. */
const ROTATION_LENGTH_M = 0.3;
const DAMPING_FLOOR = 1e-5;

export type DampingOptions = {
  /** Below this measure of manipulability (`manipulability` of the same rows) damping sets in. */
  readonly thresholdW: number;
  /** Damping at a singularity. */
  readonly maxDamping: number;
};

export class DampedSolver {
  readonly #dof: number;
  readonly #options: DampingOptions;
  readonly #weighted: Float64Array;
  readonly #gram = new Float64Array(36);
  readonly #factor = new Float64Array(36);
  readonly #right = new Float64Array(6);

  constructor(dof: number, options: DampingOptions) {
    this.#dof = dof;
    this.#options = options;
    this.#weighted = new Float64Array(6 * dof);
  }

  /**
   * @param jacobian float64[6, dof]
   * @param twist float64[6], wanted tool velocity, m/s and rad/s, base frame
   * @param wish float64[dof], rad/s, null-space velocity
   * @param fixed uint8[dof], 1 where a joint moves as `wish` says, whatever the task: the others make up for it
   * @param out float64[dof], rad/s
   */
  solve(jacobian: Float64Array, twist: Float64Array, wish: Float64Array, fixed: Uint8Array, out: Float64Array): void {
    const n = this.#dof;
    const right = this.#right;
    for (let r = 0; r < 6; r++) {
      const weight = r < 3 ? 1 : ROTATION_LENGTH_M;
      let carried = 0;
      for (let j = 0; j < n; j++) {
        const entry = jacobian[r * n + j]! * weight;
        this.#weighted[r * n + j] = fixed[j] === 1 ? 0 : entry;
        carried += entry * wish[j]!;
      }
      right[r] = twist[r]! * weight - carried;
    }
    this.#fillGram();
    this.#factorize(DAMPING_FLOOR);
    const measure = this.#measure();
    const { thresholdW, maxDamping } = this.#options;
    if (measure < thresholdW) {
      const nearness = 1 - measure / thresholdW;
      this.#factorize(DAMPING_FLOOR + maxDamping * maxDamping * nearness * nearness);
    }
    this.#substitute();
    for (let j = 0; j < n; j++) {
      let sum = wish[j]!;
      for (let r = 0; r < 6; r++) sum += this.#weighted[r * n + j]! * right[r]!;
      out[j] = sum;
    }
  }

  /** w = sqrt(det(J J^T)) of the weighted rows; 0 at a singularity. */
  manipulability(jacobian: Float64Array): number {
    const n = this.#dof;
    for (let i = 0; i < 6 * n; i++) this.#weighted[i] = jacobian[i]! * (i < 3 * n ? 1 : ROTATION_LENGTH_M);
    this.#fillGram();
    this.#factorize(0);
    return this.#measure();
  }

  /** The product of the Cholesky factor's diagonal. */
  #measure(): number {
    let measure = 1;
    for (let r = 0; r < 6; r++) measure *= this.#factor[r * 7]!;
    return measure;
  }

  #fillGram(): void {
    const n = this.#dof;
    for (let r = 0; r < 6; r++) {
      for (let c = 0; c <= r; c++) {
        let sum = 0;
        for (let j = 0; j < n; j++) sum += this.#weighted[r * n + j]! * this.#weighted[c * n + j]!;
        this.#gram[r * 6 + c] = sum;
      }
    }
  }

  /** Cholesky of gram + damping I, lower triangle. Positive definite for any damping above 0. */
  #factorize(damping: number): void {
    const factor = this.#factor;
    for (let r = 0; r < 6; r++) {
      for (let c = 0; c <= r; c++) {
        let sum = this.#gram[r * 6 + c]! + (r === c ? damping : 0);
        for (let k = 0; k < c; k++) sum -= factor[r * 6 + k]! * factor[c * 6 + k]!;
        factor[r * 6 + c] = r === c ? Math.sqrt(Math.max(sum, 1e-12)) : sum / factor[c * 7]!;
      }
    }
  }

  #substitute(): void {
    const factor = this.#factor;
    const right = this.#right;
    for (let r = 0; r < 6; r++) {
      let sum = right[r]!;
      for (let k = 0; k < r; k++) sum -= factor[r * 6 + k]! * right[k]!;
      right[r] = sum / factor[r * 7]!;
    }
    for (let r = 5; r >= 0; r--) {
      let sum = right[r]!;
      for (let k = r + 1; k < 6; k++) sum -= factor[k * 6 + r]! * right[k]!;
      right[r] = sum / factor[r * 7]!;
    }
  }
}
