/** The question that waits for an answer: the last thing the arm said, when it was one with candidates. */
import type { LogEntry } from "../protocol/messages.ts";
import { slow } from "./link/live.ts";
import { useStore } from "./store.ts";

export function openQuestion(log: readonly LogEntry[]): LogEntry | null {
  const last = log.findLast((entry) => entry.who !== "house");
  return last !== undefined && last.who === "arm" && last.candidates.length > 0 ? last : null;
}

export function useOpenQuestion(): LogEntry | null {
  return useStore(slow, (state) => (state.status?.phase === "asked" ? openQuestion(state.log) : null));
}

/** A, B, C …: how candidates are named in the sentence, in the pictures and on the buttons. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + (index % 26));
}
