/** Why the gate does not let a proposal through. Closed: a page and a log can translate every one of them. */
export const GATE_REASONS = [
  "chunk-stale",
  "grant-expired",
  "joint-limit",
  "mode-hold",
  "mode-stop",
  "no-grant",
  "no-proposal",
  "nonfinite-proposal",
  "nonfinite-state",
  "state-stale",
  "tool-speed",
  "tracking-error",
  "workspace",
] as const;
export type GateReason = (typeof GATE_REASONS)[number];

/** What became of one tick's proposal. With `ok` a reason says what bent the proposal, and is null when nothing did. */
export type GateVerdict = {
  /** `hold`: the stored stop is followed and motion may go on by itself; `stop`: latched, a person must raise the mode. */
  readonly kind: "ok" | "hold" | "stop";
  readonly reason: GateReason | null;
  /** Share of the proposed joint motion that was let through, 0..1. */
  readonly share: number;
};
