import fc from "fast-check";
import { expect, test } from "vitest";
import { placeWords } from "./place-words.ts";

test.each([
  [[[0.5, 0.2, 0]], ["this one"]],
  [
    [
      [0.5, 0.2, 0],
      [0.5, -0.2, 0],
    ],
    ["the one on the right", "the one on the left"],
  ],
  [
    [
      [0.5, 0.01, 0],
      [0.4, 0, 0],
    ],
    ["the nearer one", "the farther one"],
  ],
  [
    [
      [0.5, 0, 0],
      [0.5, 0.2, 0],
      [0.5, -0.2, 0],
    ],
    ["the one in the middle", "the one on the right", "the one on the left"],
  ],
] as const)("%j", (places, words) => {
  expect(placeWords(places)).toEqual(words);
});

test("every place has a phrase of its own", () => {
  const metre = fc.double({ min: -0.3, max: 0.3, noNaN: true });
  const places = fc.array(fc.tuple(metre, metre, fc.constant(0)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(places, (given) => {
      expect(new Set(placeWords(given)).size).toBe(given.length);
    }),
  );
});
