/** What the main thread and the loop's thread say to each other. */
import type { Embodiment, Mode } from "../contract/types.ts";
import type { Instruct, LoopEvent, LoopStatus } from "../loop-types.ts";
import type { LoopOptions } from "../loop.ts";
import type { RobotLink } from "./robot-link.ts";
import type { StopFlag } from "./stop-flag.ts";

/** Options of the loop that can cross a thread. */
export type LiveLoopOptions = Pick<
  LoopOptions,
  "historyLength" | "runId" | "seed" | "decide" | "chunk" | "silenceMs" | "maxTaskMs"
>;

/** What the loop's worker starts with; its ports come beside it. */
export type LoopWorkerData = {
  readonly embodiment: Embodiment;
  readonly link: RobotLink;
  readonly stopFlag: StopFlag;
  readonly options: LiveLoopOptions;
  readonly statusPeriodMs: number;
};

export type ToLoop =
  | { readonly type: "instruct"; readonly instruct: Instruct }
  | { readonly type: "cancel"; readonly reason: string }
  | { readonly type: "stop"; readonly by: string }
  | { readonly type: "fault"; readonly by: string; readonly reason: string }
  | { readonly type: "raise"; readonly mode: Mode; readonly by: string }
  | { readonly type: "nudge"; readonly deltaM: readonly [number, number, number]; readonly by: string }
  | { readonly type: "close" };

/** Sent every `statusPeriodMs`, with all events since the last one. */
export type FromLoop = { readonly status: LoopStatus; readonly events: readonly LoopEvent[] };
