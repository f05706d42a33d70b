import type { LoopStatus, Outcome } from "@bidden/runtime";
import { expect, test } from "vitest";
import { endingOf, isSilence, statusOf } from "./endings.ts";

const outcome = (change: Partial<Outcome>): Outcome => ({
  verdict: "done",
  reason: "",
  believedDone: false,
  moved: false,
  ...change,
});

const status = (change: Partial<LoopStatus>): LoopStatus => ({
  nowMs: 0,
  phase: "idle",
  mode: "nominal",
  verdict: { kind: "hold", reason: "no-grant", share: 0 },
  grant: null,
  instruction: null,
  outcome: null,
  belief: null,
  source: null,
  chunk: "empty",
  plan: new Float32Array(3),
  toolPos: [0, 0, 0],
  gripper: 1,
  holding: false,
  pickedAt: null,
  stageMs: {},
  counts: { ticks: 0, ok: 0, clamped: 0, held: 0 },
  clampRate: 0,
  lateness: { count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0, lastMs: 0, missed: 0 },
  ...change,
});

test("a question carries its candidates, with their place in the picture where they are in it", () => {
  const candidates = [
    { at: [0.4, 0, 0.02], mass: 0.5, label: "the red block" },
    { at: [0.5, 0, 0.02], mass: 0.5 },
  ] as const;
  const asked = outcome({ verdict: "asked", question: "which one", candidates });
  const ending = endingOf(asked, null, ([x]) => (x < 0.45 ? [0.2, 0.3] : null));
  expect(ending).toEqual({
    tone: "ask",
    text: "Which one.",
    candidates: [
      { label: "the red block", at: [0.4, 0, 0.02], u: 0.2, v: 0.3 },
      { label: "the nearer one", at: [0.5, 0, 0.02], u: null, v: null },
    ],
  });
});

test("an answer is shown instead of the hold that it comes with", () => {
  const belief = {
    intent: { kind: "hold", reason: "a question" },
    done: 0,
    pointing: [],
    answer: "red block",
  } as const;
  const held = outcome({ verdict: "held", reason: "a question" });
  expect(endingOf(held, belief, () => null)).toMatchObject({ tone: "answer", text: "Red block." });
  expect(endingOf(held, null, () => null)).toMatchObject({ tone: "hold", text: "A question." });
});

test("a latched arm says why, whatever the gate says of the last tick", () => {
  expect(statusOf(status({ mode: "stop" }), "Stopped by a person.", null)).toMatchObject({
    phase: "stopped",
    verdict: { kind: "stop", reason: "Stopped by a person." },
  });
  expect(
    statusOf(status({ mode: "hold", verdict: { kind: "hold", reason: "mode-hold", share: 0 } }), "", null),
  ).toMatchObject({
    phase: "held",
    verdict: { kind: "hold", reason: "The arm is held until a person releases it." },
  });
});

test.each([
  [status({ phase: "moving" }), "moving"],
  [status({ phase: "considering" }), "thinking"],
  [status({ phase: "paused" }), "thinking"],
  [status({}), "ready"],
  [status({ outcome: outcome({ verdict: "done" }) }), "done"],
  [status({ outcome: outcome({ verdict: "held" }) }), "refused"],
  [status({ outcome: outcome({ verdict: "stopped" }) }), "ready"],
] as const)("%# reads %s", (given, phase) => {
  expect(statusOf(given, "", null).phase).toBe(phase);
});

test("the stages add up to the time from looking to having a plan", () => {
  const { stageMs } = statusOf(status({ stageMs: { encode: 2, infer: 5, answer: 9, tick: 0.1 } }), "", null);
  expect(stageMs).toEqual({ encode: 2, infer: 5, "look and hand over": 2 });
  expect(statusOf(status({ stageMs: { tick: 0.1 } }), "", null).stageMs).toEqual({});
});

test("only the policy's own silence is a reason to start it anew", () => {
  const held = (reason: string): boolean => isSilence(outcome({ verdict: "held", reason }));
  expect(held("the policy has been silent for more than 1500 ms")).toBe(true);
  expect(held("the robot has been silent for more than 500 ms")).toBe(false);
  expect(held("the policy failed: no memory")).toBe(false);
});
