/**
 * Follows angles of the joints: set-points that were planned by somebody else, or changes of them. Feeds forward what the target
 * moves by and closes the rest at a speed from which each joint can brake, so that a target that is far away is reached without
 * passing it. Proposes, as the pose servo does; the gate decides.
 */
import type { Embodiment } from "../contract/types.ts";
import { JointLimits } from "./joint-limits.ts";
import type { Numbers } from "./rotation.ts";

/** Feedback on a joint's error, 1/s. */
const GAIN_PER_S = 10;
/** Share of the allowed deceleration that closing an error counts on. */
const BRAKE_SHARE = 0.5;
/** How far the target may be from where the joint really is, rad: a blocked arm does not push ever harder. */
const MAX_STRAIN_RAD = 0.15;

export class JointServo {
  readonly #embodiment: Embodiment;
  readonly #limits: JointLimits;
  readonly #jointRad: Float64Array;
  readonly #velocity: Float64Array;
  readonly #target: Float64Array;
  /** The set-point that was followed last, before it was brought near the arm. */
  readonly #followed: Float64Array;
  readonly #moved: Float64Array;
  readonly #wanted: Float64Array;
  #following = false;

  constructor(embodiment: Embodiment) {
    const buffer = (): Float64Array => new Float64Array(embodiment.joints.length);
    this.#embodiment = embodiment;
    this.#limits = new JointLimits(embodiment);
    this.#jointRad = buffer();
    this.#velocity = buffer();
    this.#target = buffer();
    this.#followed = buffer();
    this.#moved = buffer();
    this.#wanted = buffer();
    this.start(embodiment.homeRad);
  }

  /** Stand still here: set-point, target and velocity all start anew. */
  start(jointRad: Numbers): void {
    for (let j = 0; j < this.#jointRad.length; j++) {
      this.#jointRad[j] = jointRad[j]!;
      this.#target[j] = jointRad[j]!;
    }
    this.#velocity.fill(0);
    this.#moved.fill(0);
    this.#following = false;
  }

  /** Moves the target by `share` of changes, rad, from the last one on. @param measured float64[dof], rad */
  applyDelta(changes: Numbers, share: number, measured: Numbers): void {
    for (let j = 0; j < this.#target.length; j++) {
      const before = this.#target[j]!;
      this.#target[j] = this.#reachable(j, before + changes[j]! * share, measured[j]!);
      this.#moved[j] = this.#moved[j]! + this.#target[j]! - before;
    }
    this.#following = false;
  }

  /** The target is this set-point now. @param measured float64[dof], rad */
  follow(setPoint: Numbers, measured: Numbers): void {
    for (let j = 0; j < this.#target.length; j++) {
      const wanted = setPoint[j]!;
      // the first one may be anywhere: it is gone to, not jumped to
      this.#moved[j] = this.#following ? wanted - this.#followed[j]! : 0;
      this.#followed[j] = wanted;
      this.#target[j] = this.#reachable(j, wanted, measured[j]!);
    }
    this.#following = true;
  }

  /** Goes on from what was really sent; the target stays. */
  adopt(jointRad: Numbers, dtMs: number): void {
    for (let j = 0; j < this.#jointRad.length; j++) {
      this.#velocity[j] = ((jointRad[j]! - this.#jointRad[j]!) * 1000) / dtMs;
      this.#jointRad[j] = jointRad[j]!;
    }
  }

  /** Proposes the next set-point into `out` float64[dof], rad. Changes nothing until `adopt`. */
  tick(dtMs: number, out: Float64Array): void {
    const { joints } = this.#embodiment;
    const dtS = dtMs / 1000;
    const { maxRadS, maxRadS2 } = this.#limits;
    let speedShare = 1;
    for (let j = 0; j < joints.length; j++) {
      const moved = this.#moved[j]!;
      const error = this.#target[j]! - this.#jointRad[j]! - moved;
      const braking = Math.sqrt(2 * BRAKE_SHARE * maxRadS2[j]! * Math.abs(error));
      const closing = Math.min(Math.max(GAIN_PER_S * error, -braking), braking);
      this.#wanted[j] = moved / dtS + closing;
      this.#moved[j] = 0;
      speedShare = Math.min(speedShare, maxRadS[j]! / Math.max(Math.abs(this.#wanted[j]!), 1e-12));
    }
    const change = this.#limits.changeShare(this.#velocity, this.#wanted, speedShare, dtS);
    for (let j = 0; j < joints.length; j++) {
      const before = this.#velocity[j]!;
      const speed = before + change * (this.#wanted[j]! * speedShare - before);
      out[j] = clamp(this.#jointRad[j]! + speed * dtS, joints[j]!.minRad, joints[j]!.maxRad);
    }
  }

  #reachable(j: number, wanted: number, measured: number): number {
    const { minRad, maxRad } = this.#embodiment.joints[j]!;
    return clamp(clamp(wanted, measured - MAX_STRAIN_RAD, measured + MAX_STRAIN_RAD), minRad, maxRad);
  }
}

/** NaN stays NaN: the gate refuses it. */
function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
