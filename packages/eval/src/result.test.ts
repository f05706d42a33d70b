import type { Outcome } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { conclude, exitCodeOf, type Facts, verdictSentence } from "./result.ts";

const seen = { judgedDone: true, toolTravelM: 0.2 };

/** An ending of the loop; the policy believes what its verdict says unless told otherwise. */
function ended(verdict: Outcome["verdict"], reason: string, believedDone = verdict === "done"): Facts {
  const question = verdict === "asked" ? { question: reason } : {};
  return { ...seen, outcome: { verdict, reason, believedDone, moved: true, ...question } };
}

const LATE = "not done within 30 s";

describe("conclude", () => {
  test.each<[string, Facts, Partial<Facts>, string, RegExp]>([
    ["believed and judged", ended("done", ""), {}, "done", /and it is/],
    ["believed, outside the grammar", ended("done", ""), { judgedDone: null }, "done", /nobody can check/],
    ["already done, without moving", ended("done", ""), { toolTravelM: 0 }, "done", /and it is/],
    ["believed at the last moment", ended("failed", LATE, true), {}, "done", /and it is/],
    ["believed, but not so", ended("done", ""), { judgedDone: false }, "failed", /believes that it is done, but/],
    ["believed at rest, but not so", ended("done", ""), { judgedDone: false, toolTravelM: 0 }, "held", /nothing needs/],
    ["done without noticing", ended("failed", LATE), {}, "failed", /did not notice/],
    ["never done", ended("failed", LATE), { judgedDone: false }, "failed", /^not done within 30 s/],
    ["idle", ended("failed", LATE), { judgedDone: false, toolTravelM: 0 }, "held", /did not move: not done within/],
    ["asked", ended("asked", "Which block?"), { toolTravelM: 0.009 }, "asked", /more than one/],
    [
      "asked after moving",
      ended("asked", "Which?"),
      { toolTravelM: 0.03 },
      "failed",
      /moved 3 cm and then asked: Which/,
    ],
    ["refused, though judged done", ended("refused", "no red cube"), { toolTravelM: 0 }, "refused", /no red cube/],
    ["held", ended("held", "in doubt", true), { toolTravelM: 0 }, "held", /in doubt/],
    ["held after moving", ended("held", "the policy failed: NaN"), {}, "failed", /gave up: the policy failed: NaN/],
    ["stopped by a person", ended("stopped", "stopped by you"), {}, "failed", /stopped by you/],
    ["stopped before it moved", ended("stopped", "stopped by you"), { toolTravelM: 0 }, "held", /stopped by you/],
  ])("%s", (_, facts, change, verdict, reason) => {
    const conclusion = conclude({ ...facts, ...change });
    expect(conclusion.verdict).toBe(verdict);
    expect(conclusion.reason).toMatch(reason);
  });

  test("a question is carried along", () => {
    expect(conclude({ ...ended("asked", "Which block?"), toolTravelM: 0 }).question).toBe("Which block?");
  });
});

test("exit codes and sentences", () => {
  expect((["done", "failed", "asked", "refused", "held"] as const).map(exitCodeOf)).toEqual([0, 1, 2, 2, 2]);
  expect(verdictSentence({ verdict: "done", reason: "believed done, and it is", simSeconds: 4.25 })).toBe(
    "Done in 4.3 s: believed done, and it is.",
  );
  expect(verdictSentence({ verdict: "asked", reason: "x", question: "Which one?", simSeconds: 1 })).toMatch(
    /asks: Which one\?$/,
  );
});
