/**
 * Speed limits of the joints where they are now. Towards a joint limit the bound shrinks so that braking is always possible;
 * the form is libfranka's for the FR3 (rate_limiting / robot limits: min(qd_max, max(0, -offset + sqrt(max(0, 2 a (q_max - q)))))),
 * with one offset and share for every joint instead of Franka's fitted ones.
 */
import type { Embodiment } from "../contract/types.ts";

/** rad/s; makes the bound reach zero a little before the limit. */
const OFFSET_RAD_S = 0.02;
/** Share of the allowed deceleration that the bound counts on; the rest is reserve for the stop. */
const BRAKE_SHARE = 0.7;
/** Speed in mode `slow`, as a share of the nominal one. */
export const SLOW_SHARE = 0.3;

export class JointLimits {
  /** float64[dof], share-reduced limits, rad/s and rad/s^2. */
  readonly maxRadS: Float64Array;
  readonly maxRadS2: Float64Array;
  readonly #embodiment: Embodiment;

  constructor(embodiment: Embodiment) {
    const { joints, envelope } = embodiment;
    this.#embodiment = embodiment;
    this.maxRadS = Float64Array.from(joints, (joint) => joint.maxRadS * envelope.velocityShare);
    this.maxRadS2 = Float64Array.from(joints, (joint) => joint.maxRadS2 * envelope.accelerationShare);
  }

  /** Largest speed of joint j towards `sign` at `atRad` from which it can still brake before its limit, rad/s. */
  brakingRadS(j: number, atRad: number, sign: number): number {
    const joint = this.#embodiment.joints[j]!;
    const room = sign > 0 ? joint.maxRad - atRad : atRad - joint.minRad;
    const braking = -OFFSET_RAD_S + Math.sqrt(Math.max(0, 2 * BRAKE_SHARE * this.maxRadS2[j]! * room));
    return Math.max(0, braking);
  }

  /** Largest speed of joint j towards `sign` at `atRad`, rad/s. */
  boundRadS(j: number, atRad: number, sign: number, share: number): number {
    return Math.min(this.maxRadS[j]! * share, this.brakingRadS(j, atRad, sign));
  }

  /** The one factor in [0, 1] that brings this joint velocity inside all bounds, so that the direction is kept. */
  share(atRad: Float64Array, velocity: Float64Array, share: number): number {
    let factor = 1;
    for (let j = 0; j < velocity.length; j++) {
      const speed = Math.abs(velocity[j]!);
      if (speed > 0) factor = Math.min(factor, this.boundRadS(j, atRad[j]!, velocity[j]!, share) / speed);
    }
    return factor;
  }

  /** The one factor in [0, 1] of the change of velocity that all joints can make in one tick. */
  changeShare(before: Float64Array, after: Float64Array, factor: number, dtS: number): number {
    let share = 1;
    for (let j = 0; j < before.length; j++) {
      const change = Math.abs(after[j]! * factor - before[j]!);
      if (change > 0) share = Math.min(share, (this.maxRadS2[j]! * dtS) / change);
    }
    return share;
  }
}
