import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { understandUtterance, type UtteranceContext } from "./understand.ts";

const CURRENT = "put the red block on the blue plate";
const moving: UtteranceContext = { currentInstruction: CURRENT, moving: true };
const resting: UtteranceContext = { currentInstruction: CURRENT, moving: false };
const fresh: UtteranceContext = { currentInstruction: null, moving: false };

describe("stop", () => {
  test.each([
    "stop",
    "STOP!!!",
    "Stop.",
    "stoooop",
    "stpo",
    "please stop",
    "stop it",
    "no, stop!",
    "robot, stop moving",
    "halt",
    "freeze!",
    "wait",
    "wait a moment",
    "hold on",
    "abort",
    "cancel",
    "never mind",
    "no",
    "no no no",
    "not that one",
    "no, leave it",
    "don't move",
  ])("%j stops a moving arm", (text) => expect(understandUtterance(text, moving)).toEqual({ kind: "stop" }));

  test.each(["override the stop", "don't stop", "ignore the stop button", "hold the red block", "hold up the ball"])(
    "%j is no stop",
    (text) => expect(understandUtterance(text, moving).kind).toBe("new"),
  );

  test("a stop needs no instruction before it", () => {
    expect(understandUtterance("stop", fresh)).toEqual({ kind: "stop" });
  });
});

describe("another thing instead", () => {
  test.each([
    ["no, the green one", "put the green block on the blue plate"],
    ["No, the GREEN one!", "put the GREEN block on the blue plate"],
    ["the green one", "put the green block on the blue plate"],
    ["no, the grene one", "put the green block on the blue plate"],
    ["what about the green one?", "put the green block on the blue plate"],
    ["make it the green one", "put the green block on the blue plate"],
    ["wait, I meant the green one", "put the green block on the blue plate"],
    ["no i want the green block", "put the green block on the blue plate"],
    ["not the red one, the green one", "put the green block on the blue plate"],
    ["the green one, not the red one", "put the green block on the blue plate"],
    ["I meant the yellow cube", "put the yellow cube on the blue plate"],
    ["the ball instead", "put the ball on the blue plate"],
    ["no, the can", "put the can on the blue plate"],
    ["not that one, the left one", "put the leftmost red block on the blue plate"],
    ["the other one", "put the other red block on the blue plate"],
    ["the smaller one", "put the smaller red block on the blue plate"],
    ["no, the one next to the ball", "put the block next to the ball on the blue plate"],
    ["not the red one", "put the block that is not red on the blue plate"],
    ["no, in the bowl", "put the red block in the bowl"],
    ["the bowl", "put the red block in the bowl"],
    ["no, on the white plate", "put the red block on the white plate"],
    ["no, the green plate", "put the red block on the green plate"],
    ["not the blue one, the white one", "put the red block on the white plate"],
    ["no, to the red square", "put the red block to the red square"],
  ])("%j", (text, instruction) => {
    for (const context of [moving, resting]) {
      const grown = understandUtterance(text, context);
      expect(grown.kind === "replace" && grown.instruction.toLowerCase()).toBe(instruction.toLowerCase());
    }
  });

  test.each([
    ["pick up the small red block left of the bowl, please", "the green one", "pick up the green block, please"],
    ["I'd like you to pick up the red block", "in the bowl", "put the red block in the bowl"],
    ["In the bowl, please put the red block", "no, the green one", "In the bowl, please put the green block"],
    ["put the ball next to the can in the bowl", "the yellow one", "put the yellow ball in the bowl"],
    ["red cube up", "the yellow one", "the yellow cube up"],
    ["push the small can onto the red square", "no, the blue square", "push the small can onto the blue square"],
    ["can you pick up the can?", "no, the red one", "can you pick up the red can?"],
  ])("%j, then %j", (currentInstruction, text, instruction) => {
    expect(understandUtterance(text, { currentInstruction, moving: true })).toEqual({ kind: "replace", instruction });
  });

  test("without an instruction to correct, it is a new one", () => {
    expect(understandUtterance("the green one", fresh)).toEqual({ kind: "new", instruction: "the green one" });
  });
});

describe("a deed of its own is a new instruction", () => {
  test.each([
    ["pick up the ball", "pick up the ball"],
    ["no, pick up the ball", "pick up the ball"],
    ["actually, put the can in the bowl", "put the can in the bowl"],
    ["take the green block", "take the green block"],
    ["how about picking up the ball", "how about picking up the ball"],
    ["put it in the bowl", "put the red block in the bowl"],
    ["throw it at me", "throw the red block at me"],
    ["push the can and stack it on the block", "push the can and stack it on the block"],
    ["hello", "hello"],
    ["!!!", "!!!"],
  ])("%j", (text, instruction) => {
    expect(understandUtterance(text, moving)).toEqual({ kind: "new", instruction });
  });
});

describe("nudges, in the person's directions", () => {
  test.each<[string, [number, number, number]]>([
    ["higher", [0, 0, 0.03]],
    ["a bit lower", [0, 0, -0.03]],
    ["a bit to the left", [0, -0.03, 0]],
    ["slightly to the right", [0, 0.015, 0]],
    ["much further back", [-0.06, 0, 0]],
    ["come closer", [0.03, 0, 0]],
    ["5 cm up", [0, 0, 0.05]],
    ["down two centimetres", [0, 0, -0.02]],
    ["12mm left", [0, -0.012, 0]],
    ["down 100 cm", [0, 0, -0.1]],
  ])("%j", (text, directionM) => {
    const nudge = understandUtterance(text, moving);
    expect(nudge).toEqual({ kind: "nudge", directionM: directionM.map((part): unknown => expect.closeTo(part, 9)) });
  });

  test("two directions share one length", () => {
    const nudge = understandUtterance("up and left", moving);
    const part: unknown = expect.closeTo(0.03 * Math.SQRT1_2, 9);
    expect(nudge).toEqual({ kind: "nudge", directionM: [0, expect.closeTo(-0.03 * Math.SQRT1_2, 9), part] });
  });
});

test.each([
  "put it back",
  "undo",
  "undo that",
  "please put it back",
  "put the red block back where it was",
  "take it back",
])("%j undoes", (text) => expect(understandUtterance(text, resting)).toEqual({ kind: "undo" }));

test.each<[string, boolean]>([
  ["yes", true],
  ["Yes!", true],
  ["yep, exactly", true],
  ["go ahead", true],
  ["that one", true],
  ["no", false],
  ["nope", false],
  ["no, thanks", false],
])("%j confirms: %s", (text, yes) => expect(understandUtterance(text, resting)).toEqual({ kind: "confirm", yes }));

test.each(["where is the red cube?", "is the drawer open", "can you see a ball?", "what is left of the bowl?"])(
  "%j is a question",
  (text) => expect(understandUtterance(text, moving)).toEqual({ kind: "question" }),
);

test("nothing typed is empty", () => {
  for (const text of ["", "   ", "\n"]) expect(understandUtterance(text, moving)).toEqual({ kind: "empty" });
});

describe("whatever is typed", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          ..."no not the one red green block ball in on it stop put back wait it's other , . ! left of".split(" "),
        ),
        {
          maxLength: 30,
        },
      )
      .map((words) => words.join(" ")),
  );

  test("never throws, and answers with a text where it answers with an instruction", () => {
    fc.assert(
      fc.property(text, fc.option(text), fc.boolean(), (typed, currentInstruction, isMoving) => {
        const understood = understandUtterance(typed, { currentInstruction, moving: isMoving });
        expect("instruction" in understood ? understood.instruction.trim() : understood.kind).not.toBe("");
      }),
      { numRuns: 500 },
    );
  });

  test("a flood is cut off instead of read", () => {
    for (const part of ["no not the red one ", "((((", "a", "\u0301", "not "]) {
      expect(understandUtterance(part.repeat(1_000_000 / part.length), moving).kind).not.toBe("nudge");
    }
  });
});
