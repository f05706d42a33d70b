/**
 * What must hold before a proposal is even looked at, as a list: the first check that answers a reason wins. A stricter gate
 * is a longer list.
 */
import type { Grant, Mode, RobotState, SafetyEnvelope } from "../contract/types.ts";
import type { GateReason } from "./reasons.ts";

/** One tick's question to the gate. */
export type GateInput = {
  /** Loop clock, ms, and the time since the last tick. */
  readonly nowMs: number;
  readonly dtMs: number;
  /** float64[dof], proposed joint set-point, rad; null when nothing is proposed. */
  readonly jointRad: Float64Array | null;
  /** Proposed gripper opening, 0..1. */
  readonly gripper: number;
  /** Capture time of the observation behind the proposal, loop clock, ms; null for a person's own nudge. */
  readonly captureMs: number | null;
  readonly state: RobotState;
};

/** What the gate knows when it checks. */
export type GateFacts = {
  readonly grant: Grant | null;
  readonly mode: Mode;
  readonly envelope: SafetyEnvelope;
  /** float64[dof], the last command, rad. */
  readonly commandedRad: Float64Array;
};

export type GateCheck = (input: GateInput, facts: GateFacts) => GateReason | null;

/** Set-point and measured joint may differ by this much, rad, before only motions that let go are allowed. */
const MAX_TRACKING_RAD = 0.25;

const mode: GateCheck = (_input, facts) => {
  if (facts.mode === "stop") return "mode-stop";
  return facts.mode === "hold" ? "mode-hold" : null;
};

const grant: GateCheck = (input, facts) => {
  if (facts.grant === null) return "no-grant";
  return facts.grant.untilMs !== null && input.nowMs > facts.grant.untilMs ? "grant-expired" : null;
};

const proposed: GateCheck = (input) => (input.jointRad === null ? "no-proposal" : null);

const finite: GateCheck = (input) => {
  const { jointRad, state } = input;
  for (let j = 0; j < state.jointRad.length; j++) if (!Number.isFinite(state.jointRad[j]!)) return "nonfinite-state";
  if (!Number.isFinite(input.gripper)) return "nonfinite-proposal";
  if (jointRad === null) return null;
  for (let j = 0; j < jointRad.length; j++) if (!Number.isFinite(jointRad[j]!)) return "nonfinite-proposal";
  return null;
};

/** Written so that NaN is stale, and a stamp from the future too. */
function fresh(ageMs: number, maxMs: number): boolean {
  return ageMs >= -maxMs && ageMs <= maxMs;
}

const freshState: GateCheck = (input, facts) =>
  fresh(input.nowMs - input.state.stampMs, facts.envelope.maxStateAgeMs) ? null : "state-stale";

const freshChunk: GateCheck = (input, facts) =>
  input.captureMs === null || fresh(input.nowMs - input.captureMs, facts.envelope.maxChunkAgeMs) ? null : "chunk-stale";

/** The arm is pushed away or blocked: go on only where that lets go. */
const tracking: GateCheck = (input, facts) => {
  const { jointRad } = input;
  if (jointRad === null) return null;
  let worst = 0;
  let along = 0;
  for (let j = 0; j < facts.commandedRad.length; j++) {
    const error = facts.commandedRad[j]! - input.state.jointRad[j]!;
    worst = Math.max(worst, Math.abs(error));
    along += error * (jointRad[j]! - facts.commandedRad[j]!);
  }
  return worst > MAX_TRACKING_RAD && along >= 0 ? "tracking-error" : null;
};

export const STANDARD_CHECKS: readonly GateCheck[] = [mode, grant, proposed, finite, freshState, freshChunk, tracking];
