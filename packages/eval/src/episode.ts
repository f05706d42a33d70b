/** One measured episode: what was planned, what came of it, and (for some) what it looked like. */
import type { Candidate, Intent, Outcome } from "@bidden/runtime";
import type { Skill, Task, UnclearKind, Violation } from "@bidden/sim";
import type { FailureCause } from "./failures.ts";
import type { Replay } from "./replay.ts";
import type { RunResult } from "./result.ts";

/** How an ordinary instruction is worded; one instruction may be several of these. */
export const WORDINGS = ["direct", "relation", "size", "other", "typo", "unseen word"] as const;
export type Wording = (typeof WORDINGS)[number];

/** What one episode will be, decided before anything runs. Plain data, so that it can be sent to another process. */
export type EpisodePlan = {
  /** Unique in a suite, and the same in every run with the same options: "pick/17". */
  readonly key: string;
  /** Decides the scene: `bidden run "<instruction>" --seed <seed>` is the same episode. */
  readonly seed: number;
  readonly instruction: string;
  /** Id of the sentence template. */
  readonly template: string;
} & (
  | { readonly kind: "ordinary"; readonly skill: Skill; readonly task: Task; readonly wordings: readonly Wording[] }
  | {
      readonly kind: "unclear";
      readonly unclear: UnclearKind;
      /** Ids of what could have been meant, where the instruction is ambiguous. */
      readonly candidates: readonly string[];
    }
);

/** What an episode's observer saw beside the result; what a failure is explained from. */
export type Watched = {
  /** Farthest that the tool ever was from where it began, metres. */
  readonly toolTravelM: number;
  /** Ids of everything that was ever between both fingers. */
  readonly everHeld: readonly string[];
  /** Whether the task was accomplished at any time (null: no task). */
  readonly everDone: boolean | null;
  readonly violations: readonly Violation[];
  readonly outcome: Outcome["verdict"];
  /** What the policy last made of the instruction; null when it never answered. */
  readonly lastIntent: Intent["kind"] | null;
  /** Where the policy drew its candidates, when it asked. */
  readonly candidates: readonly Candidate[];
  /** Chunks inferred, and their mean duration on the wall clock, ms. */
  readonly inferences: number;
  readonly meanInferMs: number;
};

export type EpisodeRecord = {
  readonly plan: EpisodePlan;
  readonly result: RunResult;
  readonly watched: Watched;
  /** Ordinary: the verdict is "done". Unclear: no motion, and the right question or refusal. */
  readonly success: boolean;
  readonly cause: FailureCause | null;
  readonly replay?: Replay;
};
