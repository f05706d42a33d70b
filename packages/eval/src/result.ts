/**
 * What one instruction came to, as `bidden run --json` prints it, and the rule that gives the verdict. The rule is a pure
 * function of what was observed, so that it can be read and tested without a simulator.
 */
import type { Outcome } from "@bidden/runtime";
import type { Colour, Kind, Size, Vec3 } from "@bidden/sim";

/** `done`: believed and not contradicted. `failed`: it moved in vain. The other three: it did not move, and says why. */
export type DeedVerdict = "done" | "failed" | "asked" | "refused" | "held";

export type ObjectOutcome = {
  readonly id: string;
  readonly kind: Kind;
  readonly colour: Colour;
  readonly size: Size;
  /** Centre at reset and at the end, base frame, metres. */
  readonly start: Vec3;
  readonly end: Vec3;
};

/** The one line of `bidden run --json`. Everything but `wallSeconds` and `recording` is decided by seed and sentence. */
export type RunResult = {
  readonly verdict: DeedVerdict;
  readonly reason: string;
  /** What the policy would like to know; only where it asked. */
  readonly question?: string;
  /** The policy's own learned output. */
  readonly believedDone: boolean;
  /** The simulator's predicate; null where the sentence is outside its grammar. */
  readonly judgedDone: boolean | null;
  readonly objects: readonly ObjectOutcome[];
  /** Id of what is between the fingers at the end, or null. */
  readonly holding: string | null;
  /** How far the drawer stands open, metres; 0 where there is none. */
  readonly drawerM: number;
  readonly simSeconds: number;
  readonly wallSeconds: number;
  readonly seed: number;
  /** Folder of the dataset that the episode was recorded to. */
  readonly recording?: string;
};

/** The tool moved when it was ever farther than this from where it began, metres. */
export const MOVED_M = 0.01;

export type Conclusion = { readonly verdict: DeedVerdict; readonly reason: string; readonly question?: string };

export type Facts = {
  /** How the loop ended the instruction. */
  readonly outcome: Outcome;
  /** The simulator's predicate when everything had come to rest. */
  readonly judgedDone: boolean | null;
  /** Farthest that the tool ever was from where it began, metres. */
  readonly toolTravelM: number;
};

export function conclude(facts: Facts): Conclusion {
  const { outcome, judgedDone } = facts;
  const obeyed = outcome.verdict === "done" || outcome.verdict === "failed";
  if (obeyed && outcome.believedDone && judgedDone !== false) {
    const reason =
      judgedDone === null ? "the policy believes it is done; nobody can check it" : "believed done, and it is";
    return { verdict: "done", reason };
  }
  return facts.toolTravelM < MOVED_M ? unmoved(outcome) : moved(facts);
}

/** It stayed where it was: asked, refused or held. */
function unmoved(outcome: Outcome): Conclusion {
  switch (outcome.verdict) {
    case "asked":
      return { verdict: "asked", reason: "more than one thing could be meant", question: questionOf(outcome) };
    case "refused":
    case "held":
      return { verdict: outcome.verdict, reason: outcome.reason };
    case "stopped":
      return { verdict: "held", reason: outcome.reason };
    case "done":
      return { verdict: "held", reason: "it believes that nothing needs doing, but something does" };
    case "failed":
      return { verdict: "held", reason: `it took the sentence as an order, but did not move: ${outcome.reason}` };
    default:
      return outcome.verdict satisfies never;
  }
}

/** It moved and did not get there. */
function moved({ outcome, judgedDone, toolTravelM }: Facts): Conclusion {
  const centimetres = (toolTravelM * 100).toFixed(0);
  switch (outcome.verdict) {
    case "asked": {
      const question = questionOf(outcome);
      return { verdict: "failed", reason: `it moved ${centimetres} cm and then asked: ${question}`, question };
    }
    case "refused":
    case "held":
      return { verdict: "failed", reason: `it moved ${centimetres} cm and then gave up: ${outcome.reason}` };
    case "stopped":
      return { verdict: "failed", reason: outcome.reason };
    case "done":
      return { verdict: "failed", reason: "it believes that it is done, but it is not" };
    case "failed":
      if (judgedDone !== true) return { verdict: "failed", reason: outcome.reason };
      return { verdict: "failed", reason: "it was done in the end, but the policy did not notice" };
    default:
      return outcome.verdict satisfies never;
  }
}

function questionOf(outcome: Outcome): string {
  return outcome.question ?? outcome.reason;
}

/** 0 done, 1 tried and failed, 2 did not move. (3, an error, never gets a verdict.) */
export function exitCodeOf(verdict: DeedVerdict): 0 | 1 | 2 {
  switch (verdict) {
    case "done":
      return 0;
    case "failed":
      return 1;
    case "asked":
    case "refused":
    case "held":
      return 2;
    default:
      return verdict satisfies never;
  }
}

/** One sentence for a person. */
export function verdictSentence(result: Pick<RunResult, "verdict" | "reason" | "question" | "simSeconds">): string {
  const seconds = `${result.simSeconds.toFixed(1)} s`;
  switch (result.verdict) {
    case "done":
      return `Done in ${seconds}: ${result.reason}.`;
    case "failed":
      return `Failed after ${seconds}: ${result.reason}.`;
    case "asked":
      return `It did not move, and asks: ${result.question ?? result.reason}`;
    case "refused":
      return `It did not move, and refuses: ${result.reason}`;
    case "held":
      return `It did not move: ${result.reason}`;
    default:
      return result.verdict satisfies never;
  }
}
