import { describe, expect, it } from "vitest";
import { beliefOf, candidatesOf, DEFAULT_CALIBRATION, type RawBelief } from "./belief.ts";
import { SKILLS, type TabletopConfig, tabletopConfig } from "./config.ts";

const config: TabletopConfig = {
  ...tabletopConfig,
  cameras: [{ name: "front", grid: { width: 32, height: 8, stride: 8, window: 8 } }],
  stateNames: [],
  attributes: [
    { name: "colour", values: ["red", "purple"] },
    { name: "kind", values: ["block", "ball"] },
  ],
  answers: ["yes", "no", "red", "block"],
};

/** Of two colours and two kinds each: the values, unsaid, strange. */
const NOTHING_SAID = [0, 0, 1, 0, 0, 0, 1, 0];

/** Four patches whose guesses stand 10 cm apart along y; everything clear unless said otherwise. */
function raw(changes: Partial<Record<keyof RawBelief, readonly number[]>> = {}): RawBelief {
  const guesses = [0, 1, 2, 3].flatMap((i) => [0.5, i * 0.1, 0.02]);
  const skill = SKILLS.map((name) => (name === "pick" ? 1 : 0));
  const values = {
    pointing: [1, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    guesses,
    coordinates: [0.5, 0, 0.02, 0.5, 0.1, 0.02],
    done: [-3],
    textIntent: [1, 0, 0, 0, 0],
    sceneIntent: [1, 0, 0, 0],
    skill,
    answer: [0, 0, 0.5, 0.5],
    asked: [...NOTHING_SAID, ...NOTHING_SAID],
    ...changes,
  };
  return Object.fromEntries(Object.entries(values).map(([name, v]) => [name, Float32Array.from(v)])) as RawBelief;
}
const intent = (changes: Parameters<typeof raw>[0], text = "pick up the red block") =>
  beliefOf(config, raw(changes), text, DEFAULT_CALIBRATION).intent;

describe("beliefOf", () => {
  it("obeys what is clear", () => {
    const belief = beliefOf(config, raw(), "pick up the red block", DEFAULT_CALIBRATION);
    expect(belief.intent).toEqual({ kind: "obey" });
    expect(belief.done).toBeLessThan(0.1);
    expect(belief.pointing[0]?.at).toEqual([0.5, 0, expect.closeTo(0.02, 5)]);
    expect(belief.pointing[1]?.at).toBeNull();
  });

  it("refuses what is forbidden or garbage, and does not move for a question but answers it", () => {
    expect(intent({ textIntent: [0, 0, 0, 1, 0] })).toMatchObject({
      kind: "refuse",
      reason: expect.stringMatching(/hurt/),
    });
    expect(intent({ textIntent: [0, 0, 1, 0, 0] })).toMatchObject({
      kind: "refuse",
      reason: expect.stringMatching(/understand/),
    });
    expect(intent({ textIntent: [0, 0, 0, 0, 1] }, "paint the ball green")).toMatchObject({
      kind: "refuse",
      reason: expect.stringMatching(/can do here/),
    });
    const belief = beliefOf(config, raw({ textIntent: [0, 1, 0, 0, 0] }), "what is it?", DEFAULT_CALIBRATION);
    expect(belief.intent.kind).toBe("hold");
    expect(belief.answer).toBe("red block");
  });

  it("says what it does not see", () => {
    expect(intent({ pointing: [0, 0, 0, 0, 1, 0, 0, 0, 0, 1] }, "pick up the purple ball")).toEqual({
      kind: "refuse",
      reason: "I see no purple ball here.",
    });
    expect(intent({ sceneIntent: [0, 0, 0, 1] }, "pick up the blue bowl")).toEqual({
      kind: "refuse",
      reason: "I cannot do that with the blue bowl.",
    });
    // "Nowhere" in the place channel is right for a pick and wrong for a put.
    const put = SKILLS.map((name) => (name === "put" ? 1 : 0));
    expect(intent({ skill: put }, "put the red block in the green bowl")).toMatchObject({
      kind: "refuse",
      reason: "I see no green bowl here.",
    });
  });

  it("says it in its own words, where it knows the thing", () => {
    const lost = { pointing: [0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
    const reason = (asked: readonly number[]): unknown =>
      (intent({ ...lost, asked: [...asked, ...NOTHING_SAID] }, "grab the lilac orb") as { reason?: string }).reason;
    expect(reason([0.1, 0.9, 0, 0, 0.1, 0.8, 0.1, 0])).toBe("I see no purple ball here.");
    expect(reason([0, 1, 0, 0, 0, 0, 1, 0])).toBe("I see no purple thing here.");
    expect(reason([0, 1, 0, 0, 0, 0, 0, 1])).toBe("I see no lilac orb here.");
  });

  it("asks which one, with a place for each candidate", () => {
    const asked = intent(
      { sceneIntent: [0, 1, 0, 0], pointing: [0.5, 0, 0.4, 0.1, 0, 0, 0, 0, 0, 1] },
      "pick up the block",
    );
    expect(asked).toMatchObject({ kind: "ask", question: "Which block do you mean?" });
    if (asked.kind !== "ask") throw new Error("expected a question");
    expect(asked.candidates.map(({ at }) => Number(at[1].toFixed(2)))).toEqual([0, 0.2]);
  });
});

describe("candidatesOf", () => {
  it("gathers neighbouring patches that speak of one thing", () => {
    const guesses = [0, 0.02, 0.2, 0.5].flatMap((y) => [0.5, y, 0]);
    const found = candidatesOf(config, raw({ guesses, pointing: [0.3, 0.3, 0.4, 0, 0, 0, 0, 0, 0, 1] }), 0);
    expect(found.map(({ mass }) => Number(mass.toFixed(2)))).toEqual([0.4, 0.6]);
    expect(found[1]?.at[1]).toBeCloseTo(0.01, 5);
  });
});
