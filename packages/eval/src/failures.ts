/** Why an episode did not succeed: one word each, so that failures can be counted. */
import { type Kind, RECEPTACLES, rolesOf, type Skill } from "@bidden/sim";
import type { EpisodePlan, Watched } from "./episode.ts";
import { MOVED_M, type RunResult } from "./result.ts";

export const FAILURE_CAUSES = {
  questioned: "asked, refused or held although the instruction was ordinary",
  "not-moved": "did not move",
  stopped: "stopped by the gate, or the policy failed",
  "knocked-off": "something fell off the table",
  "not-noticed": "it was done, but the policy did not notice",
  "wrong-object": "took or moved another thing",
  missed: "never got hold of the thing",
  dropped: "had it and lost it",
  "wrong-target": "brought it to another target than the one that was meant",
  misplaced: "let go of it, or left it, beside the target",
  "too-early": "believed that it was done when it was not",
  timeout: "ran out of time on the way",
  "moved-anyway": "moved although it should not have",
  "wrong-answer": "did not move, but gave the wrong kind of answer",
} as const;
export type FailureCause = keyof typeof FAILURE_CAUSES;

/** A thing was moved when it ends this far from where it began, metres. */
const SHIFTED_M = 0.03;
/** Something lies at a target when their centres are this close, metres. */
const AT_TARGET_M = 0.06;
const GRASPING: readonly Skill[] = ["pick", "put", "stack"];
/** What something can be put, pushed or stacked on. */
const TARGETS: readonly Kind[] = [...RECEPTACLES, "block"];

/** @returns null where the episode succeeded. */
export function causeOf(plan: EpisodePlan, result: RunResult, watched: Watched, success: boolean): FailureCause | null {
  if (success) return null;
  const moved = watched.toolTravelM >= MOVED_M;
  if (plan.kind === "unclear") return moved ? "moved-anyway" : "wrong-answer";
  if (watched.lastIntent !== "obey" && watched.lastIntent !== null) return "questioned";
  if (watched.outcome === "stopped" || watched.outcome === "held") return "stopped";
  if (!moved) return "not-moved";
  if (watched.violations.some((violation) => violation.what === "off-table")) return "knocked-off";
  if (result.judgedDone === true) return "not-noticed";
  if (GRASPING.includes(plan.skill)) return graspCause(plan, result, watched);
  if (plan.skill === "push") return pushCause(plan, result);
  return result.believedDone ? "too-early" : "timeout";
}

type OrdinaryPlan = Extract<EpisodePlan, { kind: "ordinary" }>;

function graspCause(plan: OrdinaryPlan, result: RunResult, watched: Watched): FailureCause {
  const wanted = rolesOf(plan.task).act;
  if (!watched.everHeld.includes(wanted)) return watched.everHeld.length > 0 ? "wrong-object" : "missed";
  if (result.holding !== wanted) return plan.skill === "pick" ? "dropped" : placeCause(plan, result);
  return result.believedDone ? "too-early" : "timeout";
}

function pushCause(plan: OrdinaryPlan, result: RunResult): FailureCause {
  const wanted = rolesOf(plan.task).act;
  const shifted = result.objects.filter(
    ({ start, end }) => Math.hypot(end[0] - start[0], end[1] - start[1]) > SHIFTED_M,
  );
  if (shifted.some((object) => object.id === wanted)) return placeCause(plan, result);
  return shifted.length > 0 ? "wrong-object" : "missed";
}

/** It was brought somewhere, and not to its target: to another one, or to none. */
function placeCause(plan: OrdinaryPlan, { objects }: RunResult): FailureCause {
  const { act, place } = rolesOf(plan.task);
  const thing = objects.find(({ id }) => id === act);
  const others = objects.filter(({ id, kind }) => id !== act && id !== place && TARGETS.includes(kind));
  const reached = others.some(
    ({ end }) => thing !== undefined && Math.hypot(end[0] - thing.end[0], end[1] - thing.end[1]) <= AT_TARGET_M,
  );
  return reached ? "wrong-target" : "misplaced";
}
