/** How the loop's state and its endings read to a person. Pure functions. */
import type { CandidateInfo, LogEntry, Phase } from "@bidden/console";
import type { Belief, LoopStatus, Outcome } from "@bidden/runtime";
import type { SessionStatus } from "../console/session.ts";
import { placeWords } from "./place-words.ts";
import { gateWords, sentence } from "./words.ts";

type Project = (at: readonly [number, number, number]) => readonly [number, number] | null;

export type Ending = {
  readonly tone: LogEntry["tone"];
  readonly text: string;
  readonly candidates: readonly CandidateInfo[];
};

export function endingOf(outcome: Outcome, belief: Belief | null, project: Project): Ending {
  const plain = (tone: LogEntry["tone"], text: string): Ending => ({ tone, text, candidates: [] });
  switch (outcome.verdict) {
    case "done":
      return plain("done", "Done.");
    case "failed":
      return plain("hold", `I gave up: ${outcome.reason}.`);
    case "asked":
      return {
        tone: "ask",
        text: sentence(outcome.question ?? outcome.reason),
        candidates: candidatesOf(outcome, project),
      };
    case "refused":
      return plain("refuse", sentence(outcome.reason));
    case "held":
      return belief?.answer === undefined
        ? plain("hold", sentence(outcome.reason))
        : plain("answer", sentence(belief.answer));
    case "stopped":
      return plain("stop", "Stopped.");
    default:
      return outcome.verdict satisfies never;
  }
}

function candidatesOf({ candidates = [] }: Outcome, project: Project): CandidateInfo[] {
  const words = placeWords(candidates.map(({ at }) => at));
  return candidates.map(({ at, label }, i) => {
    const [u, v] = project(at) ?? [null, null];
    return { label: label ?? words[i] ?? "this one", at, u, v };
  });
}

/** Whether the inference thread seems to hang. */
export function isSilence({ verdict, reason }: Outcome): boolean {
  return verdict === "held" && reason.startsWith("the policy has been silent");
}

export function statusOf(
  status: LoopStatus | null,
  latchedBecause: string,
  recording: SessionStatus["recording"],
): SessionStatus {
  if (status === null) return { ...NOTHING_YET, recording };
  const { mode, verdict, belief } = status;
  const latched = mode === "hold" || mode === "stop";
  const held = latched ? mode : verdict.kind;
  const reason = latched && latchedBecause !== "" ? latchedBecause : gateWords(verdict.reason);
  return {
    phase: phaseOf(status),
    mode,
    verdict: held === "ok" ? { kind: "ok" } : { kind: held, reason },
    instruction: status.instruction ?? status.grant?.instruction ?? "",
    stageMs: stagesOf(status.stageMs),
    pointing: pointingOf(status.phase === "idle" ? null : belief),
    done: belief?.done ?? 0,
    tickLateMs: status.lateness.p99Ms,
    recording,
  };
}

/** The policy's own stages, and what the way there and back took; together the time from looking to having a plan. */
function stagesOf({ answer = 0, tick: _own, ...stages }: LoopStatus["stageMs"]): Record<string, number> {
  const inside = Object.values(stages).reduce((sum, ms) => sum + ms, 0);
  return answer > 0 ? { ...stages, "look and hand over": Math.max(0, answer - inside) } : {};
}

const NOTHING_YET: SessionStatus = {
  phase: "ready",
  mode: "nominal",
  verdict: { kind: "hold", reason: gateWords("no-grant") },
  instruction: "",
  stageMs: {},
  pointing: { act: null, place: null },
  done: 0,
  tickLateMs: 0,
  recording: null,
};

function phaseOf({ mode, phase, outcome }: LoopStatus): Phase {
  if (mode === "stop") return "stopped";
  if (mode === "hold") return "held";
  switch (phase) {
    case "moving":
      return "moving";
    case "considering":
    case "paused":
      return "thinking";
    case "idle":
      return outcome === null ? "ready" : restingPhase(outcome.verdict);
    default:
      return phase satisfies never;
  }
}

function restingPhase(verdict: Outcome["verdict"]): Phase {
  switch (verdict) {
    case "done":
    case "asked":
    case "refused":
      return verdict;
    case "failed":
    case "held":
      return "refused";
    case "stopped":
      return "ready";
    default:
      return verdict satisfies never;
  }
}

function pointingOf(belief: Belief | null): SessionStatus["pointing"] {
  const at = (channel: "act" | "place") =>
    belief?.pointing.find((pointing) => pointing.channel === channel)?.at ?? null;
  return { act: at("act"), place: at("place") };
}
