/** What is going on, in a few words, over the table; and the way out of a hold. */
import type { ReactNode } from "react";
import type { Phase, Status } from "../protocol/messages.ts";
import { release } from "./link/acts.ts";
import { slow } from "./link/live.ts";
import { useStore } from "./store.ts";

const WORDS: Readonly<Record<Phase, string>> = {
  ready: "Ready",
  thinking: "Reading",
  moving: "Moving",
  done: "Done",
  asked: "Waiting for your answer",
  refused: "Not moving",
  held: "Held",
  stopped: "Stopped",
};

export function StatusPill(): ReactNode {
  const status = useStore(slow, (state) => state.status);
  const link = useStore(slow, (state) => state.link);
  const mayOperate = useStore(slow, (state) => state.mayOperate);
  if (status === null || link !== "open") {
    const words = link === "lost" ? "Connection lost, trying again" : "Connecting";
    return (
      <div className="pill" data-tone="wait" role="status">
        <i className="lamp" aria-hidden="true" />
        <strong>{words}</strong>
      </div>
    );
  }
  const latched = status.mode === "hold" || status.mode === "stop";
  const words = latched && status.phase !== "stopped" ? "Held" : WORDS[status.phase];
  return (
    <div className="pill" data-tone={latched ? "hold" : status.phase} role="status">
      <i className="lamp" aria-hidden="true" />
      <strong>{words}</strong>
      <span className="pill-text">{pillText(status, latched)}</span>
      {latched ? (
        <button type="button" className="pill-button" onClick={release} disabled={!mayOperate}>
          Let it move
        </button>
      ) : null}
    </div>
  );
}

function pillText(status: Status, latched: boolean): string {
  if (latched) return status.verdict.kind === "ok" ? "" : status.verdict.reason;
  return status.phase === "moving" || status.phase === "thinking" || status.phase === "done" ? status.instruction : "";
}
