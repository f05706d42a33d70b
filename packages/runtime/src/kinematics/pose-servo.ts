/**
 * Resolved-rate control (Whitney 1969): keeps a commanded tool pose, which actions move, and a joint set-point that follows
 * it by damped least squares with a null-space pull towards home, inside the joints' velocity and acceleration shares.
 * It proposes; the gate decides, and the servo goes on from what the gate really sent (`adopt`).
 */
import type { Embodiment } from "../contract/types.ts";
import { Chain } from "./chain.ts";
import { DampedSolver } from "./damped-solve.ts";
import { JointLimits } from "./joint-limits.ts";
import {
  type Numbers,
  quatConjugate,
  quatFromRotationVector,
  quatMultiply,
  quatNormalize,
  rotationVectorFromQuat,
} from "./rotation.ts";

export type PoseServoOptions = {
  /** Feedback on the tool's pose error, 1/s. */
  readonly gainPerS: number;
  /** Pull towards home in the null space, 1/s. */
  readonly homePullPerS: number;
  /** How far the commanded pose may run ahead of the set-point: m and rad. Bounds wind-up. */
  readonly maxLeadM: number;
  readonly maxLeadRad: number;
  /** How far `leash` lets the commanded position be from the real tool, m: well above the lag of free motion. */
  readonly maxStrainM: number;
  /** The commanded position stays this far inside the workspace box, m, so that the gate need not refuse it. */
  readonly marginM: number;
};

const DEFAULTS: PoseServoOptions = {
  gainPerS: 10,
  homePullPerS: 0.5,
  maxLeadM: 0.06,
  maxLeadRad: 0.5,
  maxStrainM: 0.025,
  marginM: 0.003,
};

export type PoseServo = {
  readonly chain: Chain;
  /** float64[3], commanded tool position, base frame, m. */
  readonly targetPos: Float64Array;
  /** float64[4], commanded tool orientation. */
  readonly targetQuat: Float64Array;
  /** float64[dof], joint set-point, rad. */
  readonly jointRad: Float64Array;
  /** Stand still here: set-point, commanded pose and velocity all start anew. */
  start(jointRad: Numbers): void;
  /** Moves the commanded pose by `share` of an ee-delta-7 action (the gripper is not the servo's business). */
  applyDelta(action: Numbers, share?: number): void;
  /**
   * The commanded pose is this one now: [x, y, z (m), qw, qx, qy, qz (unit)]. What it moves by is fed forward, except for the
   * first one after `start`, which may be anywhere and is gone to, not jumped to.
   * @param toolPos float64[3], measured, base frame, m: the commanded position stays near it
   */
  follow(pose: Numbers, toolPos: Numbers): void;
  /**
   * Keeps the commanded position near where the tool really is: an arm that is blocked does not push ever harder, and
   * the first action away from the obstacle frees it.
   * @param toolPos float64[3], measured, base frame, m
   */
  leash(toolPos: Numbers): void;
  /** Goes on from what was really sent; the commanded pose stays. */
  adopt(jointRad: Numbers, dtMs: number): void;
  /** Proposes the next set-point into `out` float64[dof], rad. Changes nothing until `adopt`. */
  tick(dtMs: number, out: Float64Array): void;
};

export function createPoseServo(embodiment: Embodiment, options: Partial<PoseServoOptions> = {}): PoseServo {
  return new Servo(embodiment, { ...DEFAULTS, ...options });
}

/** Share of the home pose's manipulability below which damping sets in, and the damping at a singularity. */
const DAMPING_BELOW = 0.3;
const MAX_DAMPING = 0.08;
/** Share of the envelope's tool speed that the servo asks for at most. */
const SPEED_SHARE = 0.95;

class Servo implements PoseServo {
  readonly chain: Chain;
  readonly targetPos = new Float64Array(3);
  readonly targetQuat = new Float64Array(4);
  readonly jointRad: Float64Array;
  readonly #embodiment: Embodiment;
  readonly #options: PoseServoOptions;
  readonly #solver: DampedSolver;
  readonly #jacobian: Float64Array;
  readonly #limits: JointLimits;
  readonly #velocity: Float64Array;
  readonly #next: Float64Array;
  readonly #fixed: Uint8Array;
  readonly #wish: Float64Array;
  readonly #wanted: Float64Array;
  readonly #twist = new Float64Array(6);
  /** What actions moved the commanded pose by since the last tick: fed forward, so that following has no lag. */
  readonly #moved = new Float64Array(6);
  /** The pose that was followed last, before it was brought near the tool. */
  readonly #followed = new Float64Array(7);
  #following = false;
  readonly #quat = new Float64Array(4);
  readonly #error = new Float64Array(3);

  constructor(embodiment: Embodiment, options: PoseServoOptions) {
    const chain = new Chain(embodiment);
    this.#embodiment = embodiment;
    this.#options = options;
    this.chain = chain;
    this.#jacobian = new Float64Array(6 * chain.dof);
    this.#limits = new JointLimits(embodiment);
    this.#velocity = new Float64Array(chain.dof);
    this.#next = new Float64Array(chain.dof);
    this.#fixed = new Uint8Array(chain.dof);
    this.#wish = new Float64Array(chain.dof);
    this.#wanted = new Float64Array(chain.dof);
    this.jointRad = new Float64Array(chain.dof);
    this.#solver = new DampedSolver(chain.dof, {
      thresholdW: DAMPING_BELOW * homeManipulability(chain, embodiment),
      maxDamping: MAX_DAMPING,
    });
    this.start(embodiment.homeRad);
  }

  start(jointRad: Numbers): void {
    for (let j = 0; j < this.jointRad.length; j++) this.jointRad[j] = jointRad[j]!;
    this.#velocity.fill(0);
    this.#moved.fill(0);
    this.#following = false;
    this.chain.forward(this.jointRad);
    this.targetPos.set(this.chain.toolPos);
    this.targetQuat.set(this.chain.toolQuat);
  }

  applyDelta(action: Numbers, share = 1): void {
    this.#following = false;
    const { workspaceMin, workspaceMax } = this.#embodiment.envelope;
    const { marginM } = this.#options;
    for (let i = 0; i < 3; i++) {
      const before = this.targetPos[i]!;
      const after = Math.min(
        Math.max(before + action[i]! * share, workspaceMin[i]! + marginM),
        workspaceMax[i]! - marginM,
      );
      this.targetPos[i] = after;
      this.#moved[i] = this.#moved[i]! + after - before;
    }
    for (let i = 3; i < 6; i++) this.#moved[i] = this.#moved[i]! + action[i]! * share;
    quatFromRotationVector(action[3]! * share, action[4]! * share, action[5]! * share, this.#quat);
    // the rotation is in the base frame, so it goes on the left
    quatMultiply(this.#quat, this.targetQuat, this.targetQuat);
    quatNormalize(this.targetQuat);
  }

  follow(pose: Numbers, toolPos: Numbers): void {
    const { workspaceMin, workspaceMax } = this.#embodiment.envelope;
    const { marginM, maxStrainM } = this.#options;
    let squared = 0;
    for (let i = 0; i < 3; i++) {
      const inside = Math.min(Math.max(pose[i]!, workspaceMin[i]! + marginM), workspaceMax[i]! - marginM);
      this.#moved[i] = this.#following ? inside - this.#followed[i]! : 0;
      this.#followed[i] = inside;
      squared += (inside - toolPos[i]!) ** 2;
    }
    const share = Math.min(1, maxStrainM / Math.max(Math.sqrt(squared), 1e-12));
    for (let i = 0; i < 3; i++) this.targetPos[i] = toolPos[i]! + share * (this.#followed[i]! - toolPos[i]!);
    for (let i = 0; i < 4; i++) this.targetQuat[i] = pose[3 + i]!;
    this.#turnFollowed();
    this.#following = true;
  }

  /** How far the followed orientation turned since the last one, into `#moved`. */
  #turnFollowed(): void {
    for (let i = 0; i < 4; i++) this.#quat[i] = this.#followed[3 + i]!;
    for (let i = 0; i < 4; i++) this.#followed[3 + i] = this.targetQuat[i]!;
    if (!this.#following) {
      this.#moved.fill(0, 3);
      return;
    }
    quatConjugate(this.#quat, this.#quat);
    quatMultiply(this.targetQuat, this.#quat, this.#quat);
    rotationVectorFromQuat(this.#quat, this.#error);
    for (let i = 0; i < 3; i++) this.#moved[3 + i] = this.#error[i]!;
  }

  leash(toolPos: Numbers): void {
    let squared = 0;
    for (let i = 0; i < 3; i++) squared += (this.targetPos[i]! - toolPos[i]!) ** 2;
    const share = this.#options.maxStrainM / Math.sqrt(squared);
    if (!(share < 1)) return;
    for (let i = 0; i < 3; i++) {
      const before = this.targetPos[i]!;
      const after = toolPos[i]! + (before - toolPos[i]!) * share;
      this.targetPos[i] = after;
      this.#moved[i] = this.#moved[i]! + after - before;
    }
  }

  adopt(jointRad: Numbers, dtMs: number): void {
    for (let j = 0; j < this.jointRad.length; j++) {
      this.#velocity[j] = ((jointRad[j]! - this.jointRad[j]!) * 1000) / dtMs;
      this.jointRad[j] = jointRad[j]!;
    }
  }

  tick(dtMs: number, out: Float64Array): void {
    const { joints, homeRad } = this.#embodiment;
    const dtS = dtMs / 1000;
    this.chain.forward(this.jointRad);
    this.chain.jacobian(this.#jacobian);
    this.#fillTwist(dtMs);
    for (let j = 0; j < joints.length; j++) {
      this.#wish[j] = this.#options.homePullPerS * (homeRad[j]! - this.jointRad[j]!);
    }
    this.#fixed.fill(0);
    do {
      this.#solver.solve(this.#jacobian, this.#twist, this.#wish, this.#fixed, this.#wanted);
      this.#reach(dtMs);
    } while (this.#fixWorst());
    for (let j = 0; j < joints.length; j++) {
      const next = this.jointRad[j]! + this.#next[j]! * dtS;
      out[j] = Math.min(Math.max(next, joints[j]!.minRad), joints[j]!.maxRad);
    }
  }

  /** From the wanted joint velocities to those that speed and acceleration allow in one tick. */
  #reach(dtMs: number): void {
    const { joints, envelope } = this.#embodiment;
    const dtS = dtMs / 1000;
    // one factor for all joints keeps the direction: first for speed, then for the change of speed
    let speedShare = 1;
    for (let j = 0; j < joints.length; j++) {
      const limit = joints[j]!.maxRadS * envelope.velocityShare;
      speedShare = Math.min(speedShare, limit / Math.max(Math.abs(this.#wanted[j]!), 1e-12));
    }
    let changeShare = 1;
    for (let j = 0; j < joints.length; j++) {
      const change = Math.abs(this.#wanted[j]! * speedShare - this.#velocity[j]!);
      const limit = joints[j]!.maxRadS2 * envelope.accelerationShare * dtS;
      changeShare = Math.min(changeShare, limit / Math.max(change, 1e-12));
    }
    for (let j = 0; j < joints.length; j++) {
      const before = this.#velocity[j]!;
      this.#next[j] = before + changeShare * (this.#wanted[j]! * speedShare - before);
    }
  }

  /**
   * A joint that would run into its limit is fixed to the speed from which it can still brake, so that the others make up
   * for it: slowing all of them with it, as the gate does, would be a standstill at the limit. Fixes the worst one that is
   * not fixed yet; false when there is none. After Flacco, De Luca and Khatib 2012, "Motion control of redundant robots
   * under joint constraints: Saturation in the Null Space" (doi:10.1109/ICRA.2012.6225376).
   */
  #fixWorst(): boolean {
    let worst = -1;
    let excess = 0;
    for (let j = 0; j < this.#next.length; j++) {
      if (this.#fixed[j] === 1) continue;
      const velocity = this.#next[j]!;
      const over = Math.abs(velocity) - this.#limits.brakingRadS(j, this.jointRad[j]!, velocity);
      if (over > excess) {
        worst = j;
        excess = over;
      }
    }
    if (worst < 0) return false;
    const sign = Math.sign(this.#next[worst]!);
    this.#fixed[worst] = 1;
    this.#wish[worst] = sign * this.#limits.brakingRadS(worst, this.jointRad[worst]!, sign);
    return true;
  }

  /** Twist = what the commanded pose moved by, plus gain times what is still missing; bounds the lead on the way. */
  #fillTwist(dtMs: number): void {
    const dtS = dtMs / 1000;
    const { gainPerS, maxLeadM, maxLeadRad } = this.#options;
    const { toolPos, toolQuat } = this.chain;
    const twist = this.#twist;
    let lead = 0;
    for (let i = 0; i < 3; i++) {
      twist[i] = this.targetPos[i]! - toolPos[i]!;
      lead += twist[i]! * twist[i]!;
    }
    const shareM = Math.min(1, maxLeadM / Math.max(Math.sqrt(lead), 1e-12));
    for (let i = 0; i < 3; i++) {
      twist[i] = twist[i]! * shareM;
      this.targetPos[i] = toolPos[i]! + twist[i]!;
    }
    quatConjugate(toolQuat, this.#quat);
    quatMultiply(this.targetQuat, this.#quat, this.#quat);
    rotationVectorFromQuat(this.#quat, this.#error);
    const angle = lengthOf(this.#error);
    const shareRad = Math.min(1, maxLeadRad / Math.max(angle, 1e-12));
    for (let i = 0; i < 3; i++) twist[3 + i] = this.#error[i]! * shareRad;
    if (shareRad < 1) {
      quatFromRotationVector(twist[3]!, twist[4]!, twist[5]!, this.#quat);
      quatMultiply(this.#quat, toolQuat, this.targetQuat);
    }
    for (let i = 0; i < 6; i++) {
      const moved = this.#moved[i]!;
      // the part of the error that was moved just now is fed forward in full; feedback acts on the rest
      twist[i] = moved / dtS + gainPerS * (twist[i]! - moved);
      this.#moved[i] = 0;
    }
    // a little below what the gate enforces: scaling there is the exception
    const speed = lengthOf(twist);
    const share = Math.min(1, (SPEED_SHARE * this.#embodiment.envelope.maxToolMS) / Math.max(speed, 1e-12));
    for (let i = 0; i < 3; i++) twist[i] = twist[i]! * share;
  }
}

/** Of the first three numbers. */
function lengthOf(vector: Float64Array): number {
  return Math.sqrt(vector[0]! * vector[0]! + vector[1]! * vector[1]! + vector[2]! * vector[2]!);
}

function homeManipulability(chain: Chain, embodiment: Embodiment): number {
  const jacobian = new Float64Array(6 * chain.dof);
  chain.forward(embodiment.homeRad);
  chain.jacobian(jacobian);
  return new DampedSolver(chain.dof, { thresholdW: 0, maxDamping: 0 }).manipulability(jacobian);
}
