/**
 * The stored stop: after every command there is a way to stand still that was checked before the command went out
 * (fail-safe trajectory; the idea of run-time assurance, ASTM F3269-21, and of SaRA shields).
 *
 * A stop goes straight on in joint space while all joints slow down together, evenly, over `ticks` ticks; so the path is
 * the path that was already being driven, and what is left of a stop is again a stop of the same form.
 */
import type { Embodiment } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { distance } from "../kinematics/rotation.ts";

/** What a checked stop breaks, or null. */
export type StopFault = "joint-limit" | "workspace" | "tool-speed" | null;

/** Rounding: a speed that equals its limit must pass. */
const SLACK = 1e-9;

export class StopTrajectory {
  /** float64[dof], velocity taken away each tick, rad/s. */
  readonly #decrement: Float64Array;
  readonly velocity: Float64Array;
  ticksLeft = 0;

  constructor(dof: number) {
    this.#decrement = new Float64Array(dof);
    this.velocity = new Float64Array(dof);
  }

  /** Plans from this velocity: as many ticks as the slowest joint needs within its deceleration. */
  plan(velocity: Float64Array, maxRadS2: Float64Array, dtS: number): void {
    let ticks = 0;
    for (let j = 0; j < velocity.length; j++) {
      ticks = Math.max(ticks, Math.ceil(Math.abs(velocity[j]!) / (maxRadS2[j]! * dtS) - SLACK));
    }
    this.ticksLeft = ticks;
    for (let j = 0; j < velocity.length; j++) {
      this.velocity[j] = velocity[j]!;
      this.#decrement[j] = ticks === 0 ? 0 : velocity[j]! / ticks;
    }
  }

  copyFrom(other: StopTrajectory): void {
    this.velocity.set(other.velocity);
    this.#decrement.set(other.#decrement);
    this.ticksLeft = other.ticksLeft;
  }

  /** Takes one tick of the stop: moves `jointRad` on. Stands still for ever once it has ended. */
  step(jointRad: Float64Array, dtS: number): void {
    if (this.ticksLeft > 0) this.ticksLeft -= 1;
    for (let j = 0; j < jointRad.length; j++) {
      const velocity = this.ticksLeft === 0 ? 0 : this.#decrement[j]! * this.ticksLeft;
      this.velocity[j] = velocity;
      jointRad[j] = jointRad[j]! + velocity * dtS;
    }
  }
}

/** Checks one command and the whole stop after it against joint limits, workspace and tool speed. Owns its buffers. */
export class StopChecker {
  readonly #embodiment: Embodiment;
  readonly #chain: Chain;
  readonly #jointRad: Float64Array;
  readonly #stop: StopTrajectory;
  readonly #before = new Float64Array(3);

  constructor(embodiment: Embodiment) {
    this.#embodiment = embodiment;
    this.#chain = new Chain(embodiment);
    this.#jointRad = new Float64Array(this.#chain.dof);
    this.#stop = new StopTrajectory(this.#chain.dof);
  }

  /**
   * @param from float64[dof], the last command, rad
   * @param to float64[dof], the command in question, rad
   * @param stop the stop planned from it
   */
  check(from: Float64Array, to: Float64Array, stop: StopTrajectory, dtS: number): StopFault {
    const jointRad = this.#jointRad;
    this.#chain.forward(from);
    const allowed = this.outsideM() + SLACK;
    this.#before.set(this.#chain.toolPos);
    jointRad.set(to);
    this.#stop.copyFrom(stop);
    for (;;) {
      if (!this.#insideJointLimits(jointRad, from)) return "joint-limit";
      this.#chain.forward(jointRad);
      // an arm that starts outside a limit may come back in, never go farther out
      if (this.outsideM() > allowed) return "workspace";
      if (this.#travelM() > this.#embodiment.envelope.maxToolMS * dtS * (1 + 1e-6) + SLACK) return "tool-speed";
      if (this.#stop.ticksLeft === 0) return null;
      this.#before.set(this.#chain.toolPos);
      this.#stop.step(jointRad, dtS);
    }
  }

  /** How far the tool (of the last `forward`) is outside the workspace box, m; 0 inside. */
  outsideM(): number {
    const { workspaceMin, workspaceMax } = this.#embodiment.envelope;
    let outside = 0;
    for (let i = 0; i < 3; i++) {
      const at = this.#chain.toolPos[i]!;
      outside = Math.max(outside, workspaceMin[i]! - at, at - workspaceMax[i]!);
    }
    return outside;
  }

  #insideJointLimits(jointRad: Float64Array, from: Float64Array): boolean {
    const { joints } = this.#embodiment;
    for (let j = 0; j < joints.length; j++) {
      const at = jointRad[j]!;
      const min = Math.min(joints[j]!.minRad, from[j]!) - SLACK;
      const max = Math.max(joints[j]!.maxRad, from[j]!) + SLACK;
      if (!(at >= min && at <= max)) return false;
    }
    return true;
  }

  #travelM(): number {
    return distance(this.#chain.toolPos, this.#before);
  }
}
