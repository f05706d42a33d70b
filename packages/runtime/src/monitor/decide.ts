/**
 * Whether the policy may move, pause, or is through: a pure step from belief to belief. Nothing moves on one lucky
 * inference, and nothing is refused on one unlucky one. A policy that cannot point at what it was asked for does not move.
 */
import type { Belief, Intent } from "../contract/types.ts";

export type DecideOptions = {
  /** Consecutive inferences that must obey before the first motion, and again after a pause. */
  readonly obeysToMove: number;
  /** Consecutive inferences that must not obey before the instruction is answered instead of done. */
  readonly unclearToAnswer: number;
  /** During motion: consecutive inferences that must not obey before the arm pauses. One alone is ignored. */
  readonly unclearToPause: number;
  /** During motion: consecutive inferences that must not obey before it gives up. */
  readonly unclearToGiveUp: number;
  /** `Belief.done` above this, so many times in a row and at rest, is done. */
  readonly doneAbove: number;
  readonly donesToEnd: number;
};

export const DECIDE_DEFAULTS: DecideOptions = {
  obeysToMove: 2,
  unclearToAnswer: 3,
  unclearToPause: 2,
  unclearToGiveUp: 20,
  doneAbove: 0.5,
  donesToEnd: 3,
};

/** How an instruction ended before or without a person's stop. */
export type DecidedEnd =
  | { readonly verdict: "done"; readonly reason: string }
  | { readonly verdict: "asked"; readonly reason: string; readonly intent: Extract<Intent, { kind: "ask" }> }
  | { readonly verdict: "refused" | "held"; readonly reason: string };

export type Decision = {
  /** `consider`: not yet moved; `move`; `pause`: moved before, unclear now; `end`. */
  readonly phase: "consider" | "move" | "pause" | "end";
  readonly end: DecidedEnd | null;
  /** Consecutive counts behind the phase. */
  readonly obeys: number;
  readonly unclears: number;
  readonly dones: number;
};

export const UNDECIDED: Decision = { phase: "consider", end: null, obeys: 0, unclears: 0, dones: 0 };

/** @param slow whether the tool is (nearly) at rest now; a task is not done in mid-flight. */
export function decide(before: Decision, belief: Belief, slow: boolean, options = DECIDE_DEFAULTS): Decision {
  if (before.phase === "end") return before;
  const obeying = belief.intent.kind === "obey";
  const obeys = obeying ? before.obeys + 1 : 0;
  const unclears = obeying ? 0 : before.unclears + 1;
  const dones = obeying && belief.done > options.doneAbove ? before.dones + 1 : 0;
  const counts: Counts = { obeys, unclears, dones };
  const end = ending(before, counts, belief, slow, options);
  return { phase: end === null ? phase(before, counts, options) : "end", end, obeys, unclears, dones };
}

type Counts = Pick<Decision, "obeys" | "unclears" | "dones">;

function phase(before: Decision, counts: Counts, options: DecideOptions): "consider" | "move" | "pause" {
  if (counts.obeys >= options.obeysToMove) return "move";
  if (before.phase === "move") return counts.unclears >= options.unclearToPause ? "pause" : "move";
  return before.phase === "pause" ? "pause" : "consider";
}

function ending(
  before: Decision,
  counts: Counts,
  belief: Belief,
  slow: boolean,
  options: DecideOptions,
): DecidedEnd | null {
  if (counts.dones >= options.donesToEnd && slow) return { verdict: "done", reason: "the policy believes it is done" };
  const patience = before.phase === "consider" ? options.unclearToAnswer : options.unclearToGiveUp;
  return counts.unclears >= patience ? answer(belief.intent) : null;
}

function answer(intent: Intent): DecidedEnd | null {
  switch (intent.kind) {
    case "obey":
      return null;
    case "ask":
      return { verdict: "asked", reason: intent.question, intent };
    case "refuse":
      return { verdict: "refused", reason: intent.reason };
    case "hold":
      return { verdict: "held", reason: intent.reason };
    default:
      return intent satisfies never;
  }
}
