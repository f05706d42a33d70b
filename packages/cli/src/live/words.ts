/** What the gate and the loop know as codes, in words for a person. */
import type { GateReason } from "@bidden/runtime";

const GATE_WORDS: Readonly<Record<GateReason, string>> = {
  "chunk-stale": "The plan is too old to be followed.",
  "grant-expired": "The permission to move has run out.",
  "joint-limit": "A joint would leave its range.",
  "mode-hold": "The arm is held until a person releases it.",
  "mode-stop": "The arm is stopped until a person releases it.",
  "no-grant": "Nobody has asked for anything.",
  "no-proposal": "Nothing is planned at the moment.",
  "nonfinite-proposal": "The plan contains a number that is none.",
  "nonfinite-state": "The arm reports a number that is none.",
  "state-stale": "The arm has not reported where it is.",
  "tool-speed": "The tool would be too fast.",
  "tracking-error": "The arm is not where it was told to be: something blocks or pushes it.",
  workspace: "The tool would leave its workspace.",
};

export function gateWords(reason: GateReason | null): string {
  return reason === null ? "" : GATE_WORDS[reason];
}

/** A first letter in capitals and a full stop: reasons come as phrases. */
export function sentence(phrase: string): string {
  const text = phrase.trim();
  if (text === "") return text;
  const ended = /[.!?…]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
