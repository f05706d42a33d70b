import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BiddenError } from "../contract/errors.ts";
import { cleanInstruction, MAX_INSTRUCTION } from "./clean.ts";

/** The code of what is thrown, or null. */
function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (thrown) {
    return thrown instanceof BiddenError ? thrown.code : "another error";
  }
}

describe("cleaning an instruction", () => {
  test.each([
    ["  pick up\tthe \n red   block ", "pick up the red block"],
    ["pick\u0000 up\u0007 the\u001b ball", "pick up the ball"],
    ["pick up the b\u200bal\u202el", "pick up the ball"],
    ["cafe\u0301", "caf\u00e9"],
    ["grab it \ud800", "grab it"],
    ["\ud83e\udd16 pick up", "\ud83e\udd16 pick up"],
  ])("%j becomes %j", (typed, clean) => expect(cleanInstruction(typed)).toBe(clean));

  test.each(["", "   ", "\n\t", "\u0000\u0001", "\u200b\ufeff"])("%j is empty and says what to do", (typed) => {
    expect(codeOf(() => cleanInstruction(typed))).toBe("bad-instruction");
    expect(() => cleanInstruction(typed)).toThrow(/empty.*Say/);
  });

  test("10,000 characters are refused with both numbers", () => {
    expect(() => cleanInstruction("pick ".repeat(2000))).toThrow(/10000 characters; at most 400/);
    expect(codeOf(() => cleanInstruction(" ".repeat(10_000)))).toBe("bad-instruction");
    expect(cleanInstruction("a".repeat(MAX_INSTRUCTION))).toHaveLength(MAX_INSTRUCTION);
  });

  test("anything is either cleaned, and then clean for good, or refused as a bad instruction", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (typed) => {
        const code = codeOf(() => cleanInstruction(typed));
        const clean = code === null ? cleanInstruction(typed) : "x";
        expect([null, "bad-instruction"]).toContain(code);
        expect(cleanInstruction(clean)).toBe(clean);
        expect(clean).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
