/**
 * The gate: the only way from a proposal to a `Command`. It trusts nobody. Each tick it asks its checks, brings the proposal
 * inside speed and acceleration limits by one factor for all joints (the path keeps its shape), and lets it out only if the
 * stop that would follow is itself inside joint limits, workspace and tool speed. Otherwise it follows the stop that was
 * checked with the command before: so from every command there is a verified way to stand still.
 *
 * This is not a certified safety function. An emergency stop is hardware.
 */
import type { Command, Embodiment, Grant, Mode, RobotState } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { JointLimits, SLOW_SHARE } from "../kinematics/joint-limits.ts";
import { distance } from "../kinematics/rotation.ts";
import { type GateCheck, type GateFacts, type GateInput, STANDARD_CHECKS } from "./checks.ts";
import { Mint } from "./mint.ts";
import { type ModeChange, ModeLatch } from "./modes.ts";
import type { GateReason, GateVerdict } from "./reasons.ts";
import { StopChecker, type StopFault, StopTrajectory } from "./stop-trajectory.ts";

export type GateOptions = {
  readonly checks?: readonly GateCheck[];
  readonly onMode?: (change: ModeChange) => void;
};

/** How often proposals had to be bent, since the gate was made. */
export type GateCounts = {
  readonly ticks: number;
  readonly ok: number;
  readonly clamped: number;
  readonly held: number;
};

/** Shares of the step beyond the stored stop that are tried before the stop is followed. */
const RETREATS = [1, 0.5, 0.25] as const;
/** Farther than this ahead, rad, a proposal has no meaning left but its sign; keeps the arithmetic finite. */
const ABSURD_RAD = 1e3;
/** Without a grant and at rest, an arm farther than this from the last command was moved by somebody else, rad. */
const REANCHOR_RAD = 0.02;

export class Gate {
  readonly #embodiment: Embodiment;
  readonly #checks: readonly GateCheck[];
  readonly #limits: JointLimits;
  readonly #mint: Mint;
  readonly #modes: ModeLatch;
  readonly #checker: StopChecker;
  readonly #chain: Chain;
  readonly #stop: StopTrajectory;
  readonly #trialStop: StopTrajectory;
  readonly #q: Float64Array;
  readonly #velocity: Float64Array;
  readonly #wanted: Float64Array;
  readonly #stopQ: Float64Array;
  readonly #trialQ: Float64Array;
  readonly #trialVelocity: Float64Array;
  readonly #before = new Float64Array(3);
  #gripper = 1;
  readonly #facts: { -readonly [K in keyof GateFacts]: GateFacts[K] };
  #anchored = false;
  #counts = { ticks: 0, ok: 0, clamped: 0, held: 0 };
  readonly #verdict: { kind: GateVerdict["kind"]; reason: GateReason | null; share: number } = {
    kind: "hold",
    reason: "no-grant",
    share: 0,
  };

  constructor(embodiment: Embodiment, { checks = STANDARD_CHECKS, onMode }: GateOptions = {}) {
    const dof = embodiment.joints.length;
    const buffer = (): Float64Array => new Float64Array(dof);
    this.#embodiment = embodiment;
    this.#checks = checks;
    this.#limits = new JointLimits(embodiment);
    this.#mint = new Mint(dof);
    this.#modes = new ModeLatch(onMode);
    this.#checker = new StopChecker(embodiment);
    this.#chain = new Chain(embodiment);
    this.#stop = new StopTrajectory(dof);
    this.#trialStop = new StopTrajectory(dof);
    this.#q = buffer();
    this.#velocity = buffer();
    this.#wanted = buffer();
    this.#stopQ = buffer();
    this.#trialQ = buffer();
    this.#trialVelocity = buffer();
    this.#facts = { grant: null, mode: "nominal", envelope: embodiment.envelope, commandedRad: this.#q };
  }

  get mode(): Mode {
    return this.#modes.mode;
  }

  get currentGrant(): Grant | null {
    return this.#facts.grant;
  }

  /** The verdict of the last tick. The object is reused: copy what must last. */
  get verdict(): GateVerdict {
    return this.#verdict;
  }

  get counts(): GateCounts {
    return this.#counts;
  }

  /** float64[dof], rad: what was commanded last. Read only. */
  get commandedRad(): Float64Array {
    return this.#q;
  }

  /** 0..1: what was commanded last. */
  get gripper(): number {
    return this.#gripper;
  }

  /** Whether the last command stood still. */
  get atRest(): boolean {
    return this.#stop.ticksLeft === 0;
  }

  grant(grant: Grant): void {
    this.#facts.grant = grant;
  }

  revoke(): void {
    this.#facts.grant = null;
  }

  /** Anything may ask for more safety. */
  lower(mode: Mode, by: string, reason: string): boolean {
    return this.#modes.lower(mode, by, reason);
  }

  /** @param by the person whose act this is. */
  raise(mode: Mode, by: string): void {
    this.#modes.raise(mode, by);
  }

  /** One tick: the command to send now, or null where nobody asked for anything and the arm rests. Never throws. */
  tick(input: GateInput): Command | null {
    const dtS = input.dtMs / 1000;
    this.#counts.ticks += 1;
    this.#anchor(input.state);
    const refused = this.#anchored ? this.#ask(input) : "nonfinite-state";
    if (refused === null) {
      this.#drive(input.jointRad!, dtS);
      this.#gripper = Math.min(1, Math.max(0, input.gripper));
    } else {
      this.#follow(dtS);
      this.#answer(refused === "mode-stop" ? "stop" : "hold", refused, 0);
    }
    if (!this.#anchored || (this.#facts.grant === null && this.atRest)) return null;
    return this.#mint.mint(this.#q, this.#gripper);
  }

  /** Begins from where the arm is; begins anew when it was moved by somebody else while nobody had asked for anything. */
  #anchor(state: RobotState): void {
    if (this.#anchored && !(this.#facts.grant === null && this.atRest)) return;
    let apart = this.#anchored ? 0 : Number.POSITIVE_INFINITY;
    for (let j = 0; j < this.#q.length; j++) {
      if (!Number.isFinite(state.jointRad[j]!)) return;
      apart = Math.max(apart, Math.abs(state.jointRad[j]! - this.#q[j]!));
    }
    if (apart <= REANCHOR_RAD) return;
    this.#q.set(state.jointRad);
    this.#velocity.fill(0);
    this.#stop.plan(this.#velocity, this.#limits.maxRadS2, 1);
    this.#anchored = true;
  }

  #ask(input: GateInput): GateReason | null {
    this.#facts.mode = this.#modes.mode;
    for (const check of this.#checks) {
      const reason = check(input, this.#facts);
      if (reason !== null) return reason;
    }
    return null;
  }

  /** Goes towards the proposal as far as the limits and the stop after it allow. */
  #drive(proposalRad: Float64Array, dtS: number): void {
    const slow = this.#modes.mode === "slow" ? SLOW_SHARE : 1;
    for (let j = 0; j < this.#q.length; j++) {
      const ahead = proposalRad[j]! - this.#q[j]!;
      this.#wanted[j] = Math.min(ABSURD_RAD, Math.max(-ABSURD_RAD, ahead)) / dtS;
    }
    let factor = this.#limits.share(this.#q, this.#wanted, slow);
    factor *= this.#toolShare(factor, slow, dtS);
    const change = this.#limits.changeShare(this.#velocity, this.#wanted, factor, dtS);
    for (let j = 0; j < this.#q.length; j++) {
      const before = this.#velocity[j]!;
      this.#trialVelocity[j] = before + change * (this.#wanted[j]! * factor - before);
    }
    this.#settle(Math.min(factor, change), dtS);
  }

  /** Lets the trial velocity out, or a mixture of it and the stored stop, or only the stop: whatever passes first. */
  #settle(share: number, dtS: number): void {
    this.#stopQ.set(this.#q);
    const stop = this.#trialStop;
    let fault: StopFault = null;
    for (const retreat of RETREATS) {
      stop.copyFrom(this.#stop);
      this.#stopQ.set(this.#q);
      stop.step(this.#stopQ, dtS);
      for (let j = 0; j < this.#q.length; j++) {
        const velocity = stop.velocity[j]! + retreat * (this.#trialVelocity[j]! - stop.velocity[j]!);
        this.#wanted[j] = velocity;
        this.#trialQ[j] = this.#q[j]! + velocity * dtS;
      }
      stop.plan(this.#wanted, this.#limits.maxRadS2, dtS);
      const found = this.#checker.check(this.#q, this.#trialQ, stop, dtS);
      if (found === null) {
        this.#q.set(this.#trialQ);
        this.#velocity.set(this.#wanted);
        this.#stop.copyFrom(stop);
        this.#answer("ok", fault, Math.min(share, retreat));
        return;
      }
      fault = found;
    }
    this.#follow(dtS);
    this.#answer("hold", fault, 0);
  }

  /** Share in [0, 1] that brings the tool's speed inside its limit. */
  #toolShare(factor: number, slow: number, dtS: number): number {
    this.#chain.forward(this.#q);
    this.#before.set(this.#chain.toolPos);
    for (let j = 0; j < this.#q.length; j++) this.#trialQ[j] = this.#q[j]! + this.#wanted[j]! * factor * dtS;
    this.#chain.forward(this.#trialQ);
    const travel = distance(this.#chain.toolPos, this.#before);
    const allowed = this.#embodiment.envelope.maxToolMS * slow * dtS;
    return travel > allowed ? allowed / travel : 1;
  }

  #follow(dtS: number): void {
    this.#stop.step(this.#q, dtS);
    this.#velocity.set(this.#stop.velocity);
  }

  #answer(kind: GateVerdict["kind"], reason: GateReason | null, share: number): void {
    this.#verdict.kind = kind;
    this.#verdict.reason = reason;
    this.#verdict.share = share;
    if (kind !== "ok") this.#counts.held += 1;
    else {
      this.#counts.ok += 1;
      if (share < 0.999) this.#counts.clamped += 1;
    }
  }
}
