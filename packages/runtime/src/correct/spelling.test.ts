import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSpeller, isOneSlip } from "./spelling.ts";

describe("one slip", () => {
  test.each([
    ["block", "blcok", true],
    ["block", "bloock", true],
    ["block", "blck", true],
    ["block", "blovk", true],
    ["block", "block", false],
    ["block", "blakc", false],
    ["block", "bl", false],
  ])("%s, %s: %s", (a, b, yes) => {
    expect(isOneSlip(a, b)).toBe(yes);
    expect(isOneSlip(b, a)).toBe(yes);
  });

  test("any dropped, doubled or swapped letter is one", () => {
    const word = fc.stringMatching(/^[a-z]{3,10}$/);
    fc.assert(
      fc.property(word, fc.nat(), (text, n) => {
        const at = n % (text.length - 1);
        const swapped = text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
        const dropped = text.slice(0, at) + text.slice(at + 1);
        const doubled = text.slice(0, at) + text.charAt(at) + text.slice(at);
        for (const other of [dropped, doubled, swapped]) expect(other === text || isOneSlip(text, other)).toBe(true);
      }),
    );
  });
});

describe("a speller", () => {
  const speller = createSpeller(["block", "bowl", "ball", "plate", "place"], ["clock", "doll"]);
  test.each([
    ["block", "block"],
    ["blokc", "block"],
    ["bal", "ball"],
    ["clock", "clock"],
    // Equally near to two words, or begun with another letter: nobody can tell.
    ["plaxe", null],
    ["flock", null],
    ["xyzzy", null],
    ["\u0431\u043b\u043e\u043a", null],
  ])("%s means %s", (typed, meant) => expect(speller.correct(typed)).toBe(meant));
});
