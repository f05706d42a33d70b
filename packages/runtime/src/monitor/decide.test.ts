import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Belief, Intent } from "../contract/types.ts";
import { DECIDE_DEFAULTS, decide, type Decision, UNDECIDED } from "./decide.ts";

const OBEY: Intent = { kind: "obey" };
const ASK: Intent = { kind: "ask", question: "Which one?", candidates: [] };
const REFUSE: Intent = { kind: "refuse", reason: "There is no pink block." };
const HOLD: Intent = { kind: "hold", reason: "I am not sure." };

const belief = (intent: Intent, done = 0): Belief => ({ intent, done, pointing: [] });

function after(intents: readonly Intent[], done = 0, slow = true): Decision {
  return intents.reduce((decision, intent) => decide(decision, belief(intent, done), slow), UNDECIDED);
}

describe("before the first motion", () => {
  test("one obeying inference is not enough, two are", () => {
    expect(after([OBEY]).phase).toBe("consider");
    expect(after([OBEY, ASK, OBEY]).phase).toBe("consider");
    expect(after([OBEY, OBEY]).phase).toBe("move");
  });

  test.each([
    [ASK, "asked", "Which one?"],
    [REFUSE, "refused", "There is no pink block."],
    [HOLD, "held", "I am not sure."],
  ] as const)("three times %o ends as %s", (intent, verdict, reason) => {
    expect(after([intent, intent]).end).toBeNull();
    expect(after([intent, intent, intent]).end).toMatchObject({ verdict, reason });
  });

  test("what is answered is what was thought last", () => {
    expect(after([HOLD, ASK, REFUSE]).end?.verdict).toBe("refused");
  });
});

describe("in motion", () => {
  test("one unclear inference is ignored, two pause, and two obeying ones go on", () => {
    expect(after([OBEY, OBEY, HOLD]).phase).toBe("move");
    expect(after([OBEY, OBEY, HOLD, HOLD]).phase).toBe("pause");
    expect(after([OBEY, OBEY, HOLD, HOLD, OBEY]).phase).toBe("pause");
    expect(after([OBEY, OBEY, HOLD, HOLD, OBEY, OBEY]).phase).toBe("move");
  });

  test("gives up when it stays unclear", () => {
    const unclear = Array.from({ length: DECIDE_DEFAULTS.unclearToGiveUp }, () => HOLD);
    expect(after([OBEY, OBEY, ...unclear.slice(1)]).end).toBeNull();
    expect(after([OBEY, OBEY, ...unclear]).end?.verdict).toBe("held");
  });
});

describe("done", () => {
  test("three times in a row and at rest", () => {
    expect(after([OBEY, OBEY], 0.9).end).toBeNull();
    expect(after([OBEY, OBEY, OBEY], 0.9).end?.verdict).toBe("done");
    expect(after([OBEY, OBEY, OBEY], 0.9, false).end).toBeNull();
    expect(after([OBEY, OBEY, OBEY], 0.5).end).toBeNull();
  });
});

test("never moves without two obeying inferences just before, and an end stays", () => {
  const intent = fc.constantFrom(OBEY, ASK, REFUSE, HOLD);
  fc.assert(
    fc.property(fc.array(intent, { maxLength: 40 }), (intents) => {
      let decision = UNDECIDED;
      intents.forEach((next, index) => {
        const before = decision;
        decision = decide(before, belief(next), true);
        const begins = decision.phase === "move" && before.phase !== "move";
        expect(begins && !(intents[index - 1] === OBEY && next === OBEY)).toBe(false);
        expect(before.phase === "end" && decision !== before).toBe(false);
      });
    }),
  );
});
