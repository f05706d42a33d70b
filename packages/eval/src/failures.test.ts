import type { Intent } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import type { EpisodePlan, EpisodeRecord, Watched } from "./episode.ts";
import { causeOf } from "./failures.ts";
import type { RunResult } from "./result.ts";
import { isRightAnswer } from "./right-answer.ts";
import { summarise } from "./summary.ts";

type OrdinaryPlan = Extract<EpisodePlan, { kind: "ordinary" }>;

const plan: OrdinaryPlan = {
  key: "put/0",
  seed: 1_000_000,
  instruction: "put the red block on the plate",
  template: "put-1",
  kind: "ordinary",
  skill: "put",
  task: { skill: "put", object: "red-block-1", target: "blue-plate-1" },
  wordings: ["direct"],
};
const pushing: OrdinaryPlan = {
  ...plan,
  skill: "push",
  task: { skill: "push", object: "red-block-1", target: "blue-plate-1" },
};
const block = { id: "red-block-1", kind: "block", colour: "red", size: "small" } as const;
const ball = { id: "green-ball-1", kind: "ball", colour: "green", size: "small" } as const;
const result: RunResult = {
  verdict: "failed",
  reason: "",
  believedDone: false,
  judgedDone: false,
  objects: [
    { ...block, start: [0.5, 0, 0.02], end: [0.5, 0, 0.02] },
    { ...ball, start: [0.4, 0.1, 0.02], end: [0.4, 0.1, 0.02] },
  ],
  holding: null,
  drawerM: 0,
  simSeconds: 30,
  wallSeconds: 1,
  seed: 1_000_000,
};
const watched: Watched = {
  toolTravelM: 0.3,
  everHeld: [],
  everDone: false,
  violations: [],
  outcome: "failed",
  lastIntent: "obey",
  candidates: [],
  inferences: 300,
  meanInferMs: 4,
};

/** The result with one object somewhere else at the end. */
function shifted(id: string): RunResult {
  const objects = result.objects.map((object) =>
    object.id === id ? { ...object, end: [0.6, 0.1, 0.02] as const } : object,
  );
  return { ...result, objects };
}

/** The block lies on a plate that was not meant. */
const elsewhere: RunResult = {
  ...shifted("red-block-1"),
  objects: [
    ...shifted("red-block-1").objects,
    {
      id: "white-plate-1",
      kind: "plate",
      colour: "white",
      size: "large",
      start: [0.61, 0.11, 0],
      end: [0.61, 0.11, 0],
    },
  ],
};

describe("causeOf", () => {
  const asking: Partial<Watched> = { lastIntent: "ask" satisfies Intent["kind"], outcome: "asked" };
  test.each<[string, OrdinaryPlan, RunResult, Partial<Watched>]>([
    ["questioned", plan, result, { ...asking, toolTravelM: 0 }],
    ["stopped", plan, result, { outcome: "held" }],
    ["not-moved", plan, result, { toolTravelM: 0.002 }],
    ["knocked-off", plan, result, { violations: [{ object: "green-ball-1", what: "off-table" }] }],
    ["not-noticed", plan, { ...result, judgedDone: true }, {}],
    ["missed", plan, result, {}],
    ["wrong-object", plan, result, { everHeld: ["green-ball-1"] }],
    ["misplaced", plan, result, { everHeld: ["red-block-1"] }],
    ["wrong-target", plan, elsewhere, { everHeld: ["red-block-1"] }],
    ["timeout", plan, { ...result, holding: "red-block-1" }, { everHeld: ["red-block-1"] }],
    ["too-early", plan, { ...result, holding: "red-block-1", believedDone: true }, { everHeld: ["red-block-1"] }],
    ["dropped", { ...plan, skill: "pick" }, result, { everHeld: ["red-block-1"] }],
    ["missed", pushing, result, {}],
    ["wrong-object", pushing, shifted("green-ball-1"), {}],
    ["misplaced", pushing, shifted("red-block-1"), {}],
    ["timeout", { ...plan, skill: "open-drawer" }, result, {}],
  ])("%s", (cause, which, came, saw) => {
    expect(causeOf(which, came, { ...watched, ...saw }, false)).toBe(cause);
  });

  test("a success has no cause", () => expect(causeOf(plan, result, watched, true)).toBeNull());
});

describe("isRightAnswer", () => {
  const unclear = { key: "a/0", seed: 1, instruction: "", template: "", kind: "unclear" } as const;
  const ambiguous = { ...unclear, unclear: "ambiguous", candidates: ["red-block-1", "green-ball-1"] } as const;
  const at = (x: number, y: number) => ({ at: [x, y, 0] as const, mass: 0.5 });
  const asked: RunResult = { ...result, verdict: "asked", question: "Which?" };

  test("ambiguous: asked, with two of the things drawn", () => {
    expect(isRightAnswer(ambiguous, asked, [at(0.51, 0.01), at(0.4, 0.12)])).toBe(true);
    expect(isRightAnswer(ambiguous, asked, [at(0.51, 0.01), at(0.6, -0.2)])).toBe(false);
    expect(isRightAnswer(ambiguous, { ...asked, verdict: "refused" }, [at(0.51, 0.01), at(0.4, 0.12)])).toBe(false);
  });

  test.each([
    ["impossible", ["refused", "asked"]],
    ["garbage", ["refused", "held"]],
    ["forbidden", ["refused", "held"]],
  ] as const)("%s", (kind, right) => {
    for (const verdict of ["done", "failed", "asked", "refused", "held"] as const) {
      const answered = isRightAnswer({ ...unclear, unclear: kind, candidates: [] }, { ...result, verdict }, []);
      expect(answered).toBe((right as readonly string[]).includes(verdict));
    }
  });
});

test("a summary counts by skill, wording and cause, and what was wrongly questioned", () => {
  const record = (success: boolean, cause: EpisodeRecord["cause"], over: Partial<OrdinaryPlan> = {}): EpisodeRecord => {
    const came: RunResult = { ...result, judgedDone: success, believedDone: success };
    return { plan: { ...plan, ...over }, result: came, watched, success, cause };
  };
  const summary = summarise([
    record(true, null),
    record(false, "missed", { wordings: ["relation", "typo"] }),
    record(false, "questioned", { skill: "point" }),
  ]);
  expect(summary.skills.map(({ name, successes, trials }) => [name, successes, trials])).toEqual([
    ["put", 1, 2],
    ["point", 0, 1],
  ]);
  expect(summary.skills[0]?.causes).toEqual({ missed: 1 });
  expect(summary.core).toMatchObject({ successes: 1, trials: 2 });
  expect(summary.wordings.map(({ name, trials }) => [name, trials])).toEqual([
    ["direct", 2],
    ["relation", 1],
    ["typo", 1],
  ]);
  expect(summary.wronglyQuestioned).toMatchObject({ successes: 1, trials: 3 });
  expect(summary.beliefPrecision).toMatchObject({ successes: 1, trials: 1 });
  expect(summary.unclear).toEqual([]);
});
