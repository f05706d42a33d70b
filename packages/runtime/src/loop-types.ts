/** What goes in and out of the loop: asks and thoughts, events for the record, outcomes, and the status that a page shows. */
import type { ActionChunk, Belief, Candidate, Grant, Mode, PlaceHints } from "./contract/types.ts";
import type { ChunkPhase, ChunkRefusal } from "./chunk/chunk-buffer.ts";
import type { ModeChange } from "./gate/modes.ts";
import type { GateCounts } from "./gate/gate.ts";
import type { GateVerdict } from "./gate/reasons.ts";
import type { LatenessSummary } from "./monitor/lateness.ts";

/** A request to look now and think: an `Observation` without its pictures, which whoever holds the cameras adds. */
export type Ask = {
  readonly id: string;
  /** Loop clock. */
  readonly captureNs: bigint;
  readonly captureMs: number;
  /** float32[n], as `Embodiment.stateNames`. */
  readonly state: Float32Array;
  readonly history: readonly Float32Array[];
  readonly instruction: string;
  readonly hints?: PlaceHints;
  readonly seed: number;
};

/** The answer to an ask: a chunk, or why there is none. */
export type Thought =
  | { readonly askId: string; readonly chunk: ActionChunk; readonly error?: never }
  | { readonly askId: string; readonly error: string; readonly chunk?: never };

/** Where thinking is done, elsewhere and asynchronously. Both calls return at once. */
export interface InferencePort {
  submit(ask: Ask): void;
  poll(): Thought | null;
}

/** What a person asks for. */
export type Instruct = {
  readonly text: string;
  /** The person or token that asks. */
  readonly by: string;
  readonly hints?: PlaceHints;
};

/** How an instruction ended. `failed` is time that ran out; `stopped` a person's stop; `held` includes faults. */
export type Outcome = {
  readonly verdict: "done" | "failed" | "asked" | "refused" | "held" | "stopped";
  readonly reason: string;
  readonly question?: string;
  readonly candidates?: readonly Candidate[];
  /** `Belief.done` of the last thought above one half. */
  readonly believedDone: boolean;
  /** Whether the arm had begun to move for it. */
  readonly moved: boolean;
};

/** Everything worth keeping. Arrays in events are copies: an event may be kept for ever. */
export type LoopEvent =
  | { readonly type: "instruct"; readonly atMs: number; readonly grant: Grant; readonly hints?: PlaceHints }
  | { readonly type: "ask"; readonly atMs: number; readonly ask: Ask }
  | {
      readonly type: "thought";
      readonly atMs: number;
      readonly thought: Thought;
      /** Why the chunk was not taken up, where it was not. */
      readonly dropped: ChunkRefusal | "superseded" | "unclear" | null;
    }
  | {
      /** One control step that has just ended. */
      readonly type: "step";
      readonly atMs: number;
      readonly startMs: number;
      /** Of the ask at the start of the step; null when none was made then. */
      readonly askId: string | null;
      /** float32[n] at the start of the step. */
      readonly state: Float32Array;
      /** float32[7]: what really went to the servo during the step, ee-delta-7. */
      readonly action: Float32Array;
      readonly jointRad: Float64Array;
      readonly verdict: GateVerdict;
      readonly mode: Mode;
    }
  | { readonly type: "mode"; readonly atMs: number; readonly change: ModeChange }
  | { readonly type: "verdict"; readonly atMs: number; readonly verdict: GateVerdict }
  | {
      readonly type: "nudge";
      readonly atMs: number;
      readonly deltaM: readonly [number, number, number];
      readonly by: string;
    }
  | { readonly type: "end"; readonly atMs: number; readonly instruction: string; readonly outcome: Outcome };

/** What the loop is doing for the current instruction. */
export type LoopPhase = "idle" | "considering" | "moving" | "paused";

export type LoopStatus = {
  readonly nowMs: number;
  readonly phase: LoopPhase;
  readonly mode: Mode;
  readonly verdict: GateVerdict;
  readonly grant: Grant | null;
  readonly instruction: string | null;
  readonly outcome: Outcome | null;
  readonly belief: Belief | null;
  readonly source: string | null;
  readonly chunk: ChunkPhase;
  /** float32[k, 3], where the rest of the chunk would take the tool, base frame, m; the first row is the commanded pose. */
  readonly plan: Float32Array;
  readonly toolPos: readonly [number, number, number];
  readonly gripper: number;
  /** Whether something seems to be between the fingers, and where it was picked up, base frame, m ("put it back"). */
  readonly holding: boolean;
  readonly pickedAt: readonly [number, number, number] | null;
  /** Of the last thought: the policy's own stages, `answer` from ask to arrival, and `tick`, the loop's own work. */
  readonly stageMs: Readonly<Record<string, number>>;
  readonly counts: GateCounts;
  /** Share of passed proposals that were bent, 0..1. */
  readonly clampRate: number;
  readonly lateness: LatenessSummary;
};
